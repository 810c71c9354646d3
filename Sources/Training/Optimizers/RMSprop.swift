import Execution
import Kernels

/// RMSprop (Tieleman and Hinton 2012, lecture 6.5): the gradient over the root of the moving mean of its
/// square, with momentum if that is asked for.
package final class RMSprop: Optimizer {
  package static let name = "rmsprop"
  package static let standardLearningRate = 0.002

  private let settings: OptimizerSettings
  private let squares: ParameterBuffer
  private let velocity: ParameterBuffer?
  package var memory: [(name: String, values: ParameterBuffer)] {
    [("squares", squares)] + (velocity.map { [("velocity", $0)] } ?? [])
  }

  package init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    self.settings = settings
    squares = try ParameterBuffer(layout)
    velocity = settings.momentum > 0 ? try ParameterBuffer(layout) : nil
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    let start = range.lowerBound
    var update = RMSpropUpdate(
      weights: step.weights.values.base + start,
      gradients: UnsafePointer(step.gradients.values.base + start),
      squares: squares.values.base + start, velocity: velocity.map { $0.values.base + start },
      count: range.count, rate: step.learningRate, smoothing: Float(settings.smoothing),
      momentum: Float(settings.momentum), epsilon: Float(settings.epsilon ?? 1e-8),
      gradientScale: step.gradientScale, decay: Float(settings.weightDecay))
    step.kernels.rmsprop(&update)
  }
}
