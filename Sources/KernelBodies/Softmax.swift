import CVector
import Glibc
import KernelTypes

/// See `KernelTypes.SoftmaxCrossEntropy`.
///
/// Four rows at a time: neighbouring cache lines, and four chains of additions.
func softmaxCrossEntropy(_ call: UnsafePointer<SoftmaxCrossEntropy>) {
  let rows = call.pointee.rows
  guard call.pointee.columns > 0 else { return }
  var row = 0
  while row &+ 4 <= rows {
    SoftmaxMicro<4>.run(call, row)
    row &+= 4
  }
  while row < rows {
    SoftmaxMicro<1>.run(call, row)
    row &+= 1
  }
}

struct SoftmaxMicro<let M: Int> {
  @inline(never)
  static func run(_ call: UnsafePointer<SoftmaxCrossEntropy>, _ row: Int) {
    let (columns, stride) = (call.pointee.columns, call.pointee.stripStride)
    let strips = (columns &+ 15) >> 4
    let logits = call.pointee.logits + row &* 16
    // Pad lanes become -infinity, whose exponential is 0.
    let last = logits + (strips &- 1) &* stride
    let mask = vector_lanes_below(Int32(truncatingIfNeeded: columns &- (strips &- 1) &* 16))
    for m in 0..<M {
      let at = last + m &* 16
      vector_store(at, vector_select(mask, vector_load(at), splat(-.infinity)))
    }

    var largest = InlineArray<M, Vector>(repeating: splat(-.infinity))
    for strip in 0..<strips {
      for m in 0..<M {
        largest[unchecked: m] = vector_max(
          largest[unchecked: m], vector_load(logits + strip &* stride + m &* 16))
      }
    }
    var losses = InlineArray<M, Float>(repeating: 0)
    for m in 0..<M {
      let peak = vector_largest(largest[unchecked: m])
      largest[unchecked: m] = splat(peak)
      let target = Int(call.pointee.targets[row &+ m])
      if target >= 0, target < columns {
        losses[unchecked: m] = peak - logits[(target >> 4) &* stride &+ m &* 16 &+ target & 15]
      }
    }

    var sums = InlineArray<M, Vector>(repeating: Vector())
    for strip in 0..<strips {
      for m in 0..<M {
        let at = logits + strip &* stride + m &* 16
        let power = exponential(vector_load(at) - largest[unchecked: m])
        sums[unchecked: m] = sums[unchecked: m] + power
        vector_store(at, power)
      }
    }
    var factors = InlineArray<M, Vector>(repeating: Vector())
    for m in 0..<M {
      let target = Int(call.pointee.targets[row &+ m])
      let isCounted = target >= 0 && target < columns
      let sum = vector_sum(sums[unchecked: m])
      call.pointee.losses[row &+ m] = isCounted ? logf(sum) + losses[unchecked: m] : 0
      factors[unchecked: m] = splat(isCounted ? call.pointee.gradientScale / sum : 0)
    }
    guard call.pointee.wantsGradient else { return }
    for strip in 0..<strips {
      for m in 0..<M {
        let at = logits + strip &* stride + m &* 16
        vector_store(at, vector_load(at) * factors[unchecked: m])
      }
    }
    for m in 0..<M {
      let target = Int(call.pointee.targets[row &+ m])
      if target >= 0, target < columns {
        logits[(target >> 4) &* stride &+ m &* 16 &+ target & 15] -= call.pointee.gradientScale
      }
    }
  }
}
