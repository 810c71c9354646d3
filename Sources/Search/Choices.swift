import Cells

/// A stream of random choices that follows from a seed and a purpose alone.
///
/// The numbers are a hash of a counter: the same in every process, whatever the threads.
package struct Choices: RandomNumberGenerator, Sendable {
  private let key: UInt64
  private var counter: UInt64 = 0

  package init(seed: UInt64, _ purpose: UInt64...) { key = stableHash([seed] + purpose) }

  package mutating func next() -> UInt64 {
    counter &+= 1
    return stableHash([key, counter])
  }

  /// A number from 0 to `count` - 1; 0 when there is none.
  package mutating func below(_ count: Int) -> Int {
    count > 1 ? Int(next() % UInt64(count)) : 0
  }

  /// True with the given probability.
  package mutating func chance(_ probability: Double) -> Bool {
    Double(next() >> 11) * 0x1p-53 < probability
  }

  /// One of several; nil of none.
  package mutating func pick<T>(_ values: [T]) -> T? {
    values.isEmpty ? nil : values[below(values.count)]
  }

  /// An index, each as often as its weight says.
  package mutating func weighted(_ weights: [Double]) -> Int {
    var rest = Double(next() >> 11) * 0x1p-53 * weights.reduce(0, +)
    for (index, weight) in weights.enumerated() {
      rest -= weight
      if rest < 0 { return index }
    }
    return max(0, weights.count - 1)
  }
}
