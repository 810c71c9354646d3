import Glibc

/// Counter-based random numbers: the number at an index is a function of seed, purpose and index alone.
///
/// So any thread can draw any of them in any order. Philox-4x32-10 of Salmon et al. 2011, "Parallel
/// random numbers: as easy as 1, 2, 3"; the key is the seed, the counter (index, purpose).
package struct Philox: Sendable {
  package let seed: UInt64
  /// What the numbers are for; streams of different purposes are independent.
  package let purpose: UInt64

  package init(seed: UInt64, purpose: UInt64) {
    self.seed = seed
    self.purpose = purpose
  }

  /// The four words of one counter.
  package func block(_ index: UInt64) -> SIMD4<UInt32> {
    Philox.block(
      counter: SIMD4(
        UInt32(truncatingIfNeeded: index), UInt32(truncatingIfNeeded: index >> 32),
        UInt32(truncatingIfNeeded: purpose), UInt32(truncatingIfNeeded: purpose >> 32)),
      key: SIMD2(UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32)))
  }

  /// Ten rounds of the bijection.
  package static func block(counter: SIMD4<UInt32>, key: SIMD2<UInt32>) -> SIMD4<UInt32> {
    var (x, y, z, w) = (counter.x, counter.y, counter.z, counter.w)
    var (k0, k1) = (key.x, key.y)
    for _ in 0..<10 {
      let p = x.multipliedFullWidth(by: 0xD251_1F53)
      let q = z.multipliedFullWidth(by: 0xCD9E_8D57)
      (x, y, z, w) = (q.high ^ y ^ k0, q.low, p.high ^ w ^ k1, p.low)
      k0 &+= 0x9E37_79B9
      k1 &+= 0xBB67_AE85
    }
    return SIMD4(x, y, z, w)
  }

  /// 32 random bits.
  package func bits(_ index: UInt64) -> UInt32 {
    let words = block(index >> 2)
    switch index & 3 {
    case 0: return words.x
    case 1: return words.y
    case 2: return words.z
    default: return words.w
    }
  }

  /// A number in [0, 1), one of 2^24.
  package func uniform(_ index: UInt64) -> Float { Float(bits(index) >> 8) * 0x1p-24 }

  /// A number of the standard normal distribution (Box and Muller 1958).
  package func normal(_ index: UInt64) -> Float {
    let words = block(index >> 1)
    // Half a step up, so that the logarithm never sees 0.
    let radius = (-2 * log((Double(words.x) + 0.5) * 0x1p-32)).squareRoot()
    let angle = 2 * Double.pi * Double(words.y) * 0x1p-32
    return Float(radius * (index & 1 == 0 ? cos(angle) : sin(angle)))
  }

  /// Fills with numbers uniform in `low ..< high`, from those at `first` on.
  package func fillUniform(
    _ destination: UnsafeMutablePointer<Float>, count: Int, low: Float, high: Float,
    first: UInt64 = 0
  ) {
    for index in 0..<max(count, 0) {
      let number = uniform(first &+ UInt64(truncatingIfNeeded: index))
      destination[index] = low + (high - low) * number
    }
  }

  /// Fills with 1 / keep with probability `keep`, else 0: a mask of inverted dropout.
  package func fillMask(
    _ destination: UnsafeMutablePointer<Float>, count: Int, keep: Float, first: UInt64 = 0
  ) {
    let kept = 1 / keep
    for index in 0..<max(count, 0) {
      let number = uniform(first &+ UInt64(truncatingIfNeeded: index))
      destination[index] = number < keep ? kept : 0
    }
  }
}
