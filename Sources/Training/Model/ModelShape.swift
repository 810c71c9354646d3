import Cells
import Kernels

/// What a language model is made of, without weights.
package struct ModelShape: Sendable {
  /// Of the layers, from the input up.
  package var cells: [Cell]
  package var vocabulary: Vocabulary
  /// H of every layer.
  package var hiddenSize: Int
  /// E; nil for the hidden size.
  package var embeddingSize: Int?
  /// Whether embedding and softmax share their matrix (Press and Wolf 2017, arXiv:1608.05859).
  package var isTied: Bool

  package init(
    cells: [Cell], vocabulary: Vocabulary, hiddenSize: Int, embeddingSize: Int? = nil,
    isTied: Bool = false
  ) {
    self.cells = cells
    self.vocabulary = vocabulary
    self.hiddenSize = hiddenSize
    self.embeddingSize = embeddingSize
    self.isTied = isTied
  }

  /// E.
  package var inputSize: Int { embeddingSize ?? hiddenSize }

  /// The number of learned values.
  ///
  /// - Throws: `.invalidArgument` or `.limit` for sizes that no cell can have, or tied weights of
  ///   unequal sizes.
  package var parameterCount: Int {
    get throws(Failure) {
      try checkTie()
      var count = vocabulary.count * (inputSize + 1 + (isTied ? 0 : hiddenSize))
      for (layer, cell) in cells.enumerated() {
        count += try cell.parameterCount(
          inputSize: layer == 0 ? inputSize : hiddenSize, hiddenSize: hiddenSize)
      }
      return count
    }
  }

  /// The hidden size with which the model's count of learned values comes nearest to `target`.
  ///
  /// The smaller one of two that are equally near. Cells with block-diagonal matrices get multiples
  /// of their blocks.
  package func hiddenSize(nearestTo target: Int) throws(Failure) -> Int {
    let step = hiddenSizeStep
    func count(_ multiple: Int) throws(Failure) -> Int {
      var shape = self
      shape.hiddenSize = multiple * step
      if isTied { shape.embeddingSize = nil }
      return try shape.parameterCount
    }
    // The count grows with the size: the largest one that is not over the target, and the next.
    var low = 1
    var high = max(1, Limits.size / step)
    guard try count(low) < target else { return step }
    while high - low > 1 {
      let middle = (low + high) / 2
      if try count(middle) <= target { low = middle } else { high = middle }
    }
    let below = target - (try count(low))
    return abs((try count(high)) - target) < below ? high * step : low * step
  }

  /// What hidden sizes must be a multiple of.
  private var hiddenSizeStep: Int {
    var step = 1
    for cell in cells {
      for parameter in cell.graph.parameters {
        guard case .matrix(_, _, let blocks) = parameter.shape else { continue }
        step = step / greatestDivisor(step, blocks) * blocks
      }
    }
    return step
  }

  private func greatestDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestDivisor(b, a % b)
  }

  func checkTie() throws(Failure) {
    guard isTied, inputSize != hiddenSize else { return }
    throw .invalid(
      "tied weights need an embedding size equal to the hidden size, but the embedding size is "
        + "\(inputSize) and the hidden size \(hiddenSize); make them equal, or do not tie")
  }
}
