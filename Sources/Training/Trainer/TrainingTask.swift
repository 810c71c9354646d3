import Execution
import Kernels

/// A model that a trainer can train.
package protocol TrainableModel: AnyObject {
  var network: Network { get }
  var weights: ParameterBuffer { get }
  /// The epochs of all fits.
  var history: [TrainingProgress] { get set }
  /// Updates of the weights since the model was made.
  var updates: Int { get set }
  /// Trained on since the model was made.
  var tokens: Int { get set }

  /// All that makes the model, ready to be written.
  func tensors() throws(Failure) -> SafeTensors
  /// A model from what `tensors` made.
  init(_ file: SafeTensors) throws(Failure)
  /// Whether another model has the same parameters, inputs and outputs, whatever the weights.
  func isSame(as other: any TrainableModel) -> Bool
}

extension Initialization {
  /// Up to which size the linear layer behind states [B, H] starts.
  ///
  /// States are small at first, and learn through that layer: in +-1 / sqrt(H) LSTM and GRU end 0.07 to 0.09
  /// nats higher after four epochs on the characters of the Penn Treebank.
  func outputRange(_ size: Int) -> Double { range ?? 5 / Double(size).squareRoot() }
}

extension TrainableModel {
  /// Starts a learned array uniform in +-range.
  func fill(_ entry: ParameterEntry, _ range: Double, _ seed: UInt64, _ purpose: UInt64) {
    let high = Float(range)
    weights.randomize(entry, Philox(seed: seed, purpose: purpose), low: -high, span: high + high)
  }

  /// A network of its own with the cells of the model's layers and a copy of their weights.
  package func bareNetwork() throws(Failure) -> (network: Network, weights: ParameterBuffer) {
    var layout = ParameterLayout()
    let bare = try Network(
      cells: network.cells, inputSize: network.inputSize, hiddenSizes: network.hiddenSizes,
      wiring: network.wiring, layout: &layout)
    let copy = try ParameterBuffer(layout)
    for entry in layout.entries {
      guard let own = weights.layout[entry.name] else { continue }
      copy.write(entry, from: weights.read(own))
    }
    return (bare, copy)
  }
}

/// The data that a model is trained on, and how its loss and gradient are worked out.
package protocol TrainingTask: AnyObject {
  var model: any TrainableModel { get }
  /// What must be the same, the data's digest among it, for training to go on from a checkpoint.
  var agreements: [(name: String, value: String)] { get }

  /// Updates of an epoch, counted from 1.
  func updates(epoch: Int) -> Int

  /// The loss of an update, whose gradient it leaves in the gradients that it was made with.
  func lossesAndGradient(_ place: TrainingPlace, _ team: Team) throws(Failure) -> UpdateLoss

  /// The loss on the validation data; nil where there is too little of it to have one.
  func validLoss(_ team: Team) throws(Failure) -> Double?

  // MARK: What is carried from one update to the next

  /// B, or 0 where nothing is carried.
  var carriedBatch: Int { get }
  func clearState()
  func carryState()
  func loadState(_ source: UnsafePointer<Float>)
  func storeState(_ destination: UnsafeMutablePointer<Float>)
}

/// Where an update stands in a training.
package struct TrainingPlace {
  /// From 1.
  package var epoch: Int
  /// Updates of this epoch before it.
  package var index: Int
  /// Updates of this training before it.
  package var update: Int
}

/// The losses of some updates.
package struct UpdateLoss: Equatable {
  /// In nats, or of squared errors.
  package var sum = 0.0
  /// What the sum is over: predicted tokens, steps or sequences.
  package var terms = 0
  /// Time steps of all sequences.
  package var tokens = 0
  /// What the learning rate is multiplied with, for updates on shorter segments.
  package var rateFactor = 1.0

  package var mean: Double { sum / Double(terms) }

  package mutating func add(_ other: UpdateLoss) {
    sum += other.sum
    terms += other.terms
    tokens += other.tokens
  }
}
