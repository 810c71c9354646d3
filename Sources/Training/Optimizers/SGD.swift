import Execution
import Kernels

/// Stochastic gradient descent, w -= rate * g, without momentum.
package final class SGD: Optimizer {
  package static let name = "sgd"
  package static let standardLearningRate = 1.0
  package let memory: [(name: String, values: ParameterBuffer)] = []

  package init(_ layout: ParameterLayout) throws(Failure) {}

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    var update = DescentUpdate(
      weights: step.weights.values.base + range.lowerBound,
      gradients: UnsafePointer(step.gradients.values.base + range.lowerBound),
      count: range.count, rate: step.learningRate, gradientScale: step.gradientScale)
    step.kernels.descend(&update)
  }
}
