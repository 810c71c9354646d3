import Cells
import Execution
import Kernels

/// A model of text: embedding, layers of cells, and a softmax over the vocabulary.
///
/// Its parameters are `embedding.weight` [V, E], those of the layers, `output.weight` [V, H] (unless
/// tied to the embedding) and `output.bias` [V]. Used by one thread at a time.
package final class LanguageModel: TrainableModel {
  package let shape: ModelShape
  package let network: Network
  package let weights: ParameterBuffer
  /// The epochs of all fits.
  package var history: [TrainingProgress] = []
  /// Updates of the weights since the model was made.
  package var updates = 0
  /// Trained on since the model was made.
  package var tokens = 0

  let embedding: Embedding
  /// The matrix of the softmax [V, H]; that of the embedding where they are tied.
  let outputMatrix: ParameterEntry
  let outputBias: ParameterEntry

  package var vocabulary: Vocabulary { shape.vocabulary }
  package var isTied: Bool { shape.isTied }

  package static let embeddingName = "embedding.weight"
  package static let outputMatrixName = "output.weight"
  package static let outputBiasName = "output.bias"

  /// A model with all weights zero.
  ///
  /// - Throws: `.invalidArgument` or `.limit` for sizes that cannot be, `.outOfMemory`.
  init(zero shape: ModelShape) throws(Failure) {
    guard !shape.cells.isEmpty, shape.cells.count <= Limits.layers else {
      throw .invalid("\(shape.cells.count) layers; use 1 to \(Limits.layers)")
    }
    for (what, size) in [("hidden", shape.hiddenSize), ("embedding", shape.inputSize)] {
      guard size > 0, size <= Limits.size else {
        throw Failure(
          size > 0 ? .limit : .invalidArgument,
          "\(what) size \(size) is out of range; use 1 to \(Limits.size)")
      }
    }
    try shape.checkTie()
    guard !shape.wiring.isBidirectional else {
      throw .invalid(
        "a language model cannot read backward: it would see what it is to predict; leave out "
          + "bidirectional")
    }
    let words = shape.vocabulary.count
    var layout = ParameterLayout()
    let embeddingIndex = try layout.addMatrix(
      Self.embeddingName, rows: words, columns: shape.inputSize)
    network = try Network(
      cells: shape.cells, inputSize: shape.inputSize,
      hiddenSizes: shape.cells.map { _ in shape.hiddenSize }, wiring: shape.wiring,
      layout: &layout)
    let matrixIndex =
      shape.isTied
      ? embeddingIndex
      : try layout.addMatrix(Self.outputMatrixName, rows: words, columns: shape.hiddenSize)
    let biasIndex = try layout.addVector(Self.outputBiasName, count: words, role: .bias)
    self.shape = shape
    embedding = Embedding(entry: layout.entries[embeddingIndex])
    outputMatrix = layout.entries[matrixIndex]
    outputBias = layout.entries[biasIndex]
    weights = try ParameterBuffer(layout)
  }

  /// A model with starting weights that follow from the seed.
  ///
  /// With a range, all are uniform in +-range. Without, the network's start as the network says, the
  /// embedding in +-1, the softmax in +-5 / sqrt(H), also where they are tied, and its bias at 0.
  package convenience init(
    _ shape: ModelShape, seed: UInt64, initialization: Initialization = Initialization()
  ) throws(Failure) {
    try self.init(zero: shape)
    network.initialize(weights, seed: seed, initialization)
    let outputRange = initialization.outputRange(shape.hiddenSize)
    fill(embedding.entry, isTied ? outputRange : initialization.range ?? 1, seed, 0x656D_6264)
    if !isTied { fill(outputMatrix, outputRange, seed, 0x6F75_7477) }
    fill(outputBias, initialization.range ?? 0, seed, 0x6F75_7462)
  }

  package func isSame(as other: any TrainableModel) -> Bool {
    guard let other = other as? LanguageModel else { return false }
    return shape.cells.map(\.equations) == other.shape.cells.map(\.equations)
      && weights.layout.entries == other.weights.layout.entries && isTied == other.isTied
      && vocabulary == other.vocabulary && shape.wiring == other.shape.wiring
  }

  /// - Throws: `.invalidArgument` for an id outside the vocabulary, or fewer than 2 tokens.
  func check(_ tokens: UnsafeBufferPointer<Int32>) throws(Failure) {
    guard tokens.count >= 2 else {
      throw .invalid("\(tokens.count) tokens; a loss needs at least 2")
    }
    guard let place = tokens.firstIndex(where: { $0 < 0 || $0 >= vocabulary.count }) else { return }
    throw .invalid(
      "token \(place) is \(tokens[place]), which is not in the vocabulary of \(vocabulary.count)")
  }
}
