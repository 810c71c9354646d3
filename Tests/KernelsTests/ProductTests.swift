import Kernels
import Testing

@Suite struct ProductTests {
  static let shapes: [(rows: Int, depths: [Int], columns: Int)] =
    (1...14).map { ($0, [17], 48 * 3 + 7) } + [
      (1, [1], 1), (2, [15, 16], 31), (3, [31, 1], 17), (5, [200], 16), (7, [16], 200),
      (20, [200, 35], 200), (13, [40], 200), (11, [7], 24), (25, [2, 1, 33], 15),
      (64, [31], 31), (301, [650], 33),
    ]

  /// The product of all rows, and the pieces that it was made of.
  private struct Case {
    var a: [Strips] = []
    var b: [Strips] = []
    var bias: Strips
    var c: Strips

    init(rows: Int, depths: [Int], columns: Int) throws {
      for (index, depth) in depths.enumerated() {
        a.append(try Strips(rows: rows, columns: depth))
        a[index].randomize(Philox(seed: 1, purpose: UInt64(index)))
        b.append(try Strips(rows: depth, columns: columns, rowsAround: 0, pad: 0))
        b[index].randomize(Philox(seed: 2, purpose: UInt64(index)))
      }
      bias = try Strips(rows: 1, columns: columns, rowsAround: 0, pad: 0)
      bias.randomize(Philox(seed: 3, purpose: 0))
      c = try Strips(rows: rows, columns: columns)
    }

    func run(_ table: KernelTable, rows: Range<Int>, into result: Strips, strips: Range<Int>) {
      let segments = zip(a, b).map {
        Segment(
          a: UnsafePointer($0.base + rows.lowerBound * 16), aStripStride: $0.stripStride,
          b: UnsafePointer($1.base + strips.lowerBound * $1.stripStride),
          bStripStride: $1.stripStride, k: $0.columns)
      }
      segments.withUnsafeBufferPointer {
        guard let first = $0.baseAddress else { return }
        var product = Product(
          segments: first, segmentCount: $0.count,
          c: result.base + rows.lowerBound * 16 + strips.lowerBound * result.stripStride,
          cStripStride: result.stripStride,
          initial: UnsafePointer(bias.base + strips.lowerBound * 16), initialStripStride: 16,
          initialRowStride: 0, rows: rows.count, strips: strips.count,
          padding: Padding(columns: result.columns, firstStrip: strips.lowerBound))
        table.product(&product)
      }
    }
  }

  @Test("a product agrees with a loop in double precision", arguments: tables, shapes)
  func agrees(table: KernelTable, shape: (rows: Int, depths: [Int], columns: Int)) throws {
    let test = try Case(rows: shape.rows, depths: shape.depths, columns: shape.columns)
    test.run(table, rows: 0..<shape.rows, into: test.c, strips: 0..<test.c.strips)
    for row in 0..<shape.rows {
      for column in 0..<shape.columns {
        var sum = Double(test.bias[0, column])
        var size = abs(sum)
        for (a, b) in zip(test.a, test.b) {
          for k in 0..<a.columns {
            let term = Double(a[row, k]) * Double(b[k, column])
            sum += term
            size += abs(term)
          }
        }
        #expect(
          abs(Double(test.c[row, column]) - sum) <= 1e-6 * size,
          "\(table.instructionSet) \(shape) at \(row), \(column)")
      }
    }
  }

  @Test(
    "a row has the same bits alone, in any block of rows and any split of strips", arguments: tables
  )
  func rowsAlone(table: KernelTable) throws {
    let (rows, columns) = (29, 200)
    let test = try Case(rows: rows, depths: [35, 200], columns: columns)
    test.run(table, rows: 0..<rows, into: test.c, strips: 0..<test.c.strips)
    for height in 1...14 {
      let parts = try Strips(rows: rows, columns: columns)
      for start in stride(from: 0, to: rows, by: height) {
        let block = start..<min(start + height, rows)
        test.run(table, rows: block, into: parts, strips: 0..<5)
        test.run(table, rows: block, into: parts, strips: 5..<parts.strips)
      }
      #expect(parts.bits == test.c.bits, "\(table.instructionSet), blocks of \(height)")
    }
  }

  @Test("a product onto itself and onto zeros", arguments: tables)
  func initials(table: KernelTable) throws {
    let test = try Case(rows: 5, depths: [9], columns: 20)
    let sum = try Strips(rows: 5, columns: 20)
    sum.randomize(Philox(seed: 4, purpose: 0))
    let before = sum.bits.map { Float(bitPattern: $0) }
    let zeros = try Buffer<Float>(count: 16)
    var segment = Segment(
      a: UnsafePointer(test.a[0].base), aStripStride: test.a[0].stripStride,
      b: UnsafePointer(test.b[0].base), bStripStride: test.b[0].stripStride, k: 9)
    var onto = Product(
      segments: &segment, segmentCount: 1, c: sum.base, cStripStride: sum.stripStride,
      initial: UnsafePointer(sum.base), initialStripStride: sum.stripStride, initialRowStride: 16,
      rows: 5, strips: 2)
    withUnsafePointer(to: &segment) {
      onto.segments = $0
      table.product(&onto)
      var alone = onto
      (alone.c, alone.cStripStride) = (test.c.base, test.c.stripStride)
      (alone.initial, alone.initialStripStride) = (UnsafePointer(zeros.base), 0)
      alone.initialRowStride = 0
      table.product(&alone)
    }
    for row in 0..<5 {
      for column in 0..<20 {
        let wanted = before[row * 20 + column] + test.c[row, column]
        #expect(abs(sum[row, column] - wanted) < 1e-5, "\(table.instructionSet)")
      }
    }
  }
}
