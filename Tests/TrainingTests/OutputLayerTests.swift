import Execution
import Glibc
import Kernels
import Support
import Testing
import Training

@Suite("Output layer")
struct OutputLayerTests {
  struct Case: CustomStringConvertible, Sendable {
    var words: Int
    var hidden: Int
    var rows: Int
    var description: String { "\(words) words, \(hidden) hidden, \(rows) rows" }
  }
  static let cases = [
    Case(words: 2, hidden: 1, rows: 1), Case(words: 17, hidden: 5, rows: 7),
    Case(words: 600, hidden: 33, rows: 29), Case(words: 48, hidden: 16, rows: 64),
  ]

  /// All that one call gives.
  struct Outcome: Equatable {
    var loss: Double
    var hidden: [Float]
    var gradients: [UInt32]
  }

  /// Weights, hidden states and targets that follow from a seed.
  struct Setting {
    let layout: ParameterLayout
    let weights: ParameterBuffer
    let states: [[Float]]
    let targets: [Int32]
    let kind: TargetKind
    /// Values, or labels of 0 and 1 [rows x words].
    let numbers: [Float]

    init(_ shape: Case, _ kind: TargetKind = .classes) throws {
      self.kind = kind
      var layout = ParameterLayout()
      try layout.addMatrix("output.weight", rows: shape.words, columns: shape.hidden)
      try layout.addVector("output.bias", count: shape.words, role: .bias)
      self.layout = layout
      weights = try OptimizerTests.random(layout, seed: 3)
      var random = TestRandom(seed: 4)
      states = (0..<shape.rows).map { _ in random.numbers(shape.hidden, 1).map { Float($0) } }
      targets = (0..<shape.rows).map { _ in Int32.random(in: 0..<Int32(shape.words), using: &random)
      }
      let some = random.numbers(shape.rows * shape.words, 2).map { Float($0) }
      numbers = kind == .labels ? some.map { $0 > 0 ? 1 : 0 } : some
    }

    func run(
      _ shape: Case, blockRows: Int?, threads: Int, scale: Float, kernels: KernelTable = .current
    ) throws -> (outcome: Outcome, gradients: ParameterBuffer) {
      let gradients = try ParameterBuffer(layout)
      let softmax = try OutputLayer(
        matrix: layout.entries[0], bias: layout.entries[1], weights: weights,
        gradients: gradients, rows: shape.rows, blockRows: blockRows, kernels: kernels)
      let floats = shape.hidden.strips * shape.rows * 16
      let (input, output) = (try Buffer<Float>(count: floats), try Buffer<Float>(count: floats))
      // What is behind the columns may be anything.
      input.all.update(repeating: .nan)
      func view(_ buffer: Buffer<Float>) -> StripView {
        StripView(base: buffer.base, stripStride: shape.rows * 16, columns: shape.hidden)
      }
      for (row, state) in states.enumerated() { view(input).setRow(row, state) }
      let team = try Team(threads: threads)
      let numbers = numbers
      let loss = try targets.withUnsafeBufferPointer { classes in
        try numbers.withUnsafeBufferPointer { numbers in
          let targets: Targets =
            switch kind {
            case .classes: .classes(classes.baseAddress!)
            case .values: .values(numbers.baseAddress!)
            case .labels: .labels(numbers.baseAddress!)
            }
          return try softmax.losses(
            hidden: view(input), targets: targets, rows: shape.rows, hiddenGradient: view(output),
            gradientScale: scale, team)
        }
      }
      var hidden = [Float](repeating: 0, count: shape.rows * shape.hidden)
      hidden.withUnsafeMutableBufferPointer { hidden in
        for row in 0..<shape.rows {
          view(output).getRow(row, hidden.baseAddress! + row * shape.hidden)
        }
      }
      let bits = gradients.values.array.map(\.bitPattern)
      return (Outcome(loss: loss, hidden: hidden, gradients: bits), gradients)
    }
  }

  @Test(
    "Losses and gradients are those of double precision, on every instruction set",
    arguments: cases, TargetKind.allCases)
  func reference(shape: Case, kind: TargetKind) throws {
    let setting = try Setting(shape, kind)
    let scale = 0.25
    let w = setting.weights.read(setting.layout.entries[0]).map { Double($0) }
    let b = setting.weights.read(setting.layout.entries[1]).map { Double($0) }
    var loss = 0.0
    var dw = w.map { _ in 0.0 }
    var db = b.map { _ in 0.0 }
    var dh: [Double] = []
    for (row, (state, target)) in zip(setting.states, setting.targets).enumerated() {
      let logits = (0..<shape.words).map { n in
        b[n] + (0..<shape.hidden).reduce(0) { $0 + w[n * shape.hidden + $1] * Double(state[$1]) }
      }
      let sum = logits.reduce(0) { $0 + exp($1) }
      let wanted = (0..<shape.words).map { Double(setting.numbers[row * shape.words + $0]) }
      let slopes: [Double]
      switch kind {
      case .classes:
        loss -= logits[Int(target)] - log(sum)
        slopes = logits.indices.map { exp(logits[$0]) / sum - ($0 == Int(target) ? 1 : 0) }
      case .values:
        let differences = zip(logits, wanted).map { $0 - $1 }
        loss += differences.reduce(0) { $0 + $1 * $1 } / Double(shape.words)
        slopes = differences.map { 2 * $0 / Double(shape.words) }
      case .labels:
        let sigmoids = logits.map { 1 / (1 + exp(-$0)) }
        for (p, y) in zip(sigmoids, wanted) { loss -= y * log(p) + (1 - y) * log(1 - p) }
        slopes = zip(sigmoids, wanted).map { $0 - $1 }
      }
      for n in 0..<shape.words {
        db[n] += scale * slopes[n]
        for k in 0..<shape.hidden {
          dw[n * shape.hidden + k] += scale * slopes[n] * Double(state[k])
        }
      }
      dh += (0..<shape.hidden).map { k in
        (0..<shape.words).reduce(0) { $0 + scale * slopes[$1] * w[$1 * shape.hidden + k] }
      }
    }
    for kernels in KernelTable.all {
      let (outcome, gradients) = try setting.run(
        shape, blockRows: 5, threads: 2, scale: Float(scale), kernels: kernels)
      #expect(abs(outcome.loss - loss) < 1e-5 * loss)
      expectNear(outcome.hidden, dh)
      expectNear(gradients.read(setting.layout.entries[0]), dw)
      expectNear(gradients.read(setting.layout.entries[1]), db)
    }
  }

  func expectNear(_ values: [Float], _ expected: [Double]) {
    let scale = expected.reduce(1e-3) { max($0, abs($1)) }
    let error = zip(values, expected).reduce(0) { max($0, abs(Double($1.0) - $1.1)) }
    #expect(values.count == expected.count)
    #expect(error < 3e-6 * scale)
  }

  @Test(
    "Results are the same bits for any number of threads and rows of a block", arguments: cases,
    TargetKind.allCases)
  func bits(shape: Case, kind: TargetKind) throws {
    let setting = try Setting(shape, kind)
    let whole = try setting.run(shape, blockRows: shape.rows, threads: 1, scale: 0.5).outcome
    for blockRows in [1, 3, 10, nil] {
      for threads in 1...3 {
        let outcome = try setting.run(shape, blockRows: blockRows, threads: threads, scale: 0.5)
        #expect(outcome.outcome == whole, "\(blockRows ?? 0) rows, \(threads) threads")
      }
    }
  }
}
