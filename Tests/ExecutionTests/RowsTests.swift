import Execution
import Kernels
import Testing

/// Which row holds what.
@Suite struct RowsTests {
  static let batches: [(batch: Int, steps: Int)] = [(1, 1), (12, 3), (13, 4), (25, 5), (64, 7)]

  @Test("Every step of every sequence has a row of its own, by blocks", arguments: batches)
  func bijection(batch: Int, steps: Int) throws {
    let blocks = RowBlocks(batch: batch)
    let random = Philox(seed: 3, purpose: UInt64(batch))
    let uneven = (0..<batch).map { Int(Double(random.uniform(UInt64($0))) * Double(steps + 1)) }
    for lengths in [nil, uneven, Array(repeating: 0, count: batch)] as [[Int]?] {
      let rows = try Rows(steps: steps, blocks, lengths: lengths)
      #expect(rows.total == (lengths?.reduce(0, +) ?? steps * batch))
      var expected = 0
      for positions in blocks.positions {
        #expect(positions.count <= 12)
        for step in 0..<steps {
          let running = positions.filter { rows.lengths[$0] > step }
          for position in running {
            #expect(rows.row(step, position) == expected)
            let place = rows.place(of: expected)
            #expect((place.step, place.position) == (step, position))
            #expect(place.end == rows.row(step, running[0]) + running.count)
            expected += 1
          }
        }
      }
      #expect(expected == rows.total)
      // The runs are all rows, once, and know the states before each.
      var covered = 0
      for run in rows.runs {
        for index in 0..<run.count {
          let place = rows.place(of: run.row + index)
          #expect(
            run.previousState + index == rows.previousStateRow(place.step, place.position))
        }
        covered += run.count
      }
      #expect(covered == rows.total)
      #expect(Set(rows.runs.map(\.row)).count == rows.runs.count)
    }
  }

  @Test("Positions are split into as many ranges as asked for, of whole blocks where these suffice")
  func split() throws {
    let rows = try Rows(steps: 3, RowBlocks(batch: 20), lengths: nil)
    #expect(rows.split(1) == [0..<20])
    #expect(rows.split(2) == [0..<10, 10..<20])
    #expect(rows.split(3) == [0..<7, 7..<13, 13..<20])
    let uneven = try Rows(
      steps: 9, RowBlocks(batch: 30), lengths: (0..<30).map { $0 < 10 ? 9 : 1 })
    #expect(uneven.split(2) == [0..<6, 6..<30])
    let even = try Rows(steps: 3, RowBlocks(batch: 32), lengths: nil)
    for parts in [2, 4, 8] {
      #expect(even.split(parts).allSatisfy { $0.count == 32 / parts }, "\(parts) threads")
    }
    for parts in 1...40 {
      #expect(rows.split(parts).flatMap { Array($0) } == Array(0..<20))
      #expect(rows.split(parts).count == parts)
    }
  }
}
