import Execution
import Glibc
import Kernels

/// Adam (Kingma and Ba 2015, arXiv:1412.6980, algorithm 1); weight decay goes into the gradient.
package class Adam: Optimizer {
  package class var name: String { "adam" }
  package class var standardLearningRate: Double { 0.002 }

  private let settings: OptimizerSettings
  private let first: ParameterBuffer
  private let second: ParameterBuffer
  package var memory: [(name: String, values: ParameterBuffer)] {
    [("first_moment", first), ("second_moment", second)]
  }
  /// Whether weight decay stands apart from the gradient.
  fileprivate class var isDecoupled: Bool { false }

  package required init(_ layout: ParameterLayout, _ settings: OptimizerSettings) throws(Failure) {
    self.settings = settings
    first = try ParameterBuffer(layout)
    second = try ParameterBuffer(layout)
  }

  package func update(_ range: Range<Int>, _ step: OptimizerStep) {
    let start = range.lowerBound
    let (beta1, beta2, number) = (settings.beta1, settings.beta2, Double(step.number))
    let decay = Float(settings.weightDecay)
    let isDecoupled = Self.isDecoupled
    var update = AdamUpdate(
      weights: step.weights.values.base + start,
      gradients: UnsafePointer(step.gradients.values.base + start),
      first: first.values.base + start, second: second.values.base + start, count: range.count,
      rate: step.learningRate, beta1: Float(beta1), beta2: Float(beta2),
      epsilon: Float(settings.epsilon ?? 1e-8), correction1: Float(1 - pow(beta1, number)),
      correction2: Float(1 - pow(beta2, number)), gradientScale: step.gradientScale,
      decay: isDecoupled ? 0 : decay, decoupledDecay: isDecoupled ? decay : 0)
    step.kernels.adam(&update)
  }
}

/// Adam with weight decay apart from the gradient, w -= rate * decay * w beside the step.
///
/// Loshchilov and Hutter 2019, arXiv:1711.05101, algorithm 2.
package final class AdamW: Adam {
  package override class var name: String { "adamw" }
  fileprivate override class var isDecoupled: Bool { true }
}
