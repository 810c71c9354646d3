import Glibc
import Kernels

/// Strings of bytes, numbered in the order in which they came.
///
/// Bytes rather than `String`s: two words of different scalars stay different words, and no string is
/// made for a word that was seen before.
struct ByteTable: Sendable {
  /// All strings behind one another, and where each begins.
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  /// Open addressing: the upper half is that of the hash, the lower half the number + 1; 0 where free.
  ///
  /// A power of two, never more than half full.
  private var slots: [UInt64] = Array(repeating: 0, count: 1 << 10)

  var count: Int { starts.count - 1 }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

  /// The number of a string, or nil.
  func find(_ string: UnsafeBufferPointer<UInt8>) -> Int? {
    let word = slots[slot(of: string, Self.hash(string))]
    return word == 0 ? nil : Self.number(word)
  }

  /// The number of a string, which is added if it is new.
  mutating func insert(_ string: UnsafeBufferPointer<UInt8>) -> Int {
    let hash = Self.hash(string)
    let slot = slot(of: string, hash)
    if slots[slot] != 0 { return Self.number(slots[slot]) }
    bytes.append(contentsOf: string)
    starts.append(bytes.count)
    slots[slot] = Self.word(hash, number: count - 1)
    if 2 * count > slots.count { grow() }
    return count - 1
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: 2 * slots.count)
    for index in 0..<count {
      let hash = self[index].withUnsafeBufferPointer { Self.hash($0) }
      // All are different: the first free slot.
      var slot = Int(truncatingIfNeeded: hash) & (slots.count - 1)
      while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
      slots[slot] = Self.word(hash, number: index)
    }
  }

  /// Where the string is, or would go.
  private func slot(of string: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while slots[slot] != 0 {
      if slots[slot] >> 32 == hash >> 32, holds(Self.number(slots[slot]), string) { break }
      slot = (slot + 1) & mask
    }
    return slot
  }

  private func holds(_ index: Int, _ string: UnsafeBufferPointer<UInt8>) -> Bool {
    let start = starts[index]
    guard starts[index + 1] - start == string.count, let other = string.baseAddress else {
      return starts[index + 1] - start == string.count
    }
    return bytes.withUnsafeBufferPointer { all in
      all.baseAddress.map { memcmp($0 + start, other, string.count) == 0 } ?? false
    }
  }

  private static func word(_ hash: UInt64, number: Int) -> UInt64 {
    hash & 0xFFFF_FFFF_0000_0000 | UInt64(truncatingIfNeeded: number + 1)
  }

  private static func number(_ word: UInt64) -> Int { Int(word & 0xFFFF_FFFF) - 1 }

  /// FNV-1a, the lower bits mixed with the upper.
  private static func hash(_ string: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in string { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    return hash ^ hash >> 32
  }
}
