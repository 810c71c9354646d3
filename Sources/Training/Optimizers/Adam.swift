import Execution
import Glibc
import Kernels

/// Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1) with the constants of the paper.
package final class Adam: Optimizer {
  package static let name = "adam"
  package static let standardLearningRate = 0.002
  static let beta1 = 0.9
  static let beta2 = 0.999
  static let epsilon = 1e-8

  private let first: ParameterBuffer
  private let second: ParameterBuffer
  package var memory: [(name: String, values: ParameterBuffer)] {
    [("first_moment", first), ("second_moment", second)]
  }

  package init(_ layout: ParameterLayout) throws(Failure) {
    first = try ParameterBuffer(layout)
    second = try ParameterBuffer(layout)
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    let start = range.lowerBound
    var update = AdamUpdate(
      weights: step.weights.values.base + start,
      gradients: UnsafePointer(step.gradients.values.base + start),
      first: first.values.base + start, second: second.values.base + start, count: range.count,
      rate: step.learningRate, beta1: Float(Self.beta1), beta2: Float(Self.beta2),
      epsilon: Float(Self.epsilon), correction1: Float(1 - pow(Self.beta1, Double(step.number))),
      correction2: Float(1 - pow(Self.beta2, Double(step.number))),
      gradientScale: step.gradientScale)
    step.kernels.adam(&update)
  }
}
