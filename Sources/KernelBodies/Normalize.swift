import CVector
import KernelTypes

/// The vector of a strip, lanes behind the last column 0.
@inline(__always)
private func load(_ at: UnsafePointer<Float>, _ lanes: Int) -> Vector {
  lanes >= 16
    ? vector_load(at)
    : vector_select(
      vector_lanes_below(Int32(truncatingIfNeeded: lanes)), vector_load(at), Vector())
}

/// See `KernelTypes.Normalization`.
func normalize(_ call: UnsafePointer<Normalization>) {
  let (columns, stride) = (call.pointee.columns, call.pointee.aStripStride)
  guard columns > 0 else { return }
  let strips = (columns &+ 15) >> 4
  let count = Float(columns)
  for row in 0..<max(call.pointee.rows, 0) {
    let a = call.pointee.a + row &* 16
    let y = call.pointee.y + row &* 16
    var sum = Vector()
    for strip in 0..<strips { sum += load(a + strip &* stride, columns &- strip &* 16) }
    let mean = splat(vector_sum(sum) / count)
    // A second pass: the difference of two large sums would lose the variance.
    var squares = Vector()
    for strip in 0..<strips {
      let lanes = columns &- strip &* 16
      var deviation = vector_load(a + strip &* stride) - mean
      if lanes < 16 {
        deviation = vector_select(
          vector_lanes_below(Int32(truncatingIfNeeded: lanes)), deviation, Vector())
      }
      squares = vector_fma(deviation, deviation, squares)
      vector_store(y + strip &* call.pointee.yStripStride, deviation)
    }
    let variance = splat(vector_sum(squares) / count + call.pointee.epsilon)
    let scale = splat(1) / vector_sqrt(variance)
    vector_store(call.pointee.scale + row &* 16, scale)
    for strip in 0..<strips {
      let at = y + strip &* call.pointee.yStripStride
      vector_store(at, vector_load(at) * scale)
    }
  }
}

/// See `KernelTypes.NormalizationGradient`.
func normalizeGradient(_ call: UnsafePointer<NormalizationGradient>) {
  let columns = call.pointee.columns
  guard columns > 0 else { return }
  let strips = (columns &+ 15) >> 4
  let share = 1 / Float(columns)
  for row in 0..<max(call.pointee.rows, 0) {
    let g = call.pointee.g + row &* 16
    let y = call.pointee.y + row &* 16
    let d = call.pointee.d + row &* 16
    let scale = vector_load(call.pointee.scale + row &* 16)
    var sum = Vector()
    var products = Vector()
    for strip in 0..<strips {
      let lanes = columns &- strip &* 16
      let gradient = load(g + strip &* call.pointee.gStripStride, lanes)
      sum += gradient
      products = vector_fma(
        gradient, load(y + strip &* call.pointee.yStripStride, lanes), products)
    }
    let mean = splat(vector_sum(sum) * share)
    let slope = splat(vector_sum(products) * share)
    for strip in 0..<strips {
      let lanes = Int32(truncatingIfNeeded: min(columns &- strip &* 16, 16))
      let gradient = vector_load(g + strip &* call.pointee.gStripStride)
      let value = vector_load(y + strip &* call.pointee.yStripStride)
      let result = scale * (gradient - mean - value * slope)
      let at = d + strip &* call.pointee.dStripStride
      let masked = vector_select(vector_lanes_below(lanes), result, Vector())
      vector_store(at, call.pointee.accumulates ? vector_load(at) + masked : masked)
    }
  }
}
