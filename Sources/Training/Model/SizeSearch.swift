import Cells
import Kernels

/// Finds the hidden size with which a model has a wanted number of learned values.
struct SizeSearch {
  /// What hidden sizes must be a multiple of.
  let step: Int

  /// Cells with block-diagonal matrices get multiples of their blocks.
  init(_ cells: [Cell]) {
    var step = 1
    for cell in cells {
      for parameter in cell.graph.parameters {
        guard case .matrix(_, _, let blocks) = parameter.shape else { continue }
        step = step / Self.greatestDivisor(step, blocks) * blocks
      }
    }
    self.step = step
  }

  /// The size whose count is nearest to `target`; the smaller one of two that are equally near.
  func size(
    nearestTo target: Int, _ count: (_ size: Int) throws(Failure) -> Int
  ) throws(Failure) -> Int {
    // The count grows with the size: the largest one that is not over the target, and the next.
    var low = 1
    var high = max(1, Limits.size / step)
    guard try count(step) < target else { return step }
    while high - low > 1 {
      let middle = (low + high) / 2
      if try count(middle * step) <= target { low = middle } else { high = middle }
    }
    let below = target - (try count(low * step))
    return abs((try count(high * step)) - target) < below ? high * step : low * step
  }

  private static func greatestDivisor(_ a: Int, _ b: Int) -> Int {
    b == 0 ? a : greatestDivisor(b, a % b)
  }
}
