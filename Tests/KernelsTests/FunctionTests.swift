import Glibc
import Kernels
import Testing

@Suite struct FunctionTests {
  /// The bound of each function in units in the last place, over all floats.
  static let bounds: [(primitive: Primitive, ulp: Double)] = [
    (.exp, 2), (.log, 2), (.tanh, 4), (.sigmoid, 4), (.sin, 2), (.cos, 2), (.sqrt, 0.5001),
    (.reciprocal, 0.5001),
  ]

  /// Errors below one denormal step count from that; of the sigmoid, which is 0 below -87, those below
  /// the least value that it has otherwise.
  private static func ulps(_ got: Float, _ wanted: Double, _ primitive: Primitive) -> Double {
    if primitive == .sigmoid, got == 0, wanted < 1.7e-38 { return 0 }
    let rounded = Float(wanted)
    if got.isNaN || wanted.isNaN { return got.isNaN && wanted.isNaN ? 0 : .infinity }
    if got.isInfinite || rounded.isInfinite { return got == rounded ? 0 : .infinity }
    return abs(Double(got) - wanted) / max(Double(rounded.ulp), 0x1p-149)
  }

  private static func run(
    _ table: KernelTable, _ primitive: Primitive, _ values: [Float], _ second: [Float] = []
  ) throws -> [Float] {
    let buffer = try Buffer<Float>(count: (values.count + 15) / 16 * 16)
    let other = try Buffer<Float>(count: buffer.count)
    for (index, value) in values.enumerated() { buffer[index] = value }
    for (index, value) in second.enumerated() { other[index] = value }
    let operand = Operand(base: buffer.base, stripStride: buffer.count, rowStride: 16)
    let b = Operand(base: other.base, stripStride: other.count, rowStride: 16)
    var call = ElementwiseCall(
      d: operand, a: operand, b: b, c: operand, k: 0, strips: 1, rows: buffer.count / 16)
    table.elementwise[Int(primitive.rawValue)](&call)
    return Array(buffer.array.prefix(values.count))
  }

  @Test("functions keep their bound on a sweep over all bit patterns", arguments: tables, bounds)
  func sweep(table: KernelTable, bound: (primitive: Primitive, ulp: Double)) throws {
    let values = stride(from: UInt32(0), through: .max - 1009, by: 1009).map {
      Float(bitPattern: $0)
    }
    let results = try Self.run(table, bound.primitive, values)
    var worst = (ulp: 0.0, at: Float(0))
    for (value, result) in zip(values, results) {
      let error = Self.ulps(
        result, bound.primitive.evaluate(Double(value), 0, 0, 0), bound.primitive)
      if error > worst.ulp { worst = (error, value) }
    }
    print("\(table.instructionSet) \(bound.primitive): \(worst.ulp) ulp at \(worst.at)")
    #expect(worst.ulp <= bound.ulp, "\(table.instructionSet) \(bound.primitive) at \(worst.at)")
  }

  @Test("functions keep their bound where values are usual", arguments: tables, bounds)
  func usual(table: KernelTable, bound: (primitive: Primitive, ulp: Double)) throws {
    let values = (-200_000...200_000).map { Float($0) / 10_000 }
    let results = try Self.run(table, bound.primitive, values)
    for (value, result) in zip(values, results) {
      let error = Self.ulps(
        result, bound.primitive.evaluate(Double(value), 0, 0, 0), bound.primitive)
      if error > bound.ulp {
        Issue.record("\(table.instructionSet) \(bound.primitive) at \(value): \(error)")
        break
      }
    }
  }

  static let edges: [(Primitive, Float, Float)] = [
    (.exp, .infinity, .infinity), (.exp, -.infinity, 0), (.exp, 0, 1), (.exp, 88.73, .infinity),
    (.log, 0, -.infinity), (.log, -0.0, -.infinity), (.log, 1, 0), (.log, .infinity, .infinity),
    (.tanh, .infinity, 1), (.tanh, -.infinity, -1), (.tanh, -0.0, -0.0), (.tanh, 0, 0),
    (.sigmoid, .infinity, 1), (.sigmoid, -.infinity, 0), (.sigmoid, 0, 0.5), (.relu, -1, 0),
    (.sin, -0.0, -0.0), (.cos, 0, 1), (.sqrt, -0.0, -0.0),
  ]

  @Test("functions have the right values at the edges", arguments: tables, edges)
  func atEdge(table: KernelTable, edge: (Primitive, Float, Float)) throws {
    let result = try Self.run(table, edge.0, [edge.1])[0]
    #expect(result.bitPattern == edge.2.bitPattern, "\(table.instructionSet) \(edge): \(result)")
  }

  static let withoutValues: [(Primitive, Float)] = [
    (.log, -1), (.log, -.infinity), (.log, -0x1p-140), (.sqrt, -1), (.sin, .infinity),
    (.cos, -.infinity), (.exp, .nan), (.log, .nan), (.tanh, .nan), (.sigmoid, .nan), (.relu, .nan),
    (.sin, .nan), (.sqrt, .nan), (.abs, .nan),
  ]

  @Test("the larger and the smaller of two keep NaN on either side", arguments: tables)
  func extremes(table: KernelTable) throws {
    let (a, b): ([Float], [Float]) = (
      [1, 2, .nan, 3, .nan, -1], [2, 1, 3, .nan, .nan, -.infinity]
    )
    let larger = try Self.run(table, .maximum, a, b)
    let smaller = try Self.run(table, .minimum, a, b)
    // NaN equals nothing, so it stands as its text.
    #expect(larger.map { "\($0)" } == ["2.0", "2.0", "nan", "nan", "nan", "-1.0"])
    #expect(smaller.map { "\($0)" } == ["1.0", "1.0", "nan", "nan", "nan", "-inf"])
  }

  @Test("what has no value, and NaN, gives NaN", arguments: tables, withoutValues)
  func withoutValue(table: KernelTable, edge: (Primitive, Float)) throws {
    #expect(try Self.run(table, edge.0, [edge.1])[0].isNaN, "\(table.instructionSet) \(edge)")
  }
}
