import Kernels

/// Sequences whose rows lie together in memory: as many as fill a tile of the products.
///
/// Threads work on blocks of their own. Rows of two threads side by side would be fetched ahead by the one's
/// core while the other's writes them: with 10 rows each of LSTM 200 the time loops then take a fourth longer.
package struct RowBlocks: Sendable {
  package let batch: Int
  /// Positions of each block, near equally many.
  package let positions: [Range<Int>]
  /// The block of each position [B].
  let block: [Int]
  /// The most sequences of any block.
  let height: Int

  /// The most that there may be.
  private static let most = 12

  package init(batch: Int) {
    self.batch = batch
    let least = max(1, (batch + Self.most - 1) / Self.most)
    // An even number, so that two threads have as many each.
    let count = least == 1 ? 1 : (least + 1) & ~1
    positions = (0..<count).map { batch * $0 / count..<batch * ($0 + 1) / count }
    height = (batch + count - 1) / count
    block = positions.enumerated().flatMap { number, range in range.map { _ in number } }
  }
}

/// Which row of the packed activations holds which sequence at which time step.
///
/// Sequences are sorted by length, longest first; at step t the first `active[t]` of them still run,
/// and only they have rows. Those of a block come one behind another, step after step, and then those of the
/// next block; so the cost is in proportion to the sum of the lengths.
package final class Rows: @unchecked Sendable {
  package let steps: Int
  package var batch: Int { blocks.batch }
  package let blocks: RowBlocks
  /// Sequences that run at each step [T], and one zero behind.
  package let active: [Int]
  /// First row of each block, and one behind the last.
  private let first: [Int]
  /// The caller's sequence at each position [B].
  package let sequence: [Int]
  /// Lengths by position, longest first [B].
  package let lengths: [Int]
  /// All rows: the sum of the lengths.
  package let total: Int

  /// Rows that are consecutive, as are those of the states before them.
  package struct Run: Sendable {
    package var row: Int
    package var previousState: Int
    package var count: Int
  }
  /// All steps in as few runs as possible: two for each block where all lengths are equal.
  package private(set) var runs: [Run] = []

  /// - Throws: `.invalidArgument` for a length outside 0...T, or a wrong number of lengths.
  package init(steps: Int, _ blocks: RowBlocks, lengths given: [Int]?) throws(Failure) {
    let batch = blocks.batch
    self.steps = steps
    self.blocks = blocks
    if let given {
      guard given.count == batch else {
        throw .invalid("\(given.count) lengths for a batch of \(batch); pass one for each sequence")
      }
      if let wrong = given.firstIndex(where: { $0 < 0 || $0 > steps }) {
        throw .invalid(
          "length \(given[wrong]) of sequence \(wrong) is out of range; use 0 to \(steps)")
      }
      // Stable, so that equal lengths keep the caller's order.
      sequence = (0..<batch).sorted { (given[$0], $1) > (given[$1], $0) }
      lengths = sequence.map { given[$0] }
    } else {
      sequence = Array(0..<batch)
      lengths = Array(repeating: steps, count: batch)
    }
    var active: [Int] = []
    active.reserveCapacity(steps + 1)
    var running = batch
    for step in 0..<steps {
      while running > 0, lengths[running - 1] <= step { running -= 1 }
      active.append(running)
    }
    active.append(0)
    self.active = active
    var first = [0]
    var total = 0
    for positions in blocks.positions {
      total += lengths[positions].reduce(0, +)
      first.append(total)
    }
    (self.first, self.total) = (first, total)
    findRuns()
  }

  private func findRuns() {
    for (block, positions) in blocks.positions.enumerated() {
      let longest = lengths[positions.lowerBound]
      // The initial states are elsewhere, and behind the end of a sequence its state is left out.
      let starts = Set([0, 1] + lengths[positions].map { $0 + 1 }).filter { $0 < longest }.sorted()
      for (start, end) in zip(starts, starts.dropFirst() + [longest]) {
        runs.append(
          Run(
            row: firstRow(block, start),
            previousState: previousStateRow(start, positions.lowerBound),
            count: firstRow(block, end) - firstRow(block, start)))
      }
    }
  }

  /// The first row of a block at a step, or behind the last one.
  @inline(__always)
  private func firstRow(_ block: Int, _ step: Int) -> Int {
    let positions = blocks.positions[block]
    if lengths[positions.upperBound &- 1] >= step {
      return first[block] &+ step &* positions.count
    }
    var row = first[block]
    for position in positions { row &+= min(lengths[position], step) }
    return row
  }

  /// The positions of a block whose sequences still run at a step.
  @inline(__always)
  func activePositions(_ block: Int, _ step: Int) -> Range<Int> {
    let positions = blocks.positions[block]
    let end = min(positions.upperBound, max(positions.lowerBound, active[step]))
    return positions.lowerBound..<end
  }

  /// The row of the sequence at a position, which must run at that step.
  @inline(__always)
  package func row(_ step: Int, _ position: Int) -> Int {
    let block = blocks.block[position]
    return firstRow(block, step) &+ position &- blocks.positions[block].lowerBound
  }

  /// The row of its states before a step, among state rows, which begin with the initial ones by position.
  @inline(__always)
  package func previousStateRow(_ step: Int, _ position: Int) -> Int {
    step == 0 ? position : batch &+ row(step &- 1, position)
  }

  /// The step and position that a row belongs to, and where the rows of this step and block end.
  package func place(of row: Int) -> (step: Int, position: Int, end: Int) {
    let block = Self.lowest(blocks.positions.count) { first[$0 &+ 1] > row }
    let step = Self.lowest(steps) { firstRow(block, $0 &+ 1) > row }
    return (
      step, blocks.positions[block].lowerBound &+ row &- firstRow(block, step),
      firstRow(block, step &+ 1)
    )
  }

  /// The lowest of 0..<count for which something holds, as it does for all that follow; else the last.
  private static func lowest(_ count: Int, _ holds: (Int) -> Bool) -> Int {
    var (low, high) = (0, max(count &- 1, 0))
    while low < high {
      let middle = (low &+ high) / 2
      if holds(middle) { high = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Cuts the positions into `parts` consecutive ranges with about equally many rows: of whole blocks, where
  /// that makes them as equal.
  package func split(_ parts: Int) -> [Range<Int>] {
    let isWhole = total == steps &* batch && blocks.positions.count % max(parts, 1) == 0
    var ranges: [Range<Int>] = []
    var start = 0
    var before = 0
    for part in 1...max(parts, 1) {
      var end = start
      while end < batch {
        let next = isWhole ? blocks.positions[blocks.block[end]].upperBound : end + 1
        var rows = 0
        for position in end..<next { rows += lengths[position] }
        guard part == parts || (before + rows / 2) * parts < total * part else { break }
        before += rows
        end = next
      }
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }

  /// The row of the state after the last step of the sequence at `position`, among state rows.
  package func finalStateRow(_ position: Int) -> Int {
    previousStateRow(lengths[position], position)
  }
}

/// Floats from one strip of so many rows to the next.
///
/// In a cache the same rows of all strips would often be in each other's way: 10,240 rows are 640 KiB, of which
/// all strips have the same place. So strips of more than a page lie 13 lines behind whole pages: minGRU of 256,
/// 20 x 512, then takes 47 ms in place of 57, SRU 98 to 120 in place of 120.
func stripStride(rows: Int) -> Int {
  let lines = rows < 64 ? rows : rows &+ (13 &- rows) & 63
  return lines &* 16
}

/// Rows of strips in memory: element (r, c) is `base[(c / 16) * stripStride + r * 16 + c % 16]`.
package struct StripView: @unchecked Sendable {
  package var base: UnsafeMutablePointer<Float>
  package var stripStride: Int
  package var columns: Int

  package init(base: UnsafeMutablePointer<Float>, stripStride: Int, columns: Int) {
    self.base = base
    self.stripStride = stripStride
    self.columns = columns
  }

  /// Where one element is.
  package func place(_ row: Int, _ column: Int) -> UnsafeMutablePointer<Float> {
    base + (column >> 4) &* stripStride + row &* 16 + column & 15
  }

  /// Copies a row-major row of `columns` floats in.
  package func setRow(_ row: Int, _ source: UnsafePointer<Float>) {
    var at = base + row &* 16
    for strip in 0..<columns >> 4 {
      at.update(from: source + strip &* 16, count: 16)  // without a call, as the count is known
      at += stripStride
    }
    at.update(from: source + columns & ~15, count: columns & 15)
  }

  /// Copies a row out to `columns` row-major floats.
  package func getRow(_ row: Int, _ destination: UnsafeMutablePointer<Float>) {
    var at = base + row &* 16
    for strip in 0..<columns >> 4 {
      (destination + strip &* 16).update(from: at, count: 16)
      at += stripStride
    }
    (destination + columns & ~15).update(from: at, count: columns & 15)
  }

  /// Sets a row to zero.
  package func clearRow(_ row: Int) {
    for strip in 0..<columns.strips {
      (base + strip &* stripStride + row &* 16).update(repeating: 0, count: 16)
    }
  }
}
