import Cells
import Execution
import Kernels

/// What a sequence model is to say.
package enum TargetKind: String, Sendable, CaseIterable {
  /// Which of K classes; the loss is the cross-entropy in nats.
  case classes
  /// K numbers; the loss is their mean squared error.
  case values
  /// Which of K labels hold, each by itself; the loss is the sum of their cross-entropies in nats.
  case labels
}

/// What a sequence model is made of, without weights.
package struct SequenceShape: Sendable {
  /// Of the layers, from the input up.
  package var cells: [Cell]
  /// Of each layer.
  package var hiddenSizes: [Int]
  package var inputSize: Int
  package var kind: TargetKind
  /// K.
  package var outputSize: Int
  /// Whether it speaks at every time step; else after the last.
  package var isPerStep: Bool
  /// How the layers are joined.
  package var wiring: Wiring

  package init(
    cells: [Cell], hiddenSizes: [Int], inputSize: Int, kind: TargetKind, outputSize: Int,
    isPerStep: Bool, wiring: Wiring = Wiring()
  ) {
    self.cells = cells
    self.hiddenSizes = hiddenSizes
    self.inputSize = inputSize
    self.kind = kind
    self.outputSize = outputSize
    self.isPerStep = isPerStep
    self.wiring = wiring
  }

  /// The number of learned values.
  ///
  /// - Throws: `.invalidArgument` or `.limit` for sizes that no cell can have.
  package var parameterCount: Int {
    get throws(Failure) {
      let directions = wiring.directions
      var count = outputSize * ((hiddenSizes.last ?? 0) * directions + 1)
      for (layer, cell) in cells.enumerated() {
        count +=
          try directions
          * cell.parameterCount(
            inputSize: layer == 0 ? inputSize : hiddenSizes[layer - 1] * directions,
            hiddenSize: hiddenSizes[layer])
      }
      return count
    }
  }

  /// The same with all layers of the size with which the count of learned values comes nearest to
  /// `target`.
  package func sized(nearestTo target: Int) throws(Failure) -> SequenceShape {
    var shape = self
    let size = try SizeSearch(cells).size(nearestTo: target) { size throws(Failure) in
      var shape = self
      shape.hiddenSizes = cells.map { _ in size }
      return try shape.parameterCount
    }
    shape.hiddenSizes = cells.map { _ in size }
    return shape
  }
}

/// A model of sequences of vectors: layers of cells, and a linear layer on the outputs of the last.
///
/// Its parameters are those of the layers, `output.weight` [K, H] and `output.bias` [K]. Used by one
/// thread at a time.
package final class SequenceModel: TrainableModel {
  package let shape: SequenceShape
  package let network: Network
  package let weights: ParameterBuffer
  package var history: [TrainingProgress] = []
  package var updates = 0
  package var tokens = 0

  /// The matrix [K, H] and the bias [K] of the linear layer.
  let outputMatrix: ParameterEntry
  let outputBias: ParameterEntry

  /// A model with all weights zero.
  ///
  /// - Throws: `.invalidArgument` or `.limit` for sizes that cannot be, `.outOfMemory`.
  init(zero shape: SequenceShape) throws(Failure) {
    guard (1...Limits.size).contains(shape.outputSize) else {
      throw Failure(
        shape.outputSize > 0 ? .limit : .invalidArgument,
        "\(shape.outputSize) \(shape.kind.rawValue) are out of range; use 1 to \(Limits.size)")
    }
    guard shape.kind != .classes || shape.outputSize > 1 else {
      throw .invalid("1 class leaves nothing to tell apart; use at least 2")
    }
    var layout = ParameterLayout()
    network = try Network(
      cells: shape.cells, inputSize: shape.inputSize, hiddenSizes: shape.hiddenSizes,
      wiring: shape.wiring, layout: &layout)
    let matrix = try layout.addMatrix(
      LanguageModel.outputMatrixName, rows: shape.outputSize, columns: network.outputSize)
    let bias = try layout.addVector(
      LanguageModel.outputBiasName, count: shape.outputSize, role: .bias)
    self.shape = shape
    outputMatrix = layout.entries[matrix]
    outputBias = layout.entries[bias]
    weights = try ParameterBuffer(layout)
  }

  /// A model with starting weights that follow from the seed: the network's as it says, those of the
  /// linear layer in +-5 / sqrt(H), as of a language model, its bias 0, or all in a range.
  package convenience init(
    _ shape: SequenceShape, seed: UInt64, initialization: Initialization = Initialization()
  ) throws(Failure) {
    try self.init(zero: shape)
    network.initialize(weights, seed: seed, initialization)
    fill(outputMatrix, initialization.outputRange(network.outputSize), seed, 0x6F75_7477)
    fill(outputBias, initialization.range ?? 0, seed, 0x6F75_7462)
  }

  package func isSame(as other: any TrainableModel) -> Bool {
    guard let other = other as? SequenceModel else { return false }
    return shape.cells.map(\.equations) == other.shape.cells.map(\.equations)
      && weights.layout.entries == other.weights.layout.entries && shape.kind == other.shape.kind
      && shape.isPerStep == other.shape.isPerStep && shape.wiring == other.shape.wiring
  }

  /// The outputs for sequences, row-major: probabilities of classes or labels, or values.
  ///
  /// - Parameter result: [sequences, K], or [time steps of all sequences, K] where it speaks at every
  ///   step.
  /// - Throws: `.invalidArgument` for sequences that do not fit the model.
  package func predict(
    _ data: SequenceData, to result: UnsafeMutablePointer<Float>, threads: Int
  ) throws(Failure) {
    let team = try Team(threads: threads)
    try SequenceScorer(self, data).predict(to: result, team)
  }

  /// The mean loss over the targets of the sequences, per sequence or per time step.
  ///
  /// - Throws: `.invalidArgument` for sequences or targets that do not fit the model; `.diverged` for a
  ///   loss that is not finite.
  package func loss(_ data: SequenceData, threads: Int) throws(Failure) -> Double {
    let team = try Team(threads: threads)
    return try SequenceScorer(self, data).loss(team)
  }
}
