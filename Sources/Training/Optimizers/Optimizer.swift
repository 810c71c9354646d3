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
  init(_ layout: ParameterLayout) throws(Failure)

  /// What the rule remembers between updates, by its name in a checkpoint.
  var memory: [(name: String, values: ParameterBuffer)] { get }

  /// Changes the weights in a range of floats.
  func update(_ range: Range<Int>, _ step: OptimizerStep)
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
  package static let all: [any Optimizer.Type] = [Adam.self, SGD.self]

  /// - Throws: `.invalidArgument` with all names for a name that is not known.
  package static func named(_ name: String) throws(Failure) -> any Optimizer.Type {
    if let found = all.first(where: { $0.name == name }) { return found }
    throw .invalid(
      "there is no optimizer '\(name.prefix(64))'; there are "
        + all.map { $0.name }.joined(separator: ", "))
  }
}
