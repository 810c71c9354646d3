/// A number modulo the prime 2^61 - 1, twice over: what `Canonical` computes with.
///
/// Two polynomials that are the same have the same residues at any point; two that differ, of degree
/// d, agree at a random point with probability of at most d / 2^61 (Schwartz 1980; Zippel 1979) in each
/// of the two independent lanes.
struct Residue: Hashable, Sendable {
  var first: UInt64
  var second: UInt64

  static let prime: UInt64 = (1 << 61) - 1
  static let zero = Residue(first: 0, second: 0)
  static let one = Residue(first: 1, second: 1)

  static func + (a: Residue, b: Residue) -> Residue {
    Residue(first: reduce(a.first &+ b.first), second: reduce(a.second &+ b.second))
  }

  static func - (a: Residue, b: Residue) -> Residue { a + (-b) }

  static prefix func - (a: Residue) -> Residue {
    Residue(first: reduce(prime &- a.first), second: reduce(prime &- a.second))
  }

  static func * (a: Residue, b: Residue) -> Residue {
    Residue(first: multiply(a.first, b.first), second: multiply(a.second, b.second))
  }

  /// One over it (Fermat); nil for zero in either lane.
  var inverse: Residue? {
    guard first != 0, second != 0 else { return nil }
    var result = Residue.one
    var power = self
    var exponent = Residue.prime - 2
    while exponent > 0 {
      if exponent & 1 == 1 { result = result * power }
      power = power * power
      exponent >>= 1
    }
    return result
  }

  /// One of each pair a, -a counts as negative; which one is arbitrary but fixed.
  var isNegative: Bool { first > Residue.prime / 2 }

  /// The residue of a number: fractions with denominators to 360 and decimals of up to six places exactly,
  /// so that the double nearest to 1/3 is one third; others by their bits.
  init(_ value: Double) {
    guard value.isFinite else {
      self = Residue(hashing: [value.bitPattern])
      return
    }
    for denominator in Residue.denominators {
      let numerator = (value * Double(denominator)).rounded()
      guard numerator.magnitude < 0x1p40, numerator / Double(denominator) == value else { continue }
      let whole = Residue(whole: Int64(numerator))
      self = whole * (Residue(whole: Int64(denominator)).inverse ?? .one)
      return
    }
    // Not as a multiple of a power of two: 2^61 is 1 here.
    let magnitude = Residue(hashing: [value.magnitude.bitPattern])
    self = value < 0 ? -magnitude : magnitude
  }

  private static let denominators = Array(1...360) + [1000, 10_000, 100_000, 1_000_000]

  private init(whole value: Int64) {
    let magnitude = Residue(
      first: value.magnitude % Residue.prime, second: value.magnitude % Residue.prime)
    self = value < 0 ? -magnitude : magnitude
  }

  init(first: UInt64, second: UInt64) {
    self.first = first
    self.second = second
  }

  /// A pseudo-random residue for a list of words.
  init(hashing words: [UInt64]) {
    self.init(
      first: stableHash(words, seed: 0x243F_6A88_85A3_08D3) % Residue.prime,
      second: stableHash(words, seed: 0x1319_8A2E_0370_7344) % Residue.prime)
  }

  private static func reduce(_ value: UInt64) -> UInt64 { value >= prime ? value &- prime : value }

  private static func multiply(_ a: UInt64, _ b: UInt64) -> UInt64 {
    let (high, low) = a.multipliedFullWidth(by: b)
    return reduce((low & prime) &+ reduce(high << 3 | low >> 61))
  }
}

/// A 64-bit hash of words that is the same in every process, unlike `Hasher`'s.
///
/// It mixes as SplitMix64 does (Steele, Lea and Flood 2014).
package func stableHash(_ words: [UInt64], seed: UInt64 = 0) -> UInt64 {
  var state = seed
  for word in words {
    state = mixed(state &+ 0x9E37_79B9_7F4A_7C15 &+ mixed(word &+ 0x9E37_79B9_7F4A_7C15))
  }
  return state
}

private func mixed(_ word: UInt64) -> UInt64 {
  var word = word
  word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
  word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
  return word ^ word >> 31
}

/// A 64-bit hash of a text that is the same in every process.
package func stableHash(_ text: String) -> UInt64 { stableHash(text.utf8.map { UInt64($0) }) }
