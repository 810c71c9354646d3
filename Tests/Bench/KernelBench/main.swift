import Glibc
import Kernels
import Quiet

// Prints how fast each kernel is on each instruction set, products as a share of the multiply-adds
// that the core can do in registers alone. Run: swift run -c release KernelBench [instruction set]

/// Quiet seconds of one call.
func seconds(_ table: KernelTable, _ body: () -> Void) -> Double {
  quietMedian(table.instructionSet, seconds: 1, body).time
}

func pad(_ text: String, _ width: Int) -> String {
  text + String(repeating: " ", count: max(width - text.count, 0))
}

func rounded(_ number: Double) -> String { String((number * 10).rounded() / 10) }

func random(_ count: Int) throws -> Buffer<Float> {
  let buffer = try Buffer<Float>(count: count)
  Philox(seed: 1, purpose: UInt64(count)).fillUniform(
    buffer.base, count: count, low: -1, high: 1)
  return buffer
}

func strips(_ columns: Int) -> Int { (columns + 15) / 16 }

func benchProducts(_ table: KernelTable) throws {
  let shapes = [
    (20, 200, 800), (700, 200, 800), (10, 200, 800), (64, 400, 1600), (20, 650, 2600),
    (32, 256, 1024), (7, 200, 800), (8, 64, 256), (4, 200, 800), (3, 200, 800), (2, 200, 800),
    (1, 200, 800), (1, 64, 256),
    (12, 200, 800), (48, 200, 800), (96, 200, 800), (192, 200, 800), (256, 200, 800),
  ]
  for (rows, k, n) in shapes {
    let (a, b) = (try random(strips(k) * rows * 16), try random(strips(n) * k * 16))
    let (c, bias) = (try random(strips(n) * rows * 16), try random(strips(n) * 16))
    var segment = Segment(
      a: UnsafePointer(a.base), aStripStride: rows * 16, b: UnsafePointer(b.base),
      bStripStride: k * 16, k: k)
    withUnsafePointer(to: &segment) {
      var product = Product(
        segments: $0, segmentCount: 1, c: c.base, cStripStride: rows * 16,
        initial: UnsafePointer(bias.base), initialStripStride: 16, initialRowStride: 0, rows: rows,
        strips: strips(n))
      let measured = quietMedian(table.instructionSet, seconds: 2) { table.product(&product) }
      report("product \(rows) x \(k) x \(n)", rows * k * n, measured)
    }
  }
}

func benchGradients(_ table: KernelTable) throws {
  for (rows, k, n) in [(700, 200, 800), (400, 200, 800), (2240, 400, 1600), (700, 650, 2600)] {
    let (a, z) = (try random(strips(k) * rows * 16), try random(strips(n) * rows * 16))
    let gradient = try random(strips(n) * k * 16)
    var call = WeightGradient(
      a: UnsafePointer(a.base), aStripStride: rows * 16, z: UnsafePointer(z.base),
      zStripStride: rows * 16, rows: rows, k: k, strips: strips(n), gradient: gradient.base,
      gradientStripStride: k * 16, accumulates: false, padding: Padding(columns: n))
    let measured = quietMedian(table.instructionSet, seconds: 2) { table.weightGradient(&call) }
    report("weight gradient \(rows) x \(k) x \(n)", rows * k * n, measured)
  }
}

func benchOthers(_ table: KernelTable) throws {
  let tile = try random(4 * 256)
  let at = (0..<4).map { Operand(base: tile.base + $0 * 256, stripStride: 256, rowStride: 16) }
  var line = ""
  for primitive in Primitive.allCases {
    var call = ElementwiseCall(
      d: at[0], a: at[1], b: at[2], c: at[3], k: 0.5, strips: 1, rows: 16)
    let kernel = table.elementwise[Int(primitive.rawValue)]
    let time = seconds(table) { kernel(&call) } / 256 * 1e9
    line += "\(primitive) \((time * 1000).rounded() / 1000)  "
  }
  print("  ns per element in tiles of 256: \(line)")

  let (k, n) = (200, 800)
  let (weights, turned) = (try random(strips(n) * k * 16), try random(strips(k) * n * 16))
  let pack = seconds(table) { table.transposePack(UnsafePointer(weights.base), k, n, turned.base) }
  print("  transpose \(k) x \(n): \(rounded(pack * 1e6)) µs")

  var fill = UniformFill(
    destination: turned.base, rows: n, columns: k, seed: 1, purpose: 2, first: 0, low: 0, span: 1,
    isSigned: true)
  let number = seconds(table) { table.fillUniform(&fill) } / Double(n * k) * 1e9
  print("  random numbers, ns each: \((number * 1000).rounded() / 1000)")

  let (rows, columns) = (20, 10_000)
  let logits = try random(strips(columns) * rows * 16)
  let targets = try Buffer<Int32>(count: rows)
  let losses = try Buffer<Float>(count: rows)
  var softmax = SoftmaxCrossEntropy(
    logits: logits.base, stripStride: rows * 16, rows: rows, columns: columns,
    targets: UnsafePointer(targets.base), losses: losses.base, gradientScale: 1,
    wantsGradient: true)
  let loss = seconds(table) { table.softmaxCrossEntropy(&softmax) } / Double(rows * columns) * 1e9
  print("  softmax and gradient, ns per logit: \((loss * 1000).rounded() / 1000)")

  let count = 1 << 18
  let (w, g) = (try random(count), try random(count))
  let (m, v) = (try random(count), try Buffer<Float>(count: count))
  let norm = seconds(table) { _ = table.squaredNorm(UnsafePointer(g.base), count) }
  var descent = DescentUpdate(
    weights: w.base, gradients: UnsafePointer(g.base), count: count, rate: 1e-6)
  let descend = seconds(table) { table.descend(&descent) }
  var moments = AdamUpdate(
    weights: w.base, gradients: UnsafePointer(g.base), first: m.base, second: v.base,
    count: count, rate: 1e-6, beta1: 0.9, beta2: 0.999, epsilon: 1e-8, correction1: 0.5,
    correction2: 0.5)
  let adam = seconds(table) { table.adam(&moments) }
  let each = [norm, descend, adam].map { ($0 / Double(count) * 1e12).rounded() / 1000 }
  print("  ns per weight: norm \(each[0]), descent \(each[1]), Adam \(each[2])")
}

func report(_ name: String, _ multiplyAdds: Int, _ measured: Measured) {
  let speed = Double(2 * multiplyAdds) / measured.time * 1e-9
  print(
    "  \(pad(name, 32)) \(pad(rounded(speed), 6)) GFLOP/s  "
      + "\(rounded(100 * speed / measured.limit)) %  \(measured.quiet)")
}

let wanted = CommandLine.arguments.dropFirst()
for table in KernelTable.all
where wanted.isEmpty || wanted.contains(table.instructionSet.rawValue) {
  print("\(table.instructionSet)")
  try benchProducts(table)
  try benchGradients(table)
  try benchOthers(table)
}
