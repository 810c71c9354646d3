import Cells
import Kernels
import Search
import Synchronization
import Testing
import Training

@Suite("Scoring cells by language models")
struct LanguageModelEvaluatorTests {
  static let text = String(
    repeating: "the cat sees the sun, and a dog hears my bird in the rain.\n", count: 60)

  static func corpus(_ text: String) throws -> Corpus {
    try Array(text.utf8).withUnsafeBytes { bytes in
      Result { try Corpus(train: .memory(bytes), unit: .character) }
    }.get()
  }

  static func evaluator() throws -> LanguageModelEvaluator {
    var sizes = EvaluationSizes()
    sizes.hiddenSize = 10
    sizes.batch = 4
    sizes.truncation = 9
    sizes.updates = 30
    return try LanguageModelEvaluator(
      corpus: try corpus(text), sizes: sizes)
  }

  static func task(
    _ cell: Cell, updates: Int, isLast: Bool, snapshot: [UInt8]? = nil
  ) -> EvaluationTask {
    EvaluationTask(
      Proposal(id: 1, seed: 7, strategy: "auto", cell: cell), rung: snapshot == nil ? 0 : 1,
      updates: updates, isLast: isLast, snapshot: snapshot)
  }

  @Test(
    "A cell trained in two rungs scores what it does in one", arguments: ["lstm", "gru", "elman"])
  func rungs(name: String) throws {
    let evaluator = try Self.evaluator()
    let cell = try Cell.stock(name)
    let first = try evaluator.evaluate(Self.task(cell, updates: 13, isLast: false)) { false }
    let snapshot = try #require(first.snapshot)
    let second = try evaluator.evaluate(
      Self.task(cell, updates: 30, isLast: true, snapshot: snapshot)
    ) { false }
    let whole = try evaluator.evaluate(Self.task(cell, updates: 30, isLast: true)) { false }
    #expect(second.loss.bitPattern == whole.loss.bitPattern)
    #expect(second.tokens == whole.tokens && whole.tokens == 30 * 4 * 9)
    #expect(second.snapshot == nil)
    #expect(whole.loss < first.loss)
    // The same curve, a point for every update, and the validation loss at the end of each rung.
    #expect(whole.curve.map(\.updates) == Array(1...30))
    #expect((first.curve + second.curve).map(\.trainLoss) == whole.curve.map(\.trainLoss))
    #expect(whole.curve.filter { $0.loss.isFinite }.map(\.updates) == [30])
    #expect(second.curve.last?.loss == whole.loss)
  }

  @Test("All cells get about the same count of parameters")
  func parameters() throws {
    let evaluator = try Self.evaluator()
    for name in ["lstm", "gru", "elman", "darts_v2", "mogrifier"] {
      let score = try evaluator.evaluate(
        Self.task(try Cell.stock(name), updates: 1, isLast: true)
      ) { false }
      let share = Double(score.parameterCount) / Double(evaluator.parameterCount)
      #expect(abs(share - 1) < 0.1, "\(name): \(score.parameterCount)")
    }
  }

  @Test("The learned numbers of a cell are measured by name")
  func measured() throws {
    let cell = try Cell(
      parsing: "h' = scalar(a1_0_tanh) * tanh(linear(x, h)) + scalar(a1_0_relu) * relu(linear(x))")
    let score = try Self.evaluator().evaluate(Self.task(cell, updates: 5, isLast: true)) { false }
    #expect(Set(score.measured.keys) == ["step_seconds", "a1_0_tanh", "a1_0_relu"])
    #expect(score.measured.values.allSatisfy { $0.isFinite && $0 != 0 })
  }

  @Test("A search that stops takes the evaluation with it")
  func stops() throws {
    let evaluator = try Self.evaluator()
    let asked = Atomic<Int>(0)
    let failure = #expect(throws: Failure.self) {
      try evaluator.evaluate(Self.task(try Cell.stock("lstm"), updates: 1_000_000, isLast: true)) {
        asked.add(1, ordering: .relaxed).newValue > 5
      }
    }
    #expect(failure?.kind == .cancelled)
  }

  @Test("Snapshots that are not of the proposal are refused")
  func snapshots() throws {
    let evaluator = try Self.evaluator()
    let first = try evaluator.evaluate(
      Self.task(try Cell.stock("gru"), updates: 2, isLast: false)
    ) { false }
    let other = try #require(first.snapshot)
    for snapshot in [other, Array(other.prefix(100)), [], [1, 2, 3]] {
      #expect(throws: Failure.self) {
        try evaluator.evaluate(
          Self.task(try Cell.stock("lstm"), updates: 4, isLast: true, snapshot: snapshot)
        ) { false }
      }
    }
  }

  @Test("A study of the evaluator runs, and refuses another corpus and other sizes")
  func study() throws {
    let evaluator = try Self.evaluator()
    var settings = StudySettings()
    settings.strategy = "random"
    settings.rungs = 2
    settings.controls = true
    evaluator.describe(in: &settings)
    let study = try Study(path: nil, settings: settings)
    try study.run(evaluator, RunLimits(trials: 5, workers: 2))
    #expect(study.trialCount == 5)
    #expect(study.leaderboard.count >= 5)
    #expect(settings.updates == 30)
    var sizes = evaluator.sizes
    sizes.hiddenSize = 11
    var changed = settings
    try LanguageModelEvaluator(corpus: evaluator.corpus, sizes: sizes).describe(in: &changed)
    #expect(changed.evaluation != settings.evaluation)
    var another = settings
    try LanguageModelEvaluator(
      corpus: try Self.corpus(Self.text + "more"), sizes: evaluator.sizes
    ).describe(in: &another)
    #expect(another.corpus != settings.corpus)
  }
}
