import CVector
import KernelTypes

/// Computes d = body(d, a, b, c, k) 16 floats at a time, with `operands` of a, b and c in use.
@inline(__always)
private func apply(
  _ raw: UnsafeRawPointer, _ operands: Int,
  _ body: (_ d: Vector, _ a: Vector, _ b: Vector, _ c: Vector, _ k: Vector) -> Vector
) {
  let call = raw.assumingMemoryBound(to: ElementwiseCall.self)
  var (d, a, b, c) = (call.pointee.d, call.pointee.a, call.pointee.b, call.pointee.c)
  let k = splat(call.pointee.k)
  var (rows, strips) = (call.pointee.rows, call.pointee.strips)
  if rows == 1 {
    // One long loop over strips instead of many of one turn.
    d.rowStride = d.stripStride
    a.rowStride = a.stripStride
    b.rowStride = b.stripStride
    c.rowStride = c.stripStride
    (rows, strips) = (strips, 1)
  } else if d.isFlat(rows), operands < 1 || a.isFlat(rows), operands < 2 || b.isFlat(rows),
    operands < 3 || c.isFlat(rows)
  {
    (rows, strips) = (rows &* strips, 1)
  }
  for strip in 0..<max(strips, 0) {
    var (dAt, aAt, bAt, cAt) = (d.at(strip), a.at(strip), b.at(strip), c.at(strip))
    var left = rows
    while left > 0 {
      vector_store(
        dAt,
        body(
          vector_load(dAt), operands < 1 ? Vector() : vector_load(aAt),
          operands < 2 ? Vector() : vector_load(bAt), operands < 3 ? Vector() : vector_load(cAt),
          k))
      dAt += d.rowStride
      aAt += a.rowStride
      bAt += b.rowStride
      cAt += c.rowStride
      left &-= 1
    }
  }
}

extension Operand {
  /// Whether going on by the row stride leads from the last row of a strip to the first of the next.
  @inline(__always)
  fileprivate func isFlat(_ rows: Int) -> Bool { stripStride == rows &* rowStride }

  @inline(__always)
  fileprivate func at(_ strip: Int) -> UnsafeMutablePointer<Float> { base + strip &* stripStride }
}

/// yes where a > 0, else no.
@inline(__always)
private func whereAboveZero(_ a: Vector, _ yes: Vector, _ no: Vector) -> Vector {
  vector_select(vector_less(splat(0), a), yes, no)
}

/// a where it is NaN, so that what went wrong is not hidden, else v.
@inline(__always)
private func orNaN(_ a: Vector, _ v: Vector) -> Vector { vector_select(vector_equal(a, a), v, a) }

@inline(__always)
private func tanhSlope(_ b: Vector) -> Vector { vector_fma(-b, b, splat(1)) }

@inline(__always)
private func sigmoidSlope(_ b: Vector) -> Vector { vector_fma(-b, b, b) }

/// The kernel of a primitive; no capture, so that a call is one indirect jump.
func elementwiseKernel(_ primitive: Primitive) -> KernelTable.Elementwise {
  switch primitive {
  case .fill: { apply($0, 0) { _, _, _, _, k in k } }
  case .copy: { apply($0, 1) { _, a, _, _, _ in a } }
  case .add: { apply($0, 2) { _, a, b, _, _ in a + b } }
  case .subtract: { apply($0, 2) { _, a, b, _, _ in a - b } }
  case .multiply: { apply($0, 2) { _, a, b, _, _ in a * b } }
  case .divide: { apply($0, 2) { _, a, b, _, _ in a / b } }
  case .maximum: { apply($0, 2) { _, a, b, _, _ in orNaN(a, vector_max(a, b)) } }
  case .minimum: { apply($0, 2) { _, a, b, _, _ in orNaN(a, vector_min(a, b)) } }
  case .multiplyAdd: { apply($0, 3) { _, a, b, c, _ in vector_fma(a, b, c) } }
  case .scale: { apply($0, 1) { _, a, _, _, k in a * k } }
  case .offset: { apply($0, 1) { _, a, _, _, k in a + k } }
  case .exp: { apply($0, 1) { _, a, _, _, _ in exponential(a) } }
  case .log: { apply($0, 1) { _, a, _, _, _ in logarithm(a) } }
  case .tanh: { apply($0, 1) { _, a, _, _, _ in hyperbolicTangent(a) } }
  case .sigmoid: { apply($0, 1) { _, a, _, _, _ in logistic(a) } }
  case .relu:
    { apply($0, 1) { _, a, _, _, _ in vector_select(vector_less(a, splat(0)), splat(0), a) } }
  case .leakyRelu: { apply($0, 1) { _, a, _, _, k in whereAboveZero(a, a, a * k) } }
  case .sin: { apply($0, 1) { _, a, _, _, _ in sine(a, quadrant: 0) } }
  case .cos: { apply($0, 1) { _, a, _, _, _ in sine(a, quadrant: 1) } }
  case .sqrt: { apply($0, 1) { _, a, _, _, _ in vector_sqrt(a) } }
  case .abs: { apply($0, 1) { _, a, _, _, _ in vector_abs(a) } }
  case .reciprocal: { apply($0, 1) { _, a, _, _, _ in splat(1) / a } }
  case .greater:
    { apply($0, 2) { _, a, b, _, _ in vector_select(vector_less(b, a), splat(1), splat(0)) } }
  case .positive: { apply($0, 1) { _, a, _, _, _ in whereAboveZero(a, splat(1), splat(0)) } }
  case .tanhGradient: { apply($0, 2) { _, a, b, _, _ in a * tanhSlope(b) } }
  case .sigmoidGradient: { apply($0, 2) { _, a, b, _, _ in a * sigmoidSlope(b) } }
  case .reluGradient: { apply($0, 2) { _, a, b, _, _ in whereAboveZero(b, a, splat(0)) } }
  case .accumulate: { apply($0, 1) { d, a, _, _, _ in d + a } }
  case .accumulateProduct: { apply($0, 2) { d, a, b, _, _ in vector_fma(a, b, d) } }
  case .accumulateScaled: { apply($0, 1) { d, a, _, _, k in vector_fma(a, k, d) } }
  case .accumulateTanhGradient:
    { apply($0, 2) { d, a, b, _, _ in vector_fma(a, tanhSlope(b), d) } }
  case .accumulateSigmoidGradient:
    { apply($0, 2) { d, a, b, _, _ in vector_fma(a, sigmoidSlope(b), d) } }
  case .accumulateReluGradient:
    { apply($0, 2) { d, a, b, _, _ in d + whereAboveZero(b, a, splat(0)) } }
  case .subtractFrom: { apply($0, 1) { d, a, _, _, _ in d - a } }
  }
}
