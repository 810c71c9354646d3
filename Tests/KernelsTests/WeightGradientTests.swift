import Kernels
import Testing

@Suite struct WeightGradientTests {
  static let shapes: [(rows: Int, k: Int, columns: Int)] = [
    (1, 1, 1), (3, 15, 16), (17, 2, 17), (31, 31, 200), (129, 33, 31), (300, 200, 50), (128, 7, 48),
    (700, 21, 40),
  ]

  /// The gradient of all strips, computed `part` strips at a time.
  private static func gradient(
    _ table: KernelTable, _ a: Strips, _ z: Strips, into gradient: Strips, part: Int,
    accumulates: Bool
  ) {
    for first in stride(from: 0, to: z.strips, by: part) {
      var call = WeightGradient(
        a: UnsafePointer(a.base), aStripStride: a.stripStride,
        z: UnsafePointer(z.base + first * z.stripStride), zStripStride: z.stripStride,
        rows: z.rows, k: a.columns, strips: min(part, z.strips - first),
        gradient: gradient.base + first * gradient.stripStride,
        gradientStripStride: gradient.stripStride, accumulates: accumulates,
        padding: Padding(columns: z.columns, firstStrip: first))
      table.weightGradient(&call)
    }
  }

  @Test("weight gradients agree with a loop in double precision", arguments: tables, shapes)
  func agrees(table: KernelTable, shape: (rows: Int, k: Int, columns: Int)) throws {
    let a = try Strips(rows: shape.rows, columns: shape.k)
    let z = try Strips(rows: shape.rows, columns: shape.columns)
    a.randomize(Philox(seed: 1, purpose: 0))
    z.randomize(Philox(seed: 2, purpose: 0))
    let whole = try Strips(rows: shape.k, columns: shape.columns, rowsAround: 0)
    let parts = try Strips(rows: shape.k, columns: shape.columns, rowsAround: 0)
    Self.gradient(table, a, z, into: whole, part: whole.strips, accumulates: false)
    Self.gradient(table, a, z, into: parts, part: 2, accumulates: false)
    #expect(parts.bits == whole.bits)
    #expect(whole.isPaddingZero)
    Self.gradient(table, a, z, into: parts, part: 3, accumulates: true)
    for k in 0..<shape.k {
      for column in 0..<shape.columns {
        var (sum, size) = (0.0, 0.0)
        for row in 0..<shape.rows {
          let term = Double(a[row, k]) * Double(z[row, column])
          sum += term
          size += abs(term)
        }
        #expect(abs(Double(whole[k, column]) - sum) <= 1e-6 * size, "\(table.instructionSet)")
        #expect(abs(Double(parts[k, column]) - 2 * sum) <= 2e-6 * size, "\(table.instructionSet)")
      }
    }
  }

  @Test("column sums take rows in order and leave pad lanes 0", arguments: tables, sizes)
  func sums(table: KernelTable, rows: Int) throws {
    for columns in sizes {
      let z = try Strips(rows: rows, columns: columns)
      z.randomize(Philox(seed: 5, purpose: UInt64(columns)))
      let sums = try Strips(rows: 1, columns: columns, rowsAround: 0)
      var call = ColumnSums(
        z: UnsafePointer(z.base), zStripStride: z.stripStride, rows: rows, strips: z.strips,
        sums: sums.base, accumulates: false, padding: Padding(columns: columns))
      table.columnSums(&call)
      let wanted = (0..<columns).map { column in
        (0..<rows).reduce(Float(0)) { $0 + z[$1, column] }
      }
      #expect((0..<columns).map { sums[0, $0] } == wanted, "\(table.instructionSet) \(columns)")
      #expect(sums.isPaddingZero)
      call.accumulates = true
      table.columnSums(&call)
      for column in 0..<columns { #expect(abs(sums[0, column] - 2 * wanted[column]) < 1e-4) }
    }
  }

  @Test("pad lanes of maps side by side are known by the strip's number")
  func padding() {
    let padding = Padding(columns: 20, firstStrip: 3)
    #expect((0..<4).map { padding.lanes($0) } == [4, 16, 4, 16])
    #expect(Padding().lanes(7) == 16)
  }

  @Test("the transpose of a transpose is the matrix, pad lanes 0", arguments: tables, sizes)
  func transpose(table: KernelTable, inputs: Int) throws {
    for outputs in sizes {
      let weights = try Strips(rows: inputs, columns: outputs, rowsAround: 0, pad: 0)
      weights.randomize(Philox(seed: 6, purpose: UInt64(outputs)))
      let turned = try Strips(rows: outputs, columns: inputs, rowsAround: 0)
      table.transposePack(UnsafePointer(weights.base), inputs, outputs, turned.base)
      #expect(turned.isPaddingZero)
      let isRight = (0..<inputs).allSatisfy { input in
        (0..<outputs).allSatisfy { turned[$0, input] == weights[input, $0] }
      }
      #expect(isRight, "\(table.instructionSet) \(inputs) x \(outputs)")
    }
  }
}
