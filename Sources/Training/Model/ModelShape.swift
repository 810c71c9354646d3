import Cells
import Execution
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
  /// How the layers are joined; a language model reads in one direction.
  package var wiring: Wiring

  package init(
    cells: [Cell], vocabulary: Vocabulary, hiddenSize: Int, embeddingSize: Int? = nil,
    isTied: Bool = false, wiring: Wiring = Wiring()
  ) {
    self.cells = cells
    self.vocabulary = vocabulary
    self.hiddenSize = hiddenSize
    self.embeddingSize = embeddingSize
    self.isTied = isTied
    self.wiring = wiring
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
    try SizeSearch(cells).size(nearestTo: target) { size throws(Failure) in
      var shape = self
      shape.hiddenSize = size
      if isTied { shape.embeddingSize = nil }
      return try shape.parameterCount
    }
  }

  func checkTie() throws(Failure) {
    guard isTied, inputSize != hiddenSize else { return }
    throw .invalid(
      "tied weights need an embedding size equal to the hidden size, but the embedding size is "
        + "\(inputSize) and the hidden size \(hiddenSize); make them equal, or do not tie")
  }
}
