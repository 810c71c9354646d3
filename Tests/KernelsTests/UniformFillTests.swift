import Kernels
import Testing

/// The kernel against the numbers of `Philox` one at a time, bit for bit.
@Suite struct UniformFillTests {
  static let shapes = [
    (1, 1), (16, 4), (17, 8), (33, 5), (200, 3), (15, 6), (31, 7), (5, 64), (48, 201), (100, 1),
  ]
  /// The indices at 2^34 - 6 and at 2^40 - 3 carry into the upper words of the counter.
  static let starts: [UInt64] = [0, 1, 2, 3, 1 << 40, (1 << 34) - 6, (1 << 40) - 3, 1 << 63 + 5]

  @Test("matrices get the numbers of the simple version", arguments: tables, shapes)
  func matrix(table: KernelTable, shape: (rows: Int, columns: Int)) throws {
    let (rows, columns) = shape
    let strips = (rows + 15) / 16
    for first in Self.starts {
      for isSigned in [false, true] {
        let random = Philox(seed: 0x1234_5678_9ABC_DEF0 &+ first, purpose: 0xFEDC_BA98_7654_3210)
        let buffer = try Buffer<Float>(count: strips * columns * 16 + 1)
        for index in 0..<buffer.count { buffer[index] = 7 }
        var call = UniformFill(
          destination: buffer.base, rows: rows, columns: columns, seed: random.seed,
          purpose: random.purpose, first: first, low: isSigned ? 0 : -0.3, span: 0.7,
          isSigned: isSigned)
        table.fillUniform(&call)
        let found = buffer.array
        #expect(found[strips * columns * 16] == 7, "behind the end")
        for n in 0..<strips * 16 {
          for k in 0..<columns {
            let number = random.uniform(
              first &+ UInt64(truncatingIfNeeded: n * columns + k))
            let wanted: Float =
              n >= rows ? 0 : isSigned ? (2 * number - 1) * 0.7 : -0.3 + 0.7 * number
            let at = (n / 16 * columns + k) * 16 + n % 16
            guard found[at].bitPattern != wanted.bitPattern else { continue }
            Issue.record(
              "\(found[at]) for \(wanted) at (\(n), \(k)) from \(first), \(table.instructionSet)")
            return
          }
        }
      }
    }
  }

  @Test("an empty matrix writes nothing", arguments: tables)
  func empty(table: KernelTable) throws {
    let buffer = try Buffer<Float>(count: 16)
    for (rows, columns) in [(0, 4), (4, 0), (-1, 4), (4, -1)] {
      var call = UniformFill(
        destination: buffer.base, rows: rows, columns: columns, seed: 1, purpose: 1, first: 0,
        low: 1, span: 1, isSigned: false)
      table.fillUniform(&call)
    }
    #expect(buffer.array.allSatisfy { $0 == 0 })
  }
}
