import Kernels
import Testing

@Suite struct ElementwiseTests {
  /// How an operand is laid out: its strides at a number of rows.
  enum Layout: CaseIterable {
    case whole, view, vector, scalar

    func operand(_ base: UnsafeMutablePointer<Float>, rows: Int) -> Operand {
      switch self {
      case .whole: Operand(base: base, stripStride: rows * 16, rowStride: 16)
      case .view: Operand(base: base, stripStride: (rows + 3) * 16, rowStride: 16)
      case .vector: Operand(base: base, stripStride: 16, rowStride: 0)
      case .scalar: Operand(base: base, stripStride: 0, rowStride: 0)
      }
    }
  }

  private static func accumulates(_ primitive: Primitive) -> Bool {
    switch primitive {
    case .accumulate, .accumulateProduct, .accumulateScaled, .accumulateTanhGradient,
      .accumulateSigmoidGradient, .accumulateReluGradient, .subtractFrom:
      true
    default: false
    }
  }

  @Test(
    "every primitive agrees with its value in double precision, in every layout", arguments: tables,
    Primitive.allCases)
  func agrees(table: KernelTable, primitive: Primitive) throws {
    for (rows, strips) in [(1, 1), (1, 7), (2, 1), (5, 3), (16, 2)] {
      for layouts in [
        [Layout.whole, .whole, .whole, .whole], [.view, .whole, .view, .whole],
        [.whole, .vector, .whole, .scalar], [.whole, .whole, .scalar, .vector],
      ] {
        try Self.check(table, primitive, rows: rows, strips: strips, layouts)
      }
    }
  }

  private static func check(
    _ table: KernelTable, _ primitive: Primitive, rows: Int, strips: Int, _ layouts: [Layout]
  ) throws {
    let size = (rows + 3) * strips * 16
    let memory = try Buffer<Float>(count: 4 * size)
    let isPositive = primitive == .log || primitive == .sqrt
    Philox(seed: 7, purpose: UInt64(primitive.rawValue)).fillUniform(
      memory.base, count: 4 * size, low: isPositive ? 0.1 : -2, high: 2)
    let before = memory.array
    let operands = layouts.enumerated().map {
      $1.operand(memory.base + $0 * size, rows: rows)
    }
    var call = ElementwiseCall(
      d: operands[0], a: operands[1], b: operands[2], c: operands[3], k: 0.3, strips: strips,
      rows: rows)
    table.elementwise[Int(primitive.rawValue)](&call)
    var wanted = before.map { Double($0) }
    for strip in 0..<strips {
      for row in 0..<rows {
        for lane in 0..<16 {
          let places = operands.enumerated().map {
            $0 * size + strip * $1.stripStride + row * $1.rowStride + lane
          }
          let values = places.map { Double(before[$0]) }
          let value = primitive.evaluate(values[1], values[2], values[3], Double(Float(0.3)))
          wanted[places[0]] = (accumulates(primitive) ? values[0] : 0) + value
        }
      }
    }
    for (got, value) in zip(memory.array, wanted) where abs(Double(got) - value) > 2e-6 {
      // Divisions by small numbers have large results.
      if abs(Double(got) - value) <= 1e-6 * abs(value) { continue }
      Issue.record(
        "\(table.instructionSet) \(primitive) \(rows) x \(strips) \(layouts): \(got), not \(value)")
      return
    }
  }

  @Test("primitives may write where they read", arguments: tables, Primitive.allCases)
  func inPlace(table: KernelTable, primitive: Primitive) throws {
    let apart = try Buffer<Float>(count: 96)
    let within = try Buffer<Float>(count: 96)
    for buffer in [apart, within] {
      Philox(seed: 8, purpose: 0).fillUniform(buffer.base, count: 96, low: 0.1, high: 2)
    }
    // The destination begins as a copy of a, so that both ways add to the same.
    for index in 0..<32 { apart[64 + index] = apart[index] }
    func run(_ buffer: Buffer<Float>, to offset: Int) {
      let operands = [offset, 0, 32].map {
        Operand(base: buffer.base + $0, stripStride: 32, rowStride: 16)
      }
      var call = ElementwiseCall(
        d: operands[0], a: operands[1], b: operands[2], c: operands[2], k: 0.3, strips: 1, rows: 2)
      table.elementwise[Int(primitive.rawValue)](&call)
    }
    run(apart, to: 64)
    run(within, to: 0)
    #expect((0..<32).allSatisfy { within[$0] == apart[64 + $0] }, "\(table.instructionSet)")
  }
}
