import Cells

/// Random numbers for tests: SplitMix64, the same on every run for a seed.
package struct TestRandom: RandomNumberGenerator {
  private var state: UInt64

  package init(seed: UInt64) { state = stableHash([seed, 0x7E57]) }

  package mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
    return word ^ word >> 31
  }

  /// A number from -scale to scale.
  package mutating func number(_ scale: Double) -> Double {
    Double.random(in: -scale...scale, using: &self)
  }

  package mutating func numbers(_ count: Int, _ scale: Double) -> [Double] {
    (0..<count).map { _ in number(scale) }
  }

  /// True with the given probability.
  package mutating func chance(_ probability: Double) -> Bool {
    Double.random(in: 0..<1, using: &self) < probability
  }

  /// One of several, which must not be none.
  package mutating func pick<T>(_ values: [T]) -> T {
    values[Int.random(in: 0..<values.count, using: &self)]
  }
}
