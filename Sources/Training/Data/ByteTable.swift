import Kernels

/// Strings of bytes, numbered in the order in which they came.
///
/// Bytes rather than `String`s: two words of different scalars stay different words, and no string is
/// made for a word that was seen before.
struct ByteTable: Sendable {
  /// All strings behind one another, and where each begins.
  private var bytes: [UInt8] = []
  private var starts: [Int] = [0]
  /// Open addressing: number + 1, or 0 where free; a power of two, never more than half full.
  private var slots: [Int32] = Array(repeating: 0, count: 1 << 10)

  var count: Int { starts.count - 1 }

  subscript(index: Int) -> ArraySlice<UInt8> { bytes[starts[index]..<starts[index + 1]] }

  /// The number of a string, or nil.
  func find(_ string: UnsafeBufferPointer<UInt8>) -> Int? {
    let slot = slot(of: string)
    return slots[slot] == 0 ? nil : Int(slots[slot]) - 1
  }

  /// The number of a string, which is added if it is new.
  mutating func insert(_ string: UnsafeBufferPointer<UInt8>) -> Int {
    let slot = slot(of: string)
    if slots[slot] != 0 { return Int(slots[slot]) - 1 }
    bytes.append(contentsOf: string)
    starts.append(bytes.count)
    slots[slot] = Int32(count)
    if 2 * count > slots.count { grow() }
    return count - 1
  }

  private mutating func grow() {
    slots = Array(repeating: 0, count: 2 * slots.count)
    for index in 0..<count {
      let slot = bytes.withUnsafeBufferPointer { all in
        self.slot(of: UnsafeBufferPointer(rebasing: all[starts[index]..<starts[index + 1]]))
      }
      slots[slot] = Int32(index + 1)
    }
  }

  /// Where the string is, or would go.
  private func slot(of string: UnsafeBufferPointer<UInt8>) -> Int {
    // FNV-1a.
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in string { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash ^ hash >> 32) & mask
    while slots[slot] != 0 {
      if self[Int(slots[slot]) - 1].elementsEqual(string) { return slot }
      slot = (slot + 1) & mask
    }
    return slot
  }
}
