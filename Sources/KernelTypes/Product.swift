/// One operand of a product: rows of activations times the weights of a map.
public struct Segment {
  /// Strips of activations [ceil(k / 16)][rows][16].
  public var a: UnsafePointer<Float>
  public var aStripStride: Int
  /// Strips of weights [strips][k][16], `bStripStride` floats apart.
  public var b: UnsafePointer<Float>
  public var bStripStride: Int
  /// Columns of a; lanes behind them are never read.
  public var k: Int

  @inlinable
  public init(
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
public struct Product {
  public var segments: UnsafePointer<Segment>
  public var segmentCount: Int
  public var c: UnsafeMutablePointer<Float>
  public var cStripStride: Int
  /// C itself (row stride 16), a bias (row stride 0), or 16 zeros (both strides 0).
  public var initial: UnsafePointer<Float>
  public var initialStripStride: Int
  public var initialRowStride: Int
  public var rows: Int
  public var strips: Int
  /// Which lanes of C are pad, and need not be computed: they hold anything afterwards.
  public var padding: Padding

  @inlinable
  public init(
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
public struct WeightGradient {
  public var a: UnsafePointer<Float>
  public var aStripStride: Int
  public var z: UnsafePointer<Float>
  public var zStripStride: Int
  public var rows: Int
  /// Columns of a.
  public var k: Int
  /// Strips of z.
  public var strips: Int
  public var gradient: UnsafeMutablePointer<Float>
  /// k * 16 for a whole matrix.
  public var gradientStripStride: Int
  /// Whether the sums are added to what is there, or replace it.
  public var accumulates: Bool
  /// Which lanes of the gradient are pad, and so become 0.
  public var padding: Padding

  @inlinable
  public init(
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
public struct ColumnSums {
  public var z: UnsafePointer<Float>
  public var zStripStride: Int
  public var rows: Int
  public var strips: Int
  public var sums: UnsafeMutablePointer<Float>
  public var accumulates: Bool
  public var padding: Padding

  @inlinable
  public init(
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
public struct Padding {
  /// Columns of each map, which fills ceil(columns / 16) strips; 0 where no lane is pad.
  public var columns: Int
  /// The number of the first strip of the call, counted over all maps.
  public var firstStrip: Int

  @inlinable
  public init(columns: Int = 0, firstStrip: Int = 0) {
    self.columns = columns
    self.firstStrip = firstStrip
  }

  /// Lanes in use of a strip of the call, 1 to 16.
  public func lanes(_ strip: Int) -> Int {
    guard columns > 0 else { return 16 }
    let strips = (columns &+ 15) >> 4
    let within = (firstStrip &+ strip) % strips
    return min(16, columns &- within &* 16)
  }

  /// The first strip of the call with at most 8 lanes in use, where `everyHalf` is above 0.
  @inlinable
  public var firstHalf: Int { everyHalf &- 1 &- firstStrip % max(everyHalf, 1) }

  /// How many strips later the next such strip follows; 0 where there is none.
  @inlinable
  public var everyHalf: Int {
    columns > 0 && columns & 15 != 0 && columns & 15 <= 8 ? (columns &+ 15) >> 4 : 0
  }
}
