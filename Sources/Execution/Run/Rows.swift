import Kernels

/// Which row of the packed activations holds which sequence at which time step.
///
/// Sequences are sorted by length, longest first; at step t the first `active[t]` of them still run,
/// and only they have rows: rows `offset[t] ..< offset[t] + active[t]`. So the cost is in proportion to
/// the sum of the lengths, and with equal lengths the rows of consecutive steps are consecutive.
package struct Rows: Sendable {
  package let steps: Int
  package let batch: Int
  /// Rows of each step [T], and one zero behind.
  package private(set) var active: [Int]
  /// First row of each step [T + 1].
  package private(set) var offset: [Int]
  /// The caller's sequence at each position [B].
  package private(set) var sequence: [Int]
  /// Lengths by position, longest first [B].
  package private(set) var lengths: [Int]

  /// Steps whose rows, and those of the states before them, are consecutive.
  package struct Run: Sendable {
    package var row: Int
    package var previousState: Int
    package var count: Int
  }
  /// All steps in as few runs as possible; one where all lengths are equal.
  package private(set) var runs: [Run] = []

  /// All rows: the sum of the lengths.
  package var total: Int { offset[steps] }

  /// - Throws: `.invalidArgument` for a length outside 0...T, or a wrong number of lengths.
  package init(steps: Int, batch: Int, lengths given: [Int]?) throws(Failure) {
    self.steps = steps
    self.batch = batch
    guard let given else {
      active = Array(repeating: batch, count: steps) + [0]
      offset = (0...steps).map { $0 * batch }
      sequence = Array(0..<batch)
      lengths = Array(repeating: steps, count: batch)
      findRuns()
      return
    }
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
    active = []
    offset = [0]
    var running = batch
    for step in 0..<steps {
      while running > 0, lengths[running - 1] <= step { running -= 1 }
      active.append(running)
      offset.append(offset[step] + running)
    }
    active.append(0)
    findRuns()
  }

  private mutating func findRuns() {
    for step in 0..<steps where active[step] > 0 {
      let previous = previousStateRow(step)
      if let last = runs.last, last.previousState + last.count == previous {
        runs[runs.count - 1].count += active[step]
      } else {
        runs.append(Run(row: offset[step], previousState: previous, count: active[step]))
      }
    }
  }

  /// First row of the states before a step, among state rows.
  package func previousStateRow(_ step: Int) -> Int {
    step == 0 ? 0 : batch &+ offset[step &- 1]
  }

  /// The step that a row belongs to; steps - 1 for rows behind the last.
  func step(of row: Int) -> Int {
    var (low, high) = (0, max(steps &- 1, 0))
    while low < high {
      let middle = (low &+ high) / 2
      if offset[middle &+ 1] > row { high = middle } else { low = middle &+ 1 }
    }
    return low
  }

  /// Cuts the positions into `parts` consecutive ranges with about equally many rows.
  package func split(_ parts: Int) -> [Range<Int>] {
    var ranges: [Range<Int>] = []
    var start = 0
    var before = 0
    for part in 1...max(parts, 1) {
      var end = start
      while end < batch, part == parts || (before + lengths[end] / 2) * parts < total * part {
        before += lengths[end]
        end += 1
      }
      ranges.append(start..<end)
      start = end
    }
    return ranges
  }

  /// The row of the state after the last step of the sequence at `position`, among state rows, which
  /// begin with one row per sequence for the initial state.
  package func finalStateRow(_ position: Int) -> Int {
    let length = lengths[position]
    return length == 0 ? position : batch + offset[length - 1] + position
  }
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
    var column = 0
    while column < columns {
      let width = min(16, columns &- column)
      at.update(from: source + column, count: width)
      at += stripStride
      column &+= 16
    }
  }

  /// Copies a row out to `columns` row-major floats.
  package func getRow(_ row: Int, _ destination: UnsafeMutablePointer<Float>) {
    var at = base + row &* 16
    var column = 0
    while column < columns {
      destination.advanced(by: column).update(from: at, count: min(16, columns &- column))
      at += stripStride
      column &+= 16
    }
  }

  /// Sets a row to zero.
  package func clearRow(_ row: Int) {
    for strip in 0..<columns.strips {
      (base + strip &* stripStride + row &* 16).update(repeating: 0, count: 16)
    }
  }
}
