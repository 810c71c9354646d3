import CVector
import KernelTypes

/// Bytes of activations that one pass over the weights uses: they stay in the second-level cache.
private let rowChunkBytes = 1 << 18

/// Floats ahead of the weights in use that are asked for: a tile of one strip reads a single stream,
/// too fast for the processor's own guess (4 rows of 200 x 800: 80 GFLOP/s without, 91 with).
private let prefetchDistance = 1024

/// See `KernelTypes.Product`.
func product(_ product: UnsafePointer<Product>) {
  let (rows, strips) = (product.pointee.rows, product.pointee.strips)
  guard rows > 0, strips > 0 else { return }
  var depth = 0
  for segment in 0..<product.pointee.segmentCount {
    depth &+= product.pointee.segments[segment].k
  }
  let chunk = max(rowChunkBytes / (4 &* max(depth, 1)) / Tile.rows, 1) &* Tile.rows
  var row = 0
  while row < rows {
    let end = min(row &+ chunk, rows)
    productOfRows(product, row, end &- row)
    row = end
  }
}

/// Cuts strips into as wide groups as a tile's registers allow, and rows into near-equal tiles.
///
/// All tiles of a call take the same strips, so that these are read from memory once.
@inline(__always)
private func productOfRows(_ product: UnsafePointer<Product>, _ firstRow: Int, _ rows: Int) {
  let strips = product.pointee.strips
  let width = Tile.width(min(rows, Tile.rows))
  let whole = Parts(rows, Tile.rows)
  let halved = Parts(rows, max(Tile.halfRows, 1))
  // Half a strip in half the time: 3 % of all products at 200 columns, which fill 12 strips and a half.
  let everyHalf = width == 1 && Tile.halfRows > 0 ? product.pointee.padding.everyHalf : 0
  var nextHalf = everyHalf > 0 ? product.pointee.padding.firstHalf : strips
  var strip = 0
  while strip < strips {
    let isHalf = strip == nextHalf
    let group = min(width, strips &- strip)
    var row = firstRow
    // The first tile asks for weights; it, those of its height, and the lower ones are a call each.
    let parts = isHalf ? halved : whole
    for index in 0..<3 {
      let (height, count) = parts.runs[unchecked: index]
      guard count > 0 else { continue }
      if isHalf {
        Tile.runHalf(product, height, row, strip, count)
      } else {
        var done = 0
        while done < group {
          done &+= Tile.run(
            product, height, group &- done, row, strip &+ done, count, isFirst: row == firstRow)
        }
      }
      row &+= height &* count
    }
    if isHalf { nextHalf &+= everyHalf }
    strip &+= group
  }
}

/// Rows cut into as few near-equal tiles as there must be: the first alone, those of its height, and
/// those with one row less.
private struct Parts {
  let runs: InlineArray<3, (height: Int, count: Int)>

  @inline(__always)
  init(_ rows: Int, _ most: Int) {
    let count = (rows &+ most &- 1) / most
    let size = rows / count
    let larger = rows &- size &* count
    runs = [
      (larger > 0 ? size &+ 1 : size, 1),
      (larger > 0 ? size &+ 1 : size, larger > 0 ? larger &- 1 : count &- 1),
      (size, larger > 0 ? count &- larger : 0),
    ]
  }
}

/// C of M rows and N strips, kept in registers.
///
/// One source for all sizes; the compiler unrolls it to broadcasts and multiply-adds.
struct Micro<let M: Int, let N: Int> {
  /// Computes `count` tiles of rows, one below the other.
  ///
  /// The first tile of a group of strips asks for the weights that come next; for the others they are
  /// in the first-level cache (2 % of a product, 12 % where a neighbour shares the core).
  @inline(__always)
  static func run(
    _ product: UnsafePointer<Product>, _ row: Int, _ strip: Int, _ count: Int, isFirst: Bool
  ) {
    if isFirst { first(product, row, strip, count) } else { again(product, row, strip, count) }
  }

  @inline(never)
  private static func first(
    _ product: UnsafePointer<Product>, _ row: Int, _ strip: Int, _ count: Int
  ) {
    for index in 0..<count { tile(product, row &+ index &* M, strip, prefetches: true) }
  }

  @inline(never)
  private static func again(
    _ product: UnsafePointer<Product>, _ row: Int, _ strip: Int, _ count: Int
  ) {
    for index in 0..<count { tile(product, row &+ index &* M, strip, prefetches: false) }
  }

  @inline(__always)
  private static func tile(
    _ product: UnsafePointer<Product>, _ row: Int, _ strip: Int, prefetches: Bool
  ) {
    var sums = InlineArray<N, InlineArray<M, Vector>>(repeating: .init(repeating: Vector()))
    let initialRowStride = product.pointee.initialRowStride
    let initial =
      product.pointee.initial + strip &* product.pointee.initialStripStride
      + row &* initialRowStride
    for n in 0..<N {
      for m in 0..<M {
        sums[unchecked: n][unchecked: m] = vector_load(
          initial + n &* product.pointee.initialStripStride + m &* initialRowStride)
      }
    }
    // The sums that the next strips go on from lie too far apart for the processor's own guess (2 % of
    // LSTM 200 with two threads).
    if prefetches, initialRowStride != 0 {
      let next = initial + N &* product.pointee.initialStripStride
      for n in 0..<N {
        for m in 0..<M {
          vector_prefetch(next + n &* product.pointee.initialStripStride + m &* 16)
        }
      }
    }
    let segments = product.pointee.segments
    for index in 0..<product.pointee.segmentCount {
      let bStripStride = segments[index].bStripStride
      var a = segments[index].a + row &* 16
      var b = segments[index].b + strip &* bStripStride
      var left = segments[index].k
      while left > 0 {
        let width = min(left, 16)
        // Four at a time: fewer instructions for each multiply-add, which count where a neighbour on
        // the same physical core takes every other slot (15 % then).
        for _ in 0..<(width >> 2) {
          for k in 0..<4 { add(a, k, b + k &* 16, bStripStride, prefetches, &sums) }
          a += 4
          b += 64
        }
        for _ in 0..<(width & 3) {
          add(a, 0, b, bStripStride, prefetches, &sums)
          a += 1
          b += 16
        }
        a += segments[index].aStripStride &- width
        left &-= width
      }
    }
    let c = product.pointee.c + strip &* product.pointee.cStripStride + row &* 16
    for n in 0..<N {
      for m in 0..<M {
        vector_store(
          c + n &* product.pointee.cStripStride + m &* 16, sums[unchecked: n][unchecked: m])
      }
    }
  }

  /// Adds the factors in column k of a times the weights at b to all sums.
  @inline(__always)
  private static func add(
    _ a: UnsafePointer<Float>, _ k: Int, _ b: UnsafePointer<Float>, _ bStripStride: Int,
    _ prefetches: Bool, _ sums: inout InlineArray<N, InlineArray<M, Vector>>
  ) {
    if M < 4 {
      // Few rows: their factors stay in registers and the weights pass by.
      var factors = InlineArray<M, Vector>(repeating: Vector())
      for m in 0..<M { factors[unchecked: m] = splat(a[m &* 16 &+ k]) }
      for n in 0..<N {
        let column = vector_load(b + n &* bStripStride)
        for m in 0..<M {
          sums[unchecked: n][unchecked: m] = vector_fma(
            factors[unchecked: m], column, sums[unchecked: n][unchecked: m])
        }
      }
    } else {
      var columns = InlineArray<N, Vector>(repeating: Vector())
      for n in 0..<N { columns[unchecked: n] = vector_load(b + n &* bStripStride) }
      if prefetches {
        for n in 0..<N { vector_prefetch(b + n &* bStripStride + prefetchDistance) }
      }
      // In halves: loops of 12 turns the compiler does not unroll, and then the sums of 12 rows
      // of AVX-512 are kept in memory.
      for m in 0..<(M / 2) { add(a, k, m, columns, &sums) }
      for m in (M / 2)..<M { add(a, k, m, columns, &sums) }
    }
  }

  /// Adds one factor times the weights to the sums of row m.
  @inline(__always)
  private static func add(
    _ a: UnsafePointer<Float>, _ k: Int, _ m: Int, _ columns: InlineArray<N, Vector>,
    _ sums: inout InlineArray<N, InlineArray<M, Vector>>
  ) {
    let factor = splat(a[m &* 16 &+ k])
    for n in 0..<N {
      sums[unchecked: n][unchecked: m] = vector_fma(
        factor, columns[unchecked: n], sums[unchecked: n][unchecked: m])
    }
  }
}

/// The lower half of a strip of C, of M rows.
struct HalfMicro<let M: Int> {
  @inline(never)
  static func run(
    _ product: UnsafePointer<Product>, _ row: Int, _ strip: Int, _ count: Int
  ) {
    for index in 0..<count { tile(product, row &+ index &* M, strip) }
  }

  @inline(__always)
  private static func tile(_ product: UnsafePointer<Product>, _ row: Int, _ strip: Int) {
    var sums = InlineArray<M, SIMD8<Float>>(repeating: SIMD8())
    let initialRowStride = product.pointee.initialRowStride
    let initial =
      product.pointee.initial + strip &* product.pointee.initialStripStride
      + row &* initialRowStride
    let c = product.pointee.c + strip &* product.pointee.cStripStride + row &* 16
    for m in 0..<M {
      sums[unchecked: m] = half_load(initial + m &* initialRowStride)
      // The pad keeps what the sums would start at.
      half_store(c + m &* 16 + 8, half_load(initial + m &* initialRowStride + 8))
    }
    let segments = product.pointee.segments
    for index in 0..<product.pointee.segmentCount {
      var a = segments[index].a + row &* 16
      var b = segments[index].b + strip &* segments[index].bStripStride
      var left = segments[index].k
      while left > 0 {
        let width = min(left, 16)
        for _ in 0..<(width >> 2) {
          for k in 0..<4 { add(a + k, b + k &* 16, &sums) }
          a += 4
          b += 64
        }
        for _ in 0..<(width & 3) {
          add(a, b, &sums)
          a += 1
          b += 16
        }
        a += segments[index].aStripStride &- width
        left &-= width
      }
    }
    for m in 0..<M { half_store(c + m &* 16, sums[unchecked: m]) }
  }

  @inline(__always)
  private static func add(
    _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ sums: inout InlineArray<M, SIMD8<Float>>
  ) {
    let column = half_load(b)
    for m in 0..<(M / 2) {
      sums[unchecked: m] = half_fma(a[m &* 16], column, sums[unchecked: m])
    }
    for m in (M / 2)..<M {
      sums[unchecked: m] = half_fma(a[m &* 16], column, sums[unchecked: m])
    }
  }
}
