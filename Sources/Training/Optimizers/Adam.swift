import Execution
import Glibc
import Kernels

/// Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1); weight decay goes into the gradient.
package final class Adam: Optimizer {
  package static let name = "adam"
  package static let standardLearningRate = 0.002

  private let moments: AdamMoments
  package var memory: [(name: String, values: ParameterBuffer)] { moments.memory }

  package init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    moments = try AdamMoments(layout, settings)
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    moments.update(range, step, decay: moments.settings.weightDecay, decoupledDecay: 0)
  }
}

/// Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019, arXiv:1711.05101,
/// algorithm 2): w -= rate * decay * w beside the step.
package final class AdamW: Optimizer {
  package static let name = "adamw"
  package static let standardLearningRate = 0.002

  private let moments: AdamMoments
  package var memory: [(name: String, values: ParameterBuffer)] { moments.memory }

  package init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    moments = try AdamMoments(layout, settings)
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    moments.update(range, step, decay: 0, decoupledDecay: moments.settings.weightDecay)
  }
}

/// The moving means of the gradient and of its square, which both rules are made of.
private final class AdamMoments {
  let settings: OptimizerSettings
  private let first: ParameterBuffer
  private let second: ParameterBuffer
  var memory: [(name: String, values: ParameterBuffer)] {
    [("first_moment", first), ("second_moment", second)]
  }

  init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    self.settings = settings
    first = try ParameterBuffer(layout)
    second = try ParameterBuffer(layout)
  }

  func update(_ range: Range<Int>, _ step: OptimizerStep, decay: Double, decoupledDecay: Double) {
    let start = range.lowerBound
    let (beta1, beta2, number) = (settings.beta1, settings.beta2, Double(step.number))
    var update = AdamUpdate(
      weights: step.weights.values.base + start,
      gradients: UnsafePointer(step.gradients.values.base + start),
      first: first.values.base + start, second: second.values.base + start, count: range.count,
      rate: step.learningRate, beta1: Float(beta1), beta2: Float(beta2),
      epsilon: Float(settings.epsilon ?? 1e-8), correction1: Float(1 - pow(beta1, number)),
      correction2: Float(1 - pow(beta2, number)), gradientScale: step.gradientScale,
      decay: Float(decay), decoupledDecay: Float(decoupledDecay))
    step.kernels.adam(&update)
  }
}
