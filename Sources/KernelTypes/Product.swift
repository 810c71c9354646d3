/// One operand of a product: rows of activations times the weights of a map.
package struct Segment {
  /// Strips of activations [ceil(k / 16)][rows][16].
  package var a: UnsafePointer<Float>
  package var aStripStride: Int
  /// Strips of weights [strips][k][16], `bStripStride` floats apart.
  package var b: UnsafePointer<Float>
  package var bStripStride: Int
  /// Columns of a; lanes behind them are never read.
  package var k: Int

  @inlinable
  package init(
    a: UnsafePointer<Float>, aStripStride: Int, b: UnsafePointer<Float>, bStripStride: Int, k: Int
  ) {
    self.a = a
    self.aStripStride = aStripStride
    self.b = b
    self.bStripStride = bStripStride
    self.k = k
  }
}

/// C = initial + the sum of the segments' products, for `rows` rows and `strips` strips of C.
///
/// Every output has one accumulator, which starts at `initial` and takes the segments in order, their
/// k ascending; so a row comes out the same bits whatever rows are computed with it.
package struct Product {
  package var segments: UnsafePointer<Segment>
  package var segmentCount: Int
  package var c: UnsafeMutablePointer<Float>
  package var cStripStride: Int
  /// C itself (row stride 16), a bias (row stride 0), or 16 zeros (both strides 0).
  package var initial: UnsafePointer<Float>
  package var initialStripStride: Int
  package var initialRowStride: Int
  package var rows: Int
  package var strips: Int
  /// Which lanes of C are pad, and need not be computed: they hold anything afterwards.
  package var padding: Padding

  @inlinable
  package init(
    segments: UnsafePointer<Segment>, segmentCount: Int, c: UnsafeMutablePointer<Float>,
    cStripStride: Int, initial: UnsafePointer<Float>, initialStripStride: Int,
    initialRowStride: Int, rows: Int, strips: Int, padding: Padding = Padding()
  ) {
    self.segments = segments
    self.segmentCount = segmentCount
    self.c = c
    self.cStripStride = cStripStride
    self.initial = initial
    self.initialStripStride = initialStripStride
    self.initialRowStride = initialRowStride
    self.rows = rows
    self.strips = strips
    self.padding = padding
  }
}

/// gradient [strips][k][16] (+)= the sum over rows, ascending, of a(row, k) * z(row, column).
///
/// Each output has one accumulator, so the strips of z may be divided among threads at will.
package struct WeightGradient {
  package var a: UnsafePointer<Float>
  package var aStripStride: Int
  package var z: UnsafePointer<Float>
  package var zStripStride: Int
  package var rows: Int
  /// Columns of a.
  package var k: Int
  /// Strips of z.
  package var strips: Int
  package var gradient: UnsafeMutablePointer<Float>
  /// k * 16 for a whole matrix.
  package var gradientStripStride: Int
  /// Whether the sums are added to what is there, or replace it.
  package var accumulates: Bool
  /// Which lanes of the gradient are pad, and so become 0.
  package var padding: Padding

  @inlinable
  package init(
    a: UnsafePointer<Float>, aStripStride: Int, z: UnsafePointer<Float>, zStripStride: Int,
    rows: Int, k: Int, strips: Int, gradient: UnsafeMutablePointer<Float>,
    gradientStripStride: Int, accumulates: Bool, padding: Padding = Padding()
  ) {
    self.a = a
    self.aStripStride = aStripStride
    self.z = z
    self.zStripStride = zStripStride
    self.rows = rows
    self.k = k
    self.strips = strips
    self.gradient = gradient
    self.gradientStripStride = gradientStripStride
    self.accumulates = accumulates
    self.padding = padding
  }
}

/// sums [strips][16] (+)= the sum of z over rows, ascending.
package struct ColumnSums {
  package var z: UnsafePointer<Float>
  package var zStripStride: Int
  package var rows: Int
  package var strips: Int
  package var sums: UnsafeMutablePointer<Float>
  package var accumulates: Bool
  package var padding: Padding

  @inlinable
  package init(
    z: UnsafePointer<Float>, zStripStride: Int, rows: Int, strips: Int,
    sums: UnsafeMutablePointer<Float>, accumulates: Bool, padding: Padding = Padding()
  ) {
    self.z = z
    self.zStripStride = zStripStride
    self.rows = rows
    self.strips = strips
    self.sums = sums
    self.accumulates = accumulates
    self.padding = padding
  }
}

/// Which lanes are pad in the strips of one map, or of several maps of equal width side by side.
package struct Padding {
  /// Columns of each map, which fills ceil(columns / 16) strips; 0 where no lane is pad.
  package var columns: Int
  /// The number of the first strip of the call, counted over all maps.
  package var firstStrip: Int

  @inlinable
  package init(columns: Int = 0, firstStrip: Int = 0) {
    self.columns = columns
    self.firstStrip = firstStrip
  }

  /// Lanes in use of a strip of the call, 1 to 16.
  package func lanes(_ strip: Int) -> Int {
    guard columns > 0 else { return 16 }
    let strips = (columns &+ 15) >> 4
    let within = (firstStrip &+ strip) % strips
    return min(16, columns &- within &* 16)
  }

  /// The first strip of the call with at most 8 lanes in use, where `everyHalf` is above 0.
  @inlinable
  package var firstHalf: Int { everyHalf &- 1 &- firstStrip % max(everyHalf, 1) }

  /// How many strips later the next such strip follows; 0 where there is none.
  @inlinable
  package var everyHalf: Int {
    columns > 0 && columns & 15 != 0 && columns & 15 <= 8 ? (columns &+ 15) >> 4 : 0
  }
}
