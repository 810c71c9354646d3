import CVector
import KernelTypes

/// The most rows that are summed before the next part of the gradient is taken up: two strips of them
/// about fill the first-level cache, while fewer rows pass over the gradient more often.
private let rowBlock = 448

/// See `KernelTypes.WeightGradient`.
func weightGradient(_ call: UnsafePointer<WeightGradient>) {
  let (rows, inputs, strips) = (call.pointee.rows, call.pointee.k, call.pointee.strips)
  guard inputs > 0, strips > 0 else { return }
  let blocks = max((rows &+ rowBlock &- 1) / rowBlock, 1)
  let block = max((rows &+ blocks &- 1) / blocks, 1)
  let everyHalf = GradientTile.halfInputs > 0 ? call.pointee.padding.everyHalf : 0
  var row = 0
  repeat {
    let count = min(block, max(rows &- row, 0))
    let accumulates = call.pointee.accumulates || row > 0
    var nextHalf = everyHalf > 0 ? call.pointee.padding.firstHalf : strips
    var strip = 0
    while strip < strips {
      // Half a strip costs half of one; see `productOfRows`.
      let isHalf = strip == nextHalf
      if isHalf { nextHalf &+= everyHalf }
      let width = isHalf ? 1 : min(GradientTile.strips, strips &- strip)
      let most = isHalf ? GradientTile.halfInputs : GradientTile.inputs
      var k = 0
      while k < inputs {
        // Near-equal tiles that do not cross from one strip of a to the next.
        let end = min(k &+ 16, inputs)
        var parts = (end &- k &- 1) / most &+ 1
        while k < end {
          let height = (end &- k &+ parts &- 1) / parts
          if isHalf {
            GradientTile.runHalf(call, height, k, strip, row, count, accumulates)
          } else {
            GradientTile.run(call, height, width, k, strip, row, count, accumulates)
          }
          k &+= height
          parts &-= 1
        }
      }
      strip &+= width
    }
    row &+= block
  } while row < rows
  clearPadding(call)
}

/// Sets the pad lanes of the gradient to 0, whatever the pad lanes of z held.
private func clearPadding(_ call: UnsafePointer<WeightGradient>) {
  for strip in 0..<call.pointee.strips {
    let lanes = call.pointee.padding.lanes(strip)
    guard lanes < 16 else { continue }
    let mask = vector_lanes_below(Int32(truncatingIfNeeded: lanes))
    let gradient = call.pointee.gradient + strip &* call.pointee.gradientStripStride
    for k in 0..<call.pointee.k {
      let at = gradient + k &* 16
      vector_store(at, vector_select(mask, vector_load(at), Vector()))
    }
  }
}

/// The gradient of K inputs and N strips over a block of rows, kept in registers.
struct GradientMicro<let K: Int, let N: Int> {
  @inline(never)
  static func run(
    _ call: UnsafePointer<WeightGradient>, _ k: Int, _ strip: Int, _ row: Int, _ rows: Int,
    _ accumulates: Bool
  ) {
    var sums = InlineArray<N, InlineArray<K, Vector>>(repeating: .init(repeating: Vector()))
    let stride = call.pointee.gradientStripStride
    let gradient = call.pointee.gradient + strip &* stride + k &* 16
    if accumulates {
      for n in 0..<N {
        for i in 0..<K {
          sums[unchecked: n][unchecked: i] = vector_load(gradient + n &* stride + i &* 16)
        }
      }
    }
    let zStripStride = call.pointee.zStripStride
    var z = call.pointee.z + strip &* zStripStride + row &* 16
    var a = call.pointee.a + (k >> 4) &* call.pointee.aStripStride + (k & 15) + row &* 16
    var left = rows
    while left >= 4 {
      for r in 0..<4 { add(a + r &* 16, z + r &* 16, zStripStride, &sums) }
      z += 64
      a += 64
      left &-= 4
    }
    while left > 0 {
      add(a, z, zStripStride, &sums)
      z += 16
      a += 16
      left &-= 1
    }
    for n in 0..<N {
      for i in 0..<K {
        vector_store(gradient + n &* stride + i &* 16, sums[unchecked: n][unchecked: i])
      }
    }
  }

  /// Adds one row's factors times its z to all sums.
  @inline(__always)
  private static func add(
    _ a: UnsafePointer<Float>, _ z: UnsafePointer<Float>, _ zStripStride: Int,
    _ sums: inout InlineArray<N, InlineArray<K, Vector>>
  ) {
    var columns = InlineArray<N, Vector>(repeating: Vector())
    for n in 0..<N { columns[unchecked: n] = vector_load(z + n &* zStripStride) }
    for i in 0..<K {
      let factor = splat(a[i])
      for n in 0..<N {
        sums[unchecked: n][unchecked: i] = vector_fma(
          factor, columns[unchecked: n], sums[unchecked: n][unchecked: i])
      }
    }
  }
}

/// The gradient of K inputs and the lower half of a strip over a block of rows.
struct HalfGradientMicro<let K: Int> {
  @inline(never)
  static func run(
    _ call: UnsafePointer<WeightGradient>, _ k: Int, _ strip: Int, _ row: Int, _ rows: Int,
    _ accumulates: Bool
  ) {
    var sums = InlineArray<K, SIMD8<Float>>(repeating: SIMD8())
    let gradient =
      call.pointee.gradient + strip &* call.pointee.gradientStripStride + k &* 16
    if accumulates {
      for i in 0..<K { sums[unchecked: i] = half_load(gradient + i &* 16) }
    }
    var z = call.pointee.z + strip &* call.pointee.zStripStride + row &* 16
    var a = call.pointee.a + (k >> 4) &* call.pointee.aStripStride + (k & 15) + row &* 16
    var left = rows
    while left >= 4 {
      for r in 0..<4 { add(a + r &* 16, z + r &* 16, &sums) }
      z += 64
      a += 64
      left &-= 4
    }
    while left > 0 {
      add(a, z, &sums)
      z += 16
      a += 16
      left &-= 1
    }
    for i in 0..<K {
      half_store(gradient + i &* 16, sums[unchecked: i])
      half_store(gradient + i &* 16 + 8, SIMD8())
    }
  }

  @inline(__always)
  private static func add(
    _ a: UnsafePointer<Float>, _ z: UnsafePointer<Float>,
    _ sums: inout InlineArray<K, SIMD8<Float>>
  ) {
    let column = half_load(z)
    for i in 0..<K { sums[unchecked: i] = half_fma(a[i], column, sums[unchecked: i]) }
  }
}

/// See `KernelTypes.ColumnSums`.
func columnSums(_ call: UnsafePointer<ColumnSums>) {
  var strip = 0
  // Four strips at once are four chains of additions that need not wait for each other.
  while strip < call.pointee.strips {
    if strip &+ 4 <= call.pointee.strips {
      SumMicro<4>.run(call, strip)
      strip &+= 4
    } else {
      SumMicro<1>.run(call, strip)
      strip &+= 1
    }
  }
}

struct SumMicro<let N: Int> {
  @inline(never)
  static func run(_ call: UnsafePointer<ColumnSums>, _ strip: Int) {
    let out = call.pointee.sums + strip &* 16
    let stride = call.pointee.zStripStride
    var z = call.pointee.z + strip &* stride
    var sums = InlineArray<N, Vector>(repeating: Vector())
    if call.pointee.accumulates {
      for n in 0..<N { sums[unchecked: n] = vector_load(out + n &* 16) }
    }
    var left = call.pointee.rows
    while left > 0 {
      for n in 0..<N { sums[unchecked: n] = sums[unchecked: n] + vector_load(z + n &* stride) }
      z += 16
      left &-= 1
    }
    for n in 0..<N {
      let lanes = call.pointee.padding.lanes(strip &+ n)
      let mask = vector_lanes_below(Int32(truncatingIfNeeded: lanes))
      vector_store(out + n &* 16, vector_select(mask, sums[unchecked: n], Vector()))
    }
  }
}
