import Execution
import Kernels

/// Stochastic gradient descent, w -= rate * g; with momentum v = momentum * v + g and w -= rate * v, or,
/// after Nesterov, w -= rate * (g + momentum * v).
package final class SGD: Optimizer {
  package static let name = "sgd"
  package static let standardLearningRate = 1.0

  private let settings: OptimizerSettings
  private let velocity: ParameterBuffer?
  package var memory: [(name: String, values: ParameterBuffer)] {
    velocity.map { [("velocity", $0)] } ?? []
  }

  package init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    self.settings = settings
    velocity = settings.momentum > 0 ? try ParameterBuffer(layout) : nil
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    let start = range.lowerBound
    let (weights, gradients) = (
      step.weights.values.base + start, UnsafePointer(step.gradients.values.base + start)
    )
    guard let velocity else {
      var update = DescentUpdate(
        weights: weights, gradients: gradients, count: range.count, rate: step.learningRate,
        gradientScale: step.gradientScale, decay: Float(settings.weightDecay))
      return step.kernels.descend(&update)
    }
    var update = MomentumUpdate(
      weights: weights, gradients: gradients, velocity: velocity.values.base + start,
      count: range.count, rate: step.learningRate, momentum: Float(settings.momentum),
      isNesterov: settings.isNesterov, gradientScale: step.gradientScale,
      decay: Float(settings.weightDecay))
    step.kernels.descendWithMomentum(&update)
  }
}
