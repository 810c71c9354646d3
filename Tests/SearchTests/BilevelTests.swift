import Cells
import Kernels
import Search
import Testing
import Training

@Suite("Supernets with learned shares")
struct BilevelTests {
  static func sizes(updates: Int = 12) -> EvaluationSizes {
    var sizes = EvaluationSizes()
    sizes.hiddenSize = 10
    sizes.batch = 4
    sizes.truncation = 9
    sizes.updates = updates
    return sizes
  }

  static func evaluator(updates: Int = 12) throws -> LanguageModelEvaluator {
    try LanguageModelEvaluator(
      corpus: try LanguageModelEvaluatorTests.corpus(LanguageModelEvaluatorTests.text),
      sizes: sizes(updates: updates))
  }

  static func net(_ nodes: Int = 2) -> Supernet {
    Supernet(nodeCount: nodes, activations: HighwayStep.activations)
  }

  static func cell(_ work: Work) throws -> Cell {
    work == .mixture
      ? try WeNet.cell([
        Arc([HighwayStep("tanh", 0)]), Arc([HighwayStep("relu", 0), HighwayStep("sigmoid", 1)]),
      ]) : try net().relaxed()
  }

  static func stage(_ work: Work, threads: Int = 1, seed: UInt64 = 5) throws -> BilevelStage {
    let corpus = try LanguageModelEvaluatorTests.corpus(LanguageModelEvaluatorTests.text)
    return try BilevelStage(
      try cell(work), work, corpus, sizes(), seed: seed, threads: threads)
  }

  /// The largest difference between a gradient and central differences of a loss, and the largest slope.
  private func difference(
    _ stage: BilevelStage, _ loss: (BilevelStage) throws -> Double
  ) throws -> (error: Double, largest: Double) {
    stage.read()
    let gradient = try stage.alphaGradient()
    let alphas = stage.numbers.alphas
    let step = 1e-2
    var worst = 0.0
    var largest = 0.0
    for choice in alphas.indices {
      for option in alphas[choice].indices {
        var losses: [Double] = []
        for sign in [1.0, -1.0] {
          var moved = alphas
          moved[choice][option] += sign * step
          stage.set(alphas: moved)
          losses.append(try loss(stage))
        }
        stage.set(alphas: alphas)
        let expected = (losses[0] - losses[1]) / (2 * step)
        worst = max(worst, abs(expected - gradient[choice][option]))
        largest = max(largest, abs(expected))
      }
    }
    return (worst, largest)
  }

  @Test("The gradient of first order is that of the loss on the second half", arguments: [0, 15])
  func firstOrder(updates: Int) throws {
    let stage = try Self.stage(.bilevel(order: 1))
    for _ in 0..<updates { try stage.update() }
    let (error, largest) = try difference(stage) { try $0.architectureLoss() }
    print("first order: error \(error) of slopes up to \(largest)")
    #expect(largest > 1e-4 && error < 0.02 * largest + 2e-5)
  }

  @Test("The gradient of second order is that of the loss after one step of the weights")
  func secondOrder() throws {
    // Without relu, at whose corners a finite difference of gradients has no limit.
    let net = Supernet(nodeCount: 2, activations: ["tanh", "sigmoid", "identity"])
    let stage = try BilevelStage(
      try net.relaxed(), .bilevel(order: 2),
      try LanguageModelEvaluatorTests.corpus(LanguageModelEvaluatorTests.text), Self.sizes(),
      seed: 5, threads: 1)
    for _ in 0..<15 { try stage.update() }
    let (error, largest) = try difference(stage) { try $0.unrolledLoss() }
    // The gradient of first order at the same place is no substitute.
    let (other, _) = try difference(stage) { try $0.architectureLoss() }
    print("second order: error \(error) of slopes up to \(largest); first order: \(other)")
    #expect(largest > 1e-4 && error < 0.04 * largest + 2e-5)
    #expect(other > 2 * error)
  }

  @Test(
    "A stage that is carried on ends, to the bit, as one that was not interrupted",
    arguments: [Work.mixture, .bilevel(order: 1), .bilevel(order: 2)])
  func snapshots(work: Work) throws {
    let whole = try Self.stage(work)
    // Over the end of an epoch, for each place of the interruption.
    for _ in 0..<40 { try whole.update() }
    let end = try whole.snapshot()
    for place in [0, 7, 39] {
      let first = try Self.stage(work)
      for _ in 0..<place { try first.update() }
      let bytes = try first.snapshot()
      // Another seed and other threads: everything comes from the snapshot.
      let second = try Self.stage(work, threads: 2, seed: 77)
      try second.restore(bytes)
      #expect(try second.snapshot() == bytes)
      for _ in place..<40 { try second.update() }
      let isSame = try second.snapshot() == end
      #expect(isSame, "interrupted after \(place) updates")
    }
  }

  @Test("Snapshots that are not of the stage are refused")
  func wrongSnapshots() throws {
    let bytes = try Self.stage(.bilevel(order: 1)).snapshot()
    let stage = try Self.stage(.bilevel(order: 2))
    for wrong in [bytes, Array(bytes.prefix(200)), [], [1, 2, 3]] {
      #expect(throws: Failure.self) { try stage.restore(wrong) }
    }
    try stage.update()
  }

  @Test("Shares of a choice sum to one, are the scalars of the cell, and add nothing to it as none")
  func shares() throws {
    for work in [Work.mixture, .bilevel(order: 1)] {
      let stage = try Self.stage(work)
      for _ in 0..<3 { try stage.update() }
      for shares in stage.numbers.shares { #expect(abs(shares.reduce(0, +) - 1) < 1e-12) }
      let measured = stage.numbers.measured
      var scalars = 0
      for entry in stage.model.weights.layout.entries where entry.role == .scalar {
        let name = String(entry.name.split(separator: ".", maxSplits: 2)[2])
        if name.hasSuffix("_any") {
          let sum = measured.reduce(0) {
            $0 + ($1.key.hasPrefix(name.dropLast(3)) && !$1.key.hasSuffix("_none") ? $1.value : 0)
          }
          #expect(abs(Double(stage.model.weights.read(entry)[0]) - sum) < 1e-6)
          continue
        }
        let share = try #require(measured[name])
        #expect(stage.model.weights.read(entry) == [Float(share)])
        scalars += 1
      }
      let nones = measured.keys.filter { $0.hasSuffix("_none") }
      #expect(scalars == measured.count - nones.count)
      #expect(nones.count == (work == .mixture ? 0 : 3))
    }
  }

  @Test("The architecture parameters take Adam's steps, with decay")
  func adam() throws {
    let stage = try Self.stage(.bilevel(order: 1))
    var numbers = stage.numbers
    let rates = Relaxation.Rates(learningRate: 0.1, decay: 0.5, beta1: 0.5)
    numbers.alphas = numbers.alphas.map { $0.map { _ in 2 } }
    let gradient = numbers.alphas.map { $0.indices.map { Double($0) - 1.5 } }
    // The first step is as long as the rate, whatever the slope: -0.5, 0.5, 1.5, 2.5 and 3.5 with decay 1.
    numbers.step(gradient, rates)
    for values in numbers.alphas {
      for (place, value) in values.enumerated() {
        #expect(abs(value - (place == 0 ? 2.1 : 1.9)) < 1e-6)
      }
    }
    // In the second, slopes of 1 and then -1: moments (0.25 - 0.5) / 0.75 and 1.
    var other = stage.numbers
    let plain = Relaxation.Rates(learningRate: 0.1, decay: 0, beta1: 0.5)
    let start = other.alphas[0][0]
    other.step(other.alphas.map { $0.map { _ in 1 } }, plain)
    other.step(other.alphas.map { $0.map { _ in -1 } }, plain)
    #expect(abs(other.alphas[0][0] - (start - 0.1 + 0.1 / 3)) < 1e-6)
  }

  @Test("Deriving takes the strongest activation of the strongest predecessor, never none")
  func derived() throws {
    let shares = [
      "a1_0_none": 0.9, "a1_0_sigmoid": 0.06, "a1_0_relu": 0.04,
      "a2_0_tanh": 0.3, "a2_0_identity": 0.31, "a2_1_relu": 0.4, "a2_1_none": 0.5,
      "a3_0_identity": 0.25, "a3_2_tanh": 0.2,
    ]
    let arc = Self.net(3).discretized { shares[$0.parameter] ?? 0.001 }
    #expect(arc.text == "0:sigmoid 1:relu 0:identity")
    // Equal shares: the first of all.
    #expect(Self.net(2).discretized { _ in 0.2 }.text == "0:tanh 0:tanh")
  }

  @Test("The supernet with one share of one is the derived cell, but for its norms")
  func oneArc() throws {
    // Without the norms of nodes, shares of one and zero leave one blend for each node.
    let text = try Self.net(2).relaxed().equations
    #expect(text.contains("layernorm"))
    let plain = try Cell(
      parsing: text.split(separator: "\n").map { line in
        // Printed equations have the norm around the whole of a statement.
        let parts = String(line).split(separator: " = ", maxSplits: 1).map { String($0) }
        guard parts.count == 2, parts[1].hasPrefix("layernorm(") else { return String(line) }
        return parts[0] + " = " + parts[1].dropFirst(10).dropLast()
      }.joined(separator: "\n"))
    try #require(!plain.equations.contains("layernorm"))
    let arc = [HighwayStep("relu", 0), HighwayStep("sigmoid", 1)]
    let chosen = ["a1_0_relu", "a1_0_any", "a2_1_sigmoid", "a2_1_any"]
    let derived = try Cell(highway: arc)
    var random = Choices(seed: 3)
    let interpreter = Interpreter(plain.graph, inputSize: 3, hiddenSize: 3)
    var matrices: [String: [Double]] = [:]
    let parameters = plain.graph.parameters.map { parameter -> [Double] in
      if case .scalar = parameter.shape { return [chosen.contains(parameter.name) ? 1 : 0] }
      let values = (0..<9).map { _ in Double(random.below(2000)) / 1000 - 1 }
      matrices[parameter.name] = values
      return values
    }
    let other = Interpreter(derived.graph, inputSize: 3, hiddenSize: 3)
    let renamed = [
      "W[g1, s0]": "C1", "W[u1, s0]": "U1", "W[g2, s1]": "C2", "W[u2, s1]": "U2",
    ]
    let same = derived.graph.parameters.map { parameter in
      matrices[renamed[parameter.name] ?? parameter.name] ?? []
    }
    try #require(same.allSatisfy { $0.count == 9 }, "\(derived.graph.parameters.map(\.name))")
    let inputs = (0..<4).map { _ in (0..<3).map { _ in Double(random.below(2000)) / 1000 - 1 } }
    let state = [[0.3, -0.2, 0.5]]
    let a = interpreter.run(parameters: parameters, inputs: inputs, states: state)
    let b = other.run(parameters: same, inputs: inputs, states: state)
    for step in inputs.indices {
      for element in 0..<3 { #expect(abs(a[step][0][element] - b[step][0][element]) < 1e-12) }
    }
  }

  @Test("Training a stage lowers its loss", arguments: [Work.mixture, .bilevel(order: 1)])
  func learns(work: Work) throws {
    let evaluator = try Self.evaluator()
    var task = EvaluationTask(
      Proposal(id: 1, seed: 9, strategy: "darts", cell: try Self.cell(work), work: work),
      rung: 0, updates: 2, isLast: false, snapshot: nil)
    task.threads = 2
    let early = try evaluator.evaluate(task) { false }
    task.updates = 60
    task.snapshot = early.snapshot
    let late = try evaluator.evaluate(task) { false }
    print("\(work.text): \(early.loss) to \(late.loss) after \(late.tokens) tokens")
    #expect(late.loss < early.loss - 0.2)
    // What is trained as long as cells are is not carried on.
    #expect(late.snapshot == nil && (early.snapshot == nil) == (work == .mixture))
    #expect(late.curve.last?.loss == late.loss && late.curve.last?.updates == 60)
    #expect(late.tokens == 60 * 4 * 9 * (work == .mixture ? 1 : 2))
  }

  @Test("A text too short for the halves is read in fewer sequences, or refused")
  func shortTexts() throws {
    var sizes = Self.sizes()
    sizes.truncation = 30
    let cell = try Self.cell(.bilevel(order: 1))
    for (count, isEnough) in [(200, true), (60, false), (4, false)] {
      let corpus = try LanguageModelEvaluatorTests.corpus(
        String(repeating: "abcde fghij klmno pqrst\n", count: 10).prefix(count + 40).description)
      guard isEnough else {
        sizes.truncation = 200
        #expect(throws: Failure.self) {
          try BilevelStage(cell, .bilevel(order: 1), corpus, sizes, seed: 1, threads: 1)
        }
        continue
      }
      let stage = try BilevelStage(
        cell, .bilevel(order: 1), corpus, sizes, seed: 1, threads: 1)
      #expect(stage.batch < 4)
      for _ in 0..<5 { try stage.update() }
    }
  }

  @Test(
    "A study runs, derives cells, and is the same for 1 and 2 workers",
    arguments: ["darts", "darts_second", "wenet"])
  func study(strategy: String) throws {
    let evaluator = try Self.evaluator()
    var settings = StudySettings()
    settings.strategy = strategy
    settings.rungs = 2
    settings.seed = 4
    settings.deterministic = true
    evaluator.describe(in: &settings)
    var ends: [[String]] = []
    for workers in [1, 2] {
      let study = try Study(path: nil, settings: settings)
      try study.run(evaluator, RunLimits(trials: 5, workers: workers))
      #expect(study.trialCount == 5)
      let stages = study.proposals.filter { $0.work.isStage }
      #expect(!stages.isEmpty && stages.allSatisfy { $0.state == .scored && !$0.measured.isEmpty })
      let cells = study.proposals.filter { !$0.work.isStage && !$0.isControl }
      #expect(cells.allSatisfy { !$0.cell.equations.contains("scalar(") })
      #expect(cells.allSatisfy { !$0.cell.equations.contains("layernorm(") })
      ends.append(
        study.proposals.map {
          "\($0.id) \($0.seed) \($0.work.text) \($0.parents) \($0.notes) \($0.loss) \($0.updates)"
        })
    }
    #expect(ends[0] == ends[1])
  }

  @Test("A stage that fails gives way to another supernet, and one that waits is waited for")
  func failures() throws {
    var settings = StudySettings()
    settings.updates = 90
    var choices = Choices(seed: 1)
    var history = History(scored: [], proposals: [], accepted: 0, settings: settings)
    let first = try #require(try DARTS().propose(history, &choices))
    #expect(first.work == .bilevel(order: 1) && first.updates == 30 && !first.inherits)
    var stage = Proposal(
      id: 1, seed: 3, strategy: "darts", cell: first.cell, notes: first.notes, work: first.work)
    history.proposals = [stage]
    #expect(try DARTS().propose(history, &choices) == nil)
    history.failed = [1]
    let other = try #require(try DARTS().propose(history, &choices))
    #expect(other.parents.isEmpty && other.notes.hasPrefix("1 0 5 "))
    history.failed = []
    stage.state = .scored
    history.scored = [stage]
    // Of the shares that were measured, the strongest arc first, then others that they allow.
    stage.measured = [
      "a1_0_relu": 0.2, "a1_0_none": 0.8, "a2_0_tanh": 0.3, "a2_1_sigmoid": 0.1, "a3_0_tanh": 0.1,
      "a4_3_identity": 0.2, "a4_0_relu": 0.1,
    ]
    history.scored = [stage]
    var arcs: [String] = []
    while let derived = try DARTS().propose(history, &choices), derived.work == .cell {
      #expect(derived.parents == [1])
      arcs.append(derived.notes)
      let id = history.proposals.count + 1
      history.proposals.append(Proposal(id: id, seed: 1, strategy: "darts", cell: derived.cell))
    }
    let allowed = [
      "0:relu 0:tanh 0:tanh 3:identity", "0:relu 1:sigmoid 0:tanh 3:identity",
      "0:relu 0:tanh 0:tanh 0:relu", "0:relu 1:sigmoid 0:tanh 0:relu",
    ]
    #expect(arcs.count > 2 && Set(arcs).count == arcs.count && Set(arcs).isSubset(of: allowed))
    #expect(arcs.first == "0:relu 0:tanh 0:tanh 3:identity")
    let next = try #require(try DARTS().propose(history, &choices))
    #expect(next.parents == [1] && next.inherits && next.updates == 60)
  }

  @Test("Networks that fail again and again end the search", arguments: ["darts", "wenet"])
  func endlessFailures(strategy: String) throws {
    var settings = StudySettings()
    settings.strategy = strategy
    settings.corpus = "none"
    let study = try Study(path: nil, settings: settings)
    for _ in 0..<8 { try study.tellFailure(try study.ask().id, "too short") }
    #expect(throws: Failure.self) { try study.ask() }
    #expect(study.proposals.count == 8)
  }

  @Test("A space without room for the cells is refused, and a narrow one is kept to")
  func spaces() throws {
    var settings = StudySettings()
    settings.space.operations = ["tanh", "relu"]
    var choices = Choices(seed: 1)
    for strategy in [DARTS() as any Strategy, WeNet()] {
      var history = History(scored: [], proposals: [], accepted: 0, settings: settings)
      #expect(throws: Failure.self) { try strategy.propose(history, &choices) }
      history.settings.space.operations = ["tanh", "sigmoid", "blend", "mean"]
      history.settings.space.matrices = 8
      let stage = try #require(try strategy.propose(history, &choices))
      #expect(!stage.cell.equations.contains("relu"))
      #expect(stage.notes.contains("2:1:") == (stage.work != .mixture))
      #expect(!stage.notes.contains("3:"))
    }
  }
}
