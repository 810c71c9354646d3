import CVector
import Glibc

typealias Vector = SIMD16<Float>

@inline(__always) func splat(_ number: Float) -> Vector { vector_splat(number) }

/// ln 2 in two parts; the first has 15 bits, so that its product with an exponent is exact.
private let ln2High: Float = 0x1.62e4p-1
private let ln2Low: Float = 0x1.7f7d1cp-20

/// x = n ln 2 + r with |r| <= ln 2 / 2; the low bits of `shifted` are n.
///
/// Adding 1.5 * 2^23 leaves the nearest whole number in the low bits.
@inline(__always)
private func reduce(_ x: Vector) -> (shifted: Vector, r: Vector) {
  let magic = splat(12_582_912)
  let shifted = vector_fma(x, splat(0x1.715476p+0), magic)
  let whole = shifted - magic
  return (shifted, vector_fma(whole, splat(-ln2Low), vector_fma(whole, splat(-ln2High), x)))
}

/// 2^n for the n of `reduce`, -126 to 127: the shift drops all of `shifted` but n.
@inline(__always)
private func powerOfTwo(_ shifted: Vector) -> Vector {
  vector_from_bits(vector_bits(splat(1)) &+ (vector_bits(shifted) &<< 23))
}

/// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2.
///
/// The polynomial of degree 4 with the least error relative to e^r - 1, 1.6e-8; fitted by weighted
/// least squares, the weights taken up where the error was largest until it was the same everywhere.
@inline(__always)
private func exponentialTail(_ r: Vector) -> Vector {
  var sum = splat(0x1.6d995cp-10)
  sum = vector_fma(sum, r, splat(0x1.122838p-7))
  sum = vector_fma(sum, r, splat(0x1.555486p-5))
  sum = vector_fma(sum, r, splat(0x1.5554bp-3))
  return vector_fma(sum, r, splat(0.5))
}

/// e^x within 2 ulp; overflows to infinity, underflows through the denormals to 0.
@inline(__always)
func exponential(_ x: Vector) -> Vector {
  // Beyond these the result is 0 or infinity anyway; a NaN stays.
  let (shifted, r) = reduce(vector_max(splat(-105), vector_min(splat(90), x)))
  let value = vector_fma(exponentialTail(r), r * r, r) + splat(1)
  let n = vector_bits(shifted) &- vector_bits(splat(12_582_912))
  // In two factors: n is outside the exponents of normal numbers at both ends.
  let half = vector_halved(n)
  return value * vector_power_of_two(half) * vector_power_of_two(n &- half)
}

/// The logarithm within 2 ulp; of 0 -infinity, of negatives NaN.
///
/// x = 2^n m with m in sqrt(1/2) ..< sqrt 2, f = m - 1, s = f / (2 + f):
/// log(1 + f) = 2 atanh(s) = f - (f^2 / 2 - s (f^2 / 2 + R)), R = 2/3 s^2 + 2/5 s^4 + ...
@inline(__always)
func logarithm(_ x: Vector) -> Vector {
  let isTiny = vector_less(x, splat(.leastNormalMagnitude))
  let scaled = vector_select(isTiny, x * splat(0x1p25), x)
  // Subtracting the bits of sqrt(1/2) makes the exponent field count from there.
  let offset = vector_bits(scaled) &- vector_bits(splat(0x1.6a09e6p-1))
  let exponent = offset &>> 23
  let m = vector_from_bits(
    (offset & SIMD16(repeating: 0x007F_FFFF)) &+ vector_bits(splat(0x1.6a09e6p-1)))
  let n = vector_from_int(exponent) - vector_select(isTiny, splat(25), splat(0))
  let f = m - splat(1)
  let s = f / (splat(2) + f)
  let z = s * s
  var sum = splat(2 / 11)
  sum = vector_fma(sum, z, splat(2 / 9))
  sum = vector_fma(sum, z, splat(2 / 7))
  sum = vector_fma(sum, z, splat(2 / 5))
  sum = vector_fma(sum, z, splat(2 / 3))
  let half = splat(0.5) * f * f
  let low = vector_fma(s, vector_fma(sum, z, half), n * splat(ln2Low))
  let value = vector_fma(n, splat(ln2High), f - (half - low))
  // Infinity and NaN stay; the comparisons are false for NaN.
  let isFinite = vector_less(x, splat(.infinity))
  let positive = vector_select(isFinite, value, x)
  let zeroed = vector_select(vector_equal(x, splat(0)), splat(-.infinity), positive)
  return vector_select(vector_less(x, splat(0)), splat(.nan), zeroed)
}

/// tanh x = E / (E + 2) with E = e^2|x| - 1, within 4 ulp; tanh(-0) is -0.
@inline(__always)
func hyperbolicTangent(_ x: Vector) -> Vector {
  // tanh(10) is 1 in this precision; a NaN stays.
  let size = vector_min(splat(10), vector_abs(x))
  let (shifted, r) = reduce(size + size)
  let power = powerOfTwo(shifted)
  let small = vector_fma(exponentialTail(r), r * r, r)
  let e = vector_fma(small, power, power - splat(1))
  // The quotient has no sign of its own.
  return vector_with_sign(e / (e + splat(2)), x)
}

/// 1 / (1 + e^-x) within 4 ulp; 0 below -87, where the value is less than 2e-38.
@inline(__always)
func logistic(_ x: Vector) -> Vector {
  // So that 2^n stays a number; a NaN stays.
  let (shifted, r) = reduce(vector_max(splat(-87), vector_min(splat(88), -x)))
  let power = powerOfTwo(shifted)
  let e = vector_fma(vector_fma(exponentialTail(r), r * r, r), power, power)
  return vector_zero_where(vector_less(x, splat(-87)), splat(1) / (splat(1) + e))
}

/// sin x for `quadrant` 0, cos x for 1, within 2 ulp where |x| < 2^20; beyond by the C library.
@inline(__always)
func sine(_ x: Vector, quadrant: Int32) -> Vector {
  // Takes infinities and NaN out of the conversion to whole numbers.
  let isSmall = vector_less(vector_abs(x), splat(0x1p20))
  let angle = vector_select(isSmall, x, splat(0))
  let n = vector_quadrant(angle) &+ SIMD16(repeating: quadrant)
  let r = vector_angle_rest(angle)
  let z = r * r
  var odd = splat(1 / 362880)
  odd = vector_fma(odd, z, splat(-1 / 5040))
  odd = vector_fma(odd, z, splat(1 / 120))
  odd = vector_fma(odd, z, splat(-1 / 6))
  let sin = vector_fma(odd, z * r, r)
  var even = splat(-1 / 3_628_800)
  even = vector_fma(even, z, splat(1 / 40320))
  even = vector_fma(even, z, splat(-1 / 720))
  even = vector_fma(even, z, splat(1 / 24))
  even = vector_fma(even, z, splat(-0.5))
  let cos = vector_fma(even, z, splat(1))
  // Bit 0 of the quadrant chooses cos, bit 1 the sign.
  let one = SIMD16<Int32>(repeating: 1)
  let magnitude = vector_select(SIMD16<Int32>() &- (n & one), cos, sin)
  var value = vector_from_bits(vector_bits(magnitude) ^ ((n &<< 30) & SIMD16(repeating: .min)))
  // The sums above make +0 of -0.
  if quadrant == 0 { value = vector_select(vector_equal(x, splat(0)), x, value) }
  if vector_all(isSmall) == 0 {
    for lane in 0..<16 where !(x[lane].magnitude < 0x1p20) {
      let wide = Double(x[lane])
      value[lane] = Float(quadrant == 0 ? Glibc.sin(wide) : Glibc.cos(wide))
    }
  }
  return value
}
