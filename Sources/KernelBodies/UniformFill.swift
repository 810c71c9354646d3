import CVector
import KernelTypes

private typealias Words = SIMD16<Int32>

/// See `UniformFill`.
///
/// The lanes are the rows of a strip, each with a counter of its own, so that the four words of a block
/// are four columns. Where rows start inside a block, each lane takes its words from two blocks.
func fillUniform(_ fill: UnsafePointer<UniformFill>) {
  let call = fill.pointee
  // The words of two blocks, one behind the other: [8][16].
  withUnsafeTemporaryAllocation(of: Int32.self, capacity: 128) { memory in
    guard let words = memory.baseAddress else { return }
    var row = 0
    while row < call.rows {
      let lanes = Lanes(call, row)
      let strip = call.destination + row &* call.columns
      if !lanes.isAligned { lanes.draw(0, to: words + 64) }
      var column = 0
      while column < call.columns {
        if lanes.isAligned {
          lanes.draw(column / 4, to: words)
        } else {
          words.update(from: words + 64, count: 64)
          lanes.draw(column / 4 &+ 1, to: words + 64)
        }
        for place in 0..<min(4, call.columns &- column) {
          lanes.store(words + place &* 16, strip + (column &+ place) &* 16)
        }
        column &+= 4
      }
      row &+= 16
    }
  }
}

/// The sixteen rows of a strip.
private struct Lanes {
  /// The counter of each row's first number.
  private let low: Words
  private let high: Words
  /// Ones in the lanes that start at word 0, 1 and 2 of their block.
  private let starts: (Words, Words, Words)
  /// Whether all start at word 0.
  let isAligned: Bool
  private let isPad: Words
  private let call: UniformFill

  @inline(__always)
  init(_ call: UniformFill, _ row: Int) {
    self.call = call
    let first = call.first &+ UInt64(truncatingIfNeeded: row &* call.columns)
    let columns = UInt32(truncatingIfNeeded: call.columns)
    low = vector_indices(first, columns, 2)
    high = vector_indices(first, columns, 34)
    let phase = vector_indices(first, columns, 0) & 3
    starts = (
      vector_equal_int(phase, 0), vector_equal_int(phase, 1), vector_equal_int(phase, 2)
    )
    isAligned = vector_all(starts.0) != 0
    isPad = vector_lanes_from(Int32(truncatingIfNeeded: min(call.rows &- row, 16)))
  }

  /// Draws each row's block that many behind its first: four words [4][16].
  @inline(__always)
  func draw(_ number: Int, to words: UnsafeMutablePointer<Int32>) {
    let added = Words(repeating: Int32(truncatingIfNeeded: number))
    let sum = low &+ added
    vector_philox(sum, high &- vector_carry(sum, added), call.purpose, call.seed, words)
  }

  /// Stores the number of the word that each lane is at, of four words one behind the other.
  @inline(__always)
  func store(_ words: UnsafePointer<Int32>, _ at: UnsafeMutablePointer<Float>) {
    var bits = vector_i32_load(words)
    if !isAligned {
      bits = vector_choose(
        starts.0, bits,
        vector_choose(
          starts.1, vector_i32_load(words + 16),
          vector_choose(starts.2, vector_i32_load(words + 32), vector_i32_load(words + 48))))
    }
    let unit = vector_unit(bits, call.isSigned ? 1 << 23 : 0)
    vector_store(at, vector_zero_where(isPad, splat(call.low) + splat(call.span) * unit))
  }
}
