import Cells
import Execution
import Kernels
import Support
import Testing

import Training

@Suite("Dropout and penalties")
struct RegularizationTests {
  struct Case: CustomTestStringConvertible, Sendable {
    var testDescription: String
    var change: @Sendable (inout TrainingOptions) -> Void
    var zoneout: Double { ["zoneout", "all"].contains(testDescription) ? 0.3 : 0 }

    init(_ name: String, _ change: @escaping @Sendable (inout TrainingOptions) -> Void) {
      testDescription = name
      self.change = change
    }
  }

  static let cases = [
    Case("everywhere") { $0.dropout = 0.4 },
    Case("variational") { ($0.dropout, $0.isVariational) = (0.4, true) },
    Case("input") { $0.inputDropout = 0.5 },
    Case("hidden") { $0.hiddenDropout = 0.5 },
    Case("output") { $0.outputDropout = 0.5 },
    Case("all but the input") { ($0.dropout, $0.inputDropout) = (0.5, 0) },
    Case("embedding") { $0.embeddingDropout = 0.3 },
    Case("recurrent") { $0.recurrentDropout = 0.5 },
    Case("weight") { $0.weightDropout = 0.5 },
    Case("activation") { $0.activationPenalty = 2 },
    Case("temporal") { $0.temporalPenalty = 2 },
    Case("zoneout") { _ in },
    Case("all") {
      ($0.dropout, $0.embeddingDropout, $0.recurrentDropout) = (0.2, 0.2, 0.2)
      ($0.weightDropout, $0.activationPenalty, $0.temporalPenalty) = (0.2, 2, 1)
    },
  ]

  /// A model at work on one segment, with its loss and penalties as a function of the weights.
  final class Setting {
    let corpus: Corpus
    let model: LanguageModel
    let gradients: ParameterBuffer
    let run: ModelRun
    let options: TrainingOptions
    static let (batch, steps) = (5, 7)

    init(
      _ cells: [String], zoneout: Double = 0, _ change: (inout TrainingOptions) -> Void
    ) throws {
      corpus = try TinyModel.corpus(20)
      model = try TinyModel(
        cells: cells, hiddenSize: 9, embeddingSize: 6,
        wiring: Wiring(isResidual: true, zoneout: zoneout),
        initialization: Initialization(range: 0.3)
      ).make(corpus)
      gradients = try ParameterBuffer(model.weights.layout)
      var options = TrainingOptions()
      change(&options)
      self.options = options
      run = try ModelRun(
        model, gradients: gradients, steps: Self.steps, batch: Self.batch,
        masksRecurrence: options.recurrentDropout > 0, kernels: .current)
      run.unroll.dropout = options.dropout(update: 3, drawsZoneout: zoneout > 0)
      run.unroll.activityPenalty = options.activityPenalty
      run.wordDropout = (options.embeddingDropout, 8)
      try Segments(corpus.train, batch: Self.batch, steps: Self.steps)
        .read(0, to: run)
    }

    /// The mean loss and the penalties, whose gradient is left in `gradients`.
    func loss(threads: Int = 1) throws -> Double {
      run.unroll.zeroState()
      run.forgetWords(try Team(threads: 1))
      let rows = Self.batch * Self.steps
      let sum = try run.lossesAndGradient(
        scale: 1 / Float(rows), try Team(threads: threads))
      let output = Self.rows(run.unroll.output, rows)
      let squares = output.joined().reduce(0) { $0 + $1 * $1 } / Double(rows * 9)
      // Without dropout of outputs these are the hidden states themselves.
      var changes = 0.0
      for row in Self.batch..<rows {
        for (a, b) in zip(output[row], output[row - Self.batch]) { changes += (a - b) * (a - b) }
      }
      changes /= Double((rows - Self.batch) * 9)
      return sum / Double(rows) + options.activationPenalty * squares
        + (options.temporalPenalty > 0 && options.dropout == 0
          ? options.temporalPenalty * changes : 0)
    }

    static func rows(_ view: StripView, _ count: Int) -> [[Double]] {
      (0..<count).map { row in
        var values = [Float](repeating: 0, count: view.columns)
        values.withUnsafeMutableBufferPointer { view.getRow(row, $0.baseAddress!) }
        return values.map { Double($0) }
      }
    }
  }

  @Test(
    "Gradients are those of the loss with the same masks, along random directions",
    arguments: cases, ["lstm", "gru", "darts_v2", "lstm_peephole"])
  func gradients(option: Case, cell: String) throws {
    // Where outputs are dropped, the temporal penalty is on what no view shows.
    let setting = try Setting([cell, "elman"], zoneout: option.zoneout) {
      option.change(&$0)
      if $0.dropout > 0 { $0.temporalPenalty = 0 }
    }
    _ = try setting.loss()
    let slopes = setting.gradients.values.array.map { Double($0) }
    let start = setting.model.weights.values.array
    var random = TestRandom(seed: 7)
    for _ in 0..<3 {
      let direction = random.numbers(start.count, 1)
      func shifted(_ by: Double) throws -> Double {
        for entry in setting.model.weights.layout.entries {
          for n in 0..<entry.rows {
            for k in 0..<entry.columns {
              let place = entry.place(n, k)
              setting.model.weights.values[place] = start[place] + Float(by * direction[place])
            }
          }
        }
        setting.model.weights.version &+= 1
        return try setting.loss()
      }
      let step = 1e-3
      let measured = (try shifted(step) - shifted(-step)) / (2 * step)
      let expected = zip(slopes, direction).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(measured - expected) < 2e-3 * max(1, abs(expected)), "\(option) \(cell)")
    }
  }

  @Test("Masks are the same for any number of threads, and differ with the seed", arguments: cases)
  func threads(option: Case) throws {
    let setting = try Setting(["lstm", "gru"], zoneout: option.zoneout, option.change)
    func bits(_ threads: Int) throws -> [UInt32] {
      _ = try setting.loss(threads: threads)
      return setting.gradients.values.array.map(\.bitPattern)
    }
    let one = try bits(1)
    #expect(try bits(2) == one)
    #expect(try bits(3) == one)
    guard var other = setting.run.unroll.dropout else { return }
    other.seed += 1
    setting.run.unroll.dropout = other
    #expect(try bits(1) != one)
  }

  @Test(
    "A sequence has the same masks whatever the lengths of the others are",
    arguments: [false, true])
  func lengths(isVariational: Bool) throws {
    // The layer gives its input, so that outputs are masks.
    var layout = ParameterLayout()
    let network = try Network(
      cells: [try Cell(parsing: "h' = product(x)")], inputSize: 20, hiddenSizes: [20],
      layout: &layout)
    let weights = try ParameterBuffer(layout)
    for n in 0..<20 { weights.values[layout.entries[0].place(n, n)] = 1 }
    let (steps, batch) = (5, 9)
    func masks(_ lengths: [Int]?) throws -> [[Float]] {
      let unroll = try Unroll(
        network, weights: weights, gradients: nil, steps: steps, batch: batch)
      try unroll.prepare(steps: steps, lengths: lengths)
      for row in 0..<unroll.rows.total {
        unroll.input.setRow(row, [Float](repeating: 1, count: 20))
      }
      unroll.dropout = Dropout(rate: 0.5, isVariational: isVariational, seed: 3)
      unroll.zeroState()
      try unroll.forward(try Team(threads: 1))
      var found = [[Float]](repeating: [], count: steps * batch)
      for step in 0..<steps {
        for position in 0..<unroll.rows.active[step] {
          var values = [Float](repeating: 0, count: 20)
          let row = unroll.rows.row(step, position)
          values.withUnsafeMutableBufferPointer { unroll.output.getRow(row, $0.baseAddress!) }
          found[step * batch + unroll.rows.sequence[position]] = values
        }
      }
      return found
    }
    let whole = try masks(nil)
    // The second has the first four rows in the order 0, 1, 4, 3.
    for lengths in [
      [5, 2, 4, 1, 5, 3, 5, 0, 2], [5, 5, 2, 4, 5, 1, 1, 1, 1], [4, 4, 1, 4, 4, 4, 4, 4, 4],
    ] {
      for (place, values) in try masks(lengths).enumerated() where !values.isEmpty {
        #expect(values == whole[place], "\(lengths) \(place)")
      }
    }
  }

  @Test("As many are dropped as the rate says, and the rest is larger by as much")
  func rates() throws {
    let setting = try Setting(["elman"]) { $0.outputDropout = 0.25 }
    _ = try setting.loss()
    let dropped = Setting.rows(setting.run.unroll.output, 35).flatMap { $0 }
    setting.run.unroll.dropout = nil
    _ = try setting.loss()
    let whole = Setting.rows(setting.run.unroll.output, 35).flatMap { $0 }
    let zeros = dropped.filter { $0 == 0 }.count
    #expect(abs(Double(zeros) / Double(dropped.count) - 0.25) < 0.06)
    for (a, b) in zip(dropped, whole) where a != 0 { #expect(abs(a - b / 0.75) < 1e-6) }
  }

  @Test("Recurrent dropout keeps one mask for all steps, and leaves the weights' names alone")
  func recurrent() throws {
    // h' = W h + v, with W half the identity and v all 1: a dropped unit stays at 1.
    let cell = try Cell(parsing: "h' = product(h) + vector(v)")
    var layout = ParameterLayout()
    let network = try Network(cells: [cell], inputSize: 32, hiddenSizes: [32], layout: &layout)
    let (weights, gradients) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
    let entry = try #require(layout.entries.first { $0.role == .weight })
    for n in 0..<32 { weights.values[entry.place(n, n)] = 0.5 }
    let vector = try #require(layout["layers.0.v"])
    weights.write(vector, from: [Float](repeating: 1, count: 32))
    let unroll = try Unroll(
      network, weights: weights, gradients: gradients, steps: 6, batch: 4, masksRecurrence: true)
    var dropout = Dropout(rate: 0, seed: 1)
    dropout.recurrent = 0.5
    unroll.dropout = dropout
    try unroll.prepare(steps: 6, lengths: [6, 2, 6, 4])
    unroll.zeroState()
    try unroll.forward(try Team(threads: 1))
    // Kept units are doubled, so that they grow by 1 at each step.
    var seen: Set<Float> = []
    let end = unroll.rows.finalStateRow(0) - 4
    var values = [Float](repeating: 0, count: 32)
    values.withUnsafeMutableBufferPointer { unroll.output.getRow(end, $0.baseAddress!) }
    seen.formUnion(values)
    #expect(seen == [1, 6])
    #expect(network.stateSize == 32)
  }

  @Test("Random segments cover the text in order, near the truncation, and differ by epoch")
  func segments() throws {
    let tokens = (0..<4000).map { Int32($0) }
    try tokens.withUnsafeBufferPointer { tokens in
      let segments = try Segments(tokens, batch: 2, steps: 30)
      let cuts = segments.random(seed: 1)
      #expect(cuts.first?.lowerBound == 0)
      #expect(cuts.last?.upperBound == 1999)
      for (a, b) in zip(cuts, cuts.dropFirst()) { #expect(a.upperBound == b.lowerBound) }
      let lengths = cuts.dropLast().map(\.count)
      #expect(lengths.allSatisfy { (5...segments.longestRandom).contains($0) })
      let mean = Double(lengths.reduce(0, +)) / Double(lengths.count)
      #expect(abs(mean - 30 * 0.975) < 3)
      #expect(Set(lengths).count > 8)
      #expect(segments.random(seed: 1) == cuts)
      #expect(segments.random(seed: 2) != cuts)
    }
  }
}
