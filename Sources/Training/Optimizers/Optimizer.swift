import Execution
import Kernels

/// A rule that turns gradients into changes of the weights.
///
/// It works element by element on flat ranges, so that threads can share an update in any way.
package protocol Optimizer: AnyObject, SendableMetatype {
  /// As the options say it.
  static var name: String { get }
  /// What `TrainingOptions` takes where nobody says.
  static var standardLearningRate: Double { get }

  /// Makes what the rule remembers, all zeros.
  init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure)

  /// What the rule remembers between updates, by its name in a checkpoint.
  var memory: [(name: String, values: ParameterBuffer)] { get }

  /// Changes the weights in a range of floats.
  func update(_ range: Range<Int>, _ step: OptimizerStep)
}

extension Optimizer {
  /// With the usual constants.
  package init(_ layout: ParameterLayout) throws(Failure) {
    try self.init(layout, OptimizerSettings())
  }
}

/// Constants of the optimisers, each of which reads what it knows.
package struct OptimizerSettings: Sendable, Hashable {
  /// Of the gradient's mean in SGD and RMSprop.
  package var momentum = 0.0
  /// Whether SGD looks ahead, after Nesterov (Sutskever, Martens and others 2013, equation 3).
  package var isNesterov = false
  /// A part of the weights that is taken off them: for AdamW by itself, for others in the gradient.
  package var weightDecay = 0.0
  /// Of Adam and AdamW.
  package var beta1 = 0.9
  package var beta2 = 0.999
  /// Of Adam, AdamW and RMSprop; nil for the usual 1e-8.
  package var epsilon: Double?
  /// Of the mean of squares in RMSprop.
  package var smoothing = 0.99

  package init() {}

  func check() throws(Failure) {
    for (name, value) in [
      ("momentum", momentum), ("beta1", beta1), ("beta2", beta2), ("smoothing", smoothing),
    ] where !(value >= 0 && value < 1) {
      throw .invalid("\(name) \(value) is not from 0 to below 1")
    }
    guard weightDecay >= 0, weightDecay.isFinite else {
      throw .invalid("weight_decay \(weightDecay) is not a number from 0 up")
    }
    guard epsilon ?? 1 > 0, epsilon?.isFinite ?? true else {
      throw .invalid("epsilon \(epsilon ?? 0) is not positive; use 1e-8")
    }
  }
}

/// One update of the weights.
package struct OptimizerStep {
  package var weights: ParameterBuffer
  package var gradients: ParameterBuffer
  /// From 1.
  package var number: Int
  package var learningRate: Float
  /// What the gradients are multiplied with first: below 1 where they are clipped.
  package var gradientScale: Float
  package var kernels: KernelTable

  package init(
    weights: ParameterBuffer, gradients: ParameterBuffer, number: Int, learningRate: Float,
    gradientScale: Float, kernels: KernelTable
  ) {
    self.weights = weights
    self.gradients = gradients
    self.number = number
    self.learningRate = learningRate
    self.gradientScale = gradientScale
    self.kernels = kernels
  }
}

/// The optimisers that options can name.
package enum Optimizers {
  /// Adding one is a file beside this one and a line here.
  package static let all: [any Optimizer.Type] = [
    Adam.self, AdamW.self, RMSprop.self, SGD.self,
  ]

  /// - Throws: `.invalidArgument` with all names for a name that is not known.
  package static func named(_ name: String) throws(Failure) -> any Optimizer.Type {
    if let found = all.first(where: { $0.name == name }) { return found }
    throw .invalid(
      "there is no optimizer '\(name.prefix(64))'; there are "
        + all.map { $0.name }.joined(separator: ", "))
  }
}
