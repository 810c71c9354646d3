import Glibc
import Kernels
import Testing

@Suite struct RowTests {
  @Test("layer norm and its gradient agree with double precision", arguments: tables, sizes)
  func normalize(table: KernelTable, columns: Int) throws {
    let rows = 3
    let a = try Strips(rows: rows, columns: columns)
    let g = try Strips(rows: rows, columns: columns)
    a.randomize(Philox(seed: 1, purpose: 0))
    g.randomize(Philox(seed: 2, purpose: 0))
    let (y, d) = (
      try Strips(rows: rows, columns: columns), try Strips(rows: rows, columns: columns)
    )
    let scale = try Buffer<Float>(count: rows * 16)
    var call = Normalization(
      a: UnsafePointer(a.base), aStripStride: a.stripStride, y: y.base,
      yStripStride: y.stripStride, scale: scale.base, rows: rows, columns: columns, epsilon: 1e-5)
    table.normalize(&call)
    var slope = NormalizationGradient(
      g: UnsafePointer(g.base), gStripStride: g.stripStride, y: UnsafePointer(y.base),
      yStripStride: y.stripStride, scale: UnsafePointer(scale.base), d: d.base,
      dStripStride: d.stripStride, rows: rows, columns: columns, accumulates: false)
    table.normalizeGradient(&slope)
    #expect(y.isPaddingZero && d.isPaddingZero)
    let count = Double(columns)
    for row in 0..<rows {
      let values = (0..<columns).map { Double(a[row, $0]) }
      let gradients = (0..<columns).map { Double(g[row, $0]) }
      let mean = values.reduce(0, +) / count
      let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let factor = 1 / (variance + 1e-5).squareRoot()
      let normal = values.map { ($0 - mean) * factor }
      let gMean = gradients.reduce(0, +) / count
      let product = zip(gradients, normal).reduce(0) { $0 + $1.0 * $1.1 } / count
      for column in 0..<columns {
        let wanted = factor * (gradients[column] - gMean - normal[column] * product)
        #expect(abs(Double(y[row, column]) - normal[column]) < 1e-5, "\(table.instructionSet)")
        #expect(
          abs(Double(d[row, column]) - wanted) < 2e-6 * factor + 1e-6, "\(table.instructionSet)")
      }
    }
    let once = d[rows - 1, columns - 1]
    slope.accumulates = true
    table.normalizeGradient(&slope)
    #expect(d[rows - 1, columns - 1] == once + once)
  }

  static let losses: [(rows: Int, columns: Int, size: Float)] = [
    (1, 1, 1), (2, 2, 1), (3, 15, 5), (4, 16, 1), (5, 17, 100), (7, 31, 1), (9, 200, 10),
    (4, 650, 1e4),
  ]

  @Test("softmax with cross-entropy agrees with double precision", arguments: tables, losses)
  func softmax(table: KernelTable, shape: (rows: Int, columns: Int, size: Float)) throws {
    let (rows, columns, size) = shape
    let logits = try Strips(rows: rows, columns: columns)
    logits.randomize(Philox(seed: 3, purpose: UInt64(columns)))
    for row in 0..<rows { for column in 0..<columns { logits[row, column] *= size } }
    let values = (0..<rows).map { row in (0..<columns).map { Double(logits[row, $0]) } }
    let targets = try Buffer<Int32>(count: rows)
    for row in 0..<rows { targets[row] = Int32((row * 7 + 3) % columns) }
    targets[rows - 1] = rows > 1 ? -1 : 0
    let losses = try Buffer<Float>(count: rows)
    var call = SoftmaxCrossEntropy(
      logits: logits.base, stripStride: logits.stripStride, rows: rows, columns: columns,
      targets: UnsafePointer(targets.base), losses: losses.base, gradientScale: 0.5,
      wantsGradient: true)
    table.softmaxCrossEntropy(&call)
    #expect(logits.isPaddingZero)
    for row in 0..<rows {
      let peak = values[row].max() ?? 0
      let sum = values[row].reduce(0) { $0 + exp($1 - peak) }
      let target = Int(targets[row])
      let loss = target < 0 ? 0 : log(sum) + peak - values[row][target]
      #expect(
        abs(Double(losses[row]) - loss) <= 2e-6 * max(abs(loss), 1), "\(table.instructionSet)")
      for column in 0..<columns {
        let share = exp(values[row][column] - peak) / sum
        let wanted = target < 0 ? 0 : 0.5 * (share - (column == target ? 1 : 0))
        #expect(abs(Double(logits[row, column]) - wanted) < 1e-6, "\(table.instructionSet)")
      }
    }
  }

  @Test("a row's loss has the same bits alone and among others", arguments: tables)
  func lossAlone(table: KernelTable) throws {
    let (rows, columns) = (7, 50)
    func losses(block: Int) throws -> ([Float], [UInt32]) {
      let logits = try Strips(rows: rows, columns: columns)
      logits.randomize(Philox(seed: 4, purpose: 0))
      let targets = try Buffer<Int32>(count: rows)
      let losses = try Buffer<Float>(count: rows)
      for row in stride(from: 0, to: rows, by: block) {
        var call = SoftmaxCrossEntropy(
          logits: logits.base + row * 16, stripStride: logits.stripStride,
          rows: min(block, rows - row), columns: columns,
          targets: UnsafePointer(targets.base + row), losses: losses.base + row, gradientScale: 1,
          wantsGradient: true)
        table.softmaxCrossEntropy(&call)
      }
      return (losses.array, logits.bits)
    }
    let (whole, bits) = try losses(block: rows)
    for block in 1..<rows {
      let (parts, partBits) = try losses(block: block)
      #expect(parts == whole && partBits == bits, "\(table.instructionSet), blocks of \(block)")
    }
  }
}
