/// Where an element-wise kernel reads or writes: element (row, strip) is 16 floats at
/// `base + strip * stripStride + row * rowStride`.
public struct Operand {
  public var base: UnsafeMutablePointer<Float>
  /// Floats from one strip to the next; 0 where all strips read the same 16 floats.
  public var stripStride: Int
  /// 16, or 0 where all rows read the same floats: a vector parameter or a scalar.
  public var rowStride: Int

  @inlinable @inline(__always)
  public init(base: UnsafeMutablePointer<Float>, stripStride: Int, rowStride: Int) {
    self.base = base
    self.stripStride = stripStride
    self.rowStride = rowStride
  }
}

/// One call of an element-wise kernel: d = f(a, b, c, k) over `strips` strips of `rows` rows.
///
/// Every base must be readable, also of operands that the primitive does not have. d may be a, b or c
/// themselves, but may not overlap them in part.
public struct ElementwiseCall {
  public var d: Operand
  public var a: Operand
  public var b: Operand
  public var c: Operand
  public var k: Float
  public var strips: Int
  public var rows: Int

  @inlinable @inline(__always)
  public init(
    d: Operand, a: Operand, b: Operand, c: Operand, k: Float, strips: Int, rows: Int
  ) {
    self.d = d
    self.a = a
    self.b = b
    self.c = c
    self.k = k
    self.strips = strips
    self.rows = rows
  }
}
