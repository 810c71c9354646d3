import Cells
import Execution
import Glibc
import Kernels

/// Means of the weights over the updates, which often do better than the last weights.
///
/// Evaluations are made with them, and the model gets them when training ends.
package final class WeightAverage {
  package enum Rule: Sendable, Hashable {
    /// The exponential moving average m = decay m + (1 - decay) w, begun at the first update and without
    /// bias towards it.
    case moving(decay: Double)
    /// The plain mean of all weights since the validation loss was for the first time no better than the
    /// best of the epochs before the last `interval` ones (Merity et al. 2018, arXiv:1708.02182,
    /// algorithm 1).
    case triggered(interval: Int)

    func check() throws(Failure) {
      switch self {
      case .moving(let decay) where !(decay > 0 && decay < 1):
        throw .invalid("average \(decay) is not between 0 and 1; use 0.999, or leave it out")
      case .triggered(let interval) where interval < 1:
        throw .invalid("average_interval \(interval) is not positive; use 5, or leave it out")
      default: return
      }
    }
  }

  let rule: Rule
  let buffer: ParameterBuffer
  /// Weights that the mean is of.
  private var count = 0
  /// Validation losses of all epochs before the trigger.
  private var losses: [Double] = []
  private var isTriggered = false

  init(_ rule: Rule, _ layout: ParameterLayout) throws(Failure) {
    self.rule = rule
    buffer = try ParameterBuffer(layout)
  }

  /// The mean, once there is one.
  var mean: ParameterBuffer? { count > 0 ? buffer : nil }

  /// Takes the weights after an update into the mean.
  func take(_ weights: ParameterBuffer) {
    let share: Double
    switch rule {
    case .moving(let decay): share = (1 - decay) / (1 - pow(decay, Double(count + 1)))
    case .triggered:
      guard isTriggered else { return }
      share = 1 / Double(count + 1)
    }
    count += 1
    let (mean, new, part) = (buffer.values, weights.values, Float(share))
    for index in 0..<mean.count { mean.base[index] += part * (new.base[index] - mean.base[index]) }
    buffer.version &+= 1
  }

  /// Hears the validation loss at the end of an epoch.
  func hear(_ loss: Double) {
    guard case .triggered(let interval) = rule, !isTriggered else { return }
    if losses.count > interval, let best = losses.dropLast(interval).min(), loss > best {
      isTriggered = true
    }
    losses.append(loss)
  }

  /// What a checkpoint keeps of it beside the mean.
  var description: JSON {
    .object([
      JSON.Member("count", .integer(count)), JSON.Member("triggered", .bool(isTriggered)),
      JSON.Member("losses", .array(losses.map { .string("\($0)") })),
    ])
  }

  func restore(_ description: JSON) throws(Failure) {
    guard let count = description["count"]?.integer, Limits.counts.contains(count),
      let isTriggered = description["triggered"]?.bool,
      let losses = description["losses"]?.array?.compactMap({ $0.string.flatMap { Double($0) } })
    else { throw Failure(.format, "the checkpoint's mean of the weights cannot be read") }
    (self.count, self.isTriggered, self.losses) = (count, isTriggered, losses)
  }
}
