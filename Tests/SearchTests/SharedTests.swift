import Cells
import Execution
import Foundation
import Kernels
import Search
import Testing
import Training

@Suite("Weights that arcs share")
struct SharedTests {
  private static let nodes = 3

  private static func arc(_ text: String) throws -> Arc { try #require(Arc(text: text)) }

  @Test("arcs print and read back, and are DARTS's cells")
  func text() throws {
    var choices = Choices(seed: 4)
    for nodes in 1...8 {
      let arc = Arc.random(nodes: nodes, &choices)
      #expect(Arc(text: arc.text) == arc)
      let same = try Cell(genotype: arc.steps.map { ($0.activation, $0.predecessor) })
      #expect(try arc.cell() == same)
    }
    for wrong in ["", "1:tanh", "0:tanh 2:relu", "0:sin", "0", "0:tanh 0:tanh:1", "-1:tanh"] {
      #expect(Arc(text: wrong) == nil, "\(wrong)")
    }
    #expect(Set(Arc.calibrations(nodes: 6)).count == 16)
    #expect(Arc.calibrations(nodes: 6) == Arc.calibrations(nodes: 6))
    #expect(Arc.calibrations(nodes: 1).count == 4)
  }

  @Test("arcs are drawn uniformly")
  func uniform() {
    var counts: [Arc: Int] = [:]
    for seed in 0..<3200 {
      var choices = Choices(seed: UInt64(seed), 9)
      counts[Arc.random(nodes: 2, &choices), default: 0] += 1
    }
    // 4 * 8 arcs, each a hundred times give or take ten.
    #expect(counts.count == 32)
    #expect(counts.values.allSatisfy { (50...150).contains($0) }, "\(counts.values.sorted())")
  }

  @Test("a matrix belongs to its node, predecessor and activation")
  func names() throws {
    let arcs = try [
      Self.arc("0:tanh 1:relu"), Self.arc("0:tanh 0:relu"), Self.arc("0:tanh 1:tanh"),
    ]
    let names = try arcs.map { arc in
      try Set(arc.cell().graph.parameters.map { arc.sharedName($0.name) })
    }
    // Two of x, two of h, two for each node.
    #expect(names.allSatisfy { $0.count == 8 })
    #expect(names[0].contains("W[g2, s1] relu") && names[0].contains("W[u1, s0] tanh"))
    #expect(names[0].contains("W[g0, x]"))
    // Node 2 differs in predecessor or activation; all else is the same.
    #expect(names[0].intersection(names[1]).count == 6)
    #expect(names[0].intersection(names[2]).count == 6)
    #expect(names[1].intersection(names[2]).count == 6)
  }

  private static func shape(_ arc: Arc, _ corpus: Corpus) throws -> ModelShape {
    ModelShape(
      cells: [try arc.cell()], vocabulary: corpus.vocabulary, hiddenSize: 7, embeddingSize: 5)
  }

  @Test("one arc alone learns what its own model would, to the bit")
  func alone() throws {
    let corpus = try LanguageModelEvaluatorTests.corpus(LanguageModelEvaluatorTests.text)
    let arc = try Self.arc("0:tanh 1:relu 0:identity")
    var options = TrainingOptions()
    options.optimizer = Adam.name
    options.learningRate = 0.01
    options.batch = 4
    options.truncation = 6
    options.updates = 3
    options.validates = false
    options.clip = 0.1
    let shared = SharedWeights(seed: 3)
    let first = try shared.model(of: arc, Self.shape(arc, corpus))
    let expected = try LanguageModel(Self.shape(arc, corpus), seed: 3)
    expected.weights.copy(from: first.weights)
    let trainer = try Trainer(expected, corpus, options)
    try trainer.train(updates: 3)
    let segments = try Segments(corpus.train, batch: 4, steps: 6)
    let team = try Team(threads: 1)
    var state = [Float](repeating: 0, count: 4 * 7)
    for number in 0..<3 {
      let model = number == 0 ? first : try shared.model(of: arc, Self.shape(arc, corpus))
      let gradients = try ParameterBuffer(model.weights.layout)
      let run = try ModelRun(model, gradients: gradients, steps: 6, batch: 4, kernels: .current)
      run.unroll.loadState(state)
      segments.read(number, to: run)
      _ = try run.lossesAndGradient(scale: 1 / 24, team)
      let update = try WeightUpdate(
        Adam(model.weights.layout), floatCount: gradients.values.count)
      try shared.update(
        model, of: arc, gradients, norm: update.norm(gradients, team), clip: 0.1,
        learningRate: 0.01, optimizer: Adam.self)
      run.unroll.storeState(&state)
    }
    let last = try shared.model(of: arc, Self.shape(arc, corpus))
    for entry in last.weights.layout.entries {
      #expect(last.weights.read(entry) == expected.weights.read(entry), "\(entry.name)")
    }
  }

  @Test("an update changes what an arc has in common with another, and nothing else of it")
  func common() throws {
    let corpus = try LanguageModelEvaluatorTests.corpus(LanguageModelEvaluatorTests.text)
    let shared = SharedWeights(seed: 5)
    let arcs = try [Self.arc("0:tanh 1:relu"), Self.arc("0:tanh 1:tanh")]
    let team = try Team(threads: 1)
    func train(_ arc: Arc) throws {
      let model = try shared.model(of: arc, Self.shape(arc, corpus))
      let gradients = try ParameterBuffer(model.weights.layout)
      let run = try ModelRun(model, gradients: gradients, steps: 6, batch: 4, kernels: .current)
      run.unroll.zeroState()
      try Segments(corpus.train, batch: 4, steps: 6)
        .read(0, to: run)
      _ = try run.lossesAndGradient(scale: 1, team)
      try shared.update(
        model, of: arc, gradients, norm: 1, clip: 1, learningRate: 0.01, optimizer: Adam.self)
    }
    try train(arcs[1])
    let before = shared.slots
    try train(arcs[0])
    for (name, slot) in before {
      let isCommon = !name.hasSuffix("W[g2, s1] tanh") && !name.hasSuffix("W[u2, s1] tanh")
      #expect((shared.slots[name]?.values != slot.values) == isCommon, "\(name)")
      #expect(shared.slots[name]?.updates == (isCommon ? 2 : 1), "\(name)")
    }
    let relu = shared.slots["layers.0.W[u2, s1] relu"]?.values
    #expect(relu != nil && relu != before["layers.0.W[u2, s1] tanh"]?.values)
  }

  @Test("a stage that is carried on ends where one without a break does", arguments: [false, true])
  func stages(hasController: Bool) throws {
    let evaluator = try LanguageModelEvaluatorTests.evaluator()
    let cell = try Self.arc("0:tanh").cell()
    func train(_ updates: Int, from snapshot: [UInt8]?, threads: Int = 1) throws -> Score {
      let work = Work.shared(
        nodes: Self.nodes, activations: HighwayStep.activations, hasController: hasController)
      var task = EvaluationTask(
        Proposal(
          id: 1, seed: snapshot == nil ? 7 : 8, strategy: "enas", cell: cell, work: work),
        rung: 0, updates: updates, isLast: false, snapshot: snapshot)
      task.threads = threads
      return try evaluator.evaluate(task) { false }
    }
    let first = try train(25, from: nil)
    let second = try train(60, from: first.snapshot)
    let whole = try train(60, from: nil, threads: 2)
    #expect(second.measured == whole.measured)
    #expect(second.loss.bitPattern == whole.loss.bitPattern && second.loss < first.loss)
    let arcs = whole.measured.keys.compactMap { Arc(text: $0) }
    #expect(arcs.count > 16 && arcs.allSatisfy { $0.steps.count == Self.nodes })
    for arc in Arc.calibrations(nodes: Self.nodes) {
      #expect(whole.measured[arc.text] != nil)
    }
    #expect(whole.tokens > 60 * 4 * 9)
    #expect(whole.curve.last?.loss == whole.loss)
    #expect(throws: Failure.self) { try train(70, from: [1, 2, 3]) }
  }

  @Test("half of the tokens train shared weights, however many stages carry each other on")
  func halves() throws {
    var settings = StudySettings()
    settings.strategy = "enas"
    settings.corpus = "none"
    let study = try Study(path: nil, settings: settings)
    var stages = 0
    var cells: [Int] = []
    while stages < 6 {
      let task = try study.ask()
      guard case .shared(let nodes, _, _) = task.work else {
        cells[stages - 1] += 1
        try study.tell(task.id, Score(loss: 1, tokens: 10))
        continue
      }
      stages += 1
      cells.append(0)
      // A stage counts what those before it were trained on, too.
      var score = Score(loss: 1, tokens: 100 * stages)
      var choices = Choices(seed: UInt64(stages))
      for _ in 0..<40 { score.measured[Arc.random(nodes: nodes, &choices).text] = 1 }
      try study.tell(task.id, score)
    }
    #expect(study.tokens == 600 + 10 * cells.reduce(0, +))
    #expect(cells.dropLast().allSatisfy { (10...11).contains($0) }, "\(cells)")
  }

  @Test(
    "a study trains shared weights, derives cells, and repeats",
    arguments: ["enas", "random_shared"])
  func study(strategy: String) throws {
    let evaluator = try LanguageModelEvaluatorTests.evaluator()
    func run(workers: Int) throws -> Study {
      var settings = StudySettings()
      settings.strategy = strategy
      settings.rungs = 2
      settings.deterministic = true
      evaluator.describe(in: &settings)
      let study = try Study(path: nil, settings: settings)
      try study.run(evaluator, RunLimits(trials: 30, workers: workers))
      return study
    }
    let study = try run(workers: 1)
    let stages = study.proposals.filter { $0.work.isStage }
    let cells = study.proposals.filter { $0.isTrial }
    #expect(stages.count >= 2 && cells.count == 30)
    #expect(stages.dropFirst().allSatisfy { $0.inherits && $0.parents.count == 1 })
    for cell in cells {
      let parent = try #require(cell.parents.first.map { study.proposals[$0 - 1] })
      #expect(parent.measured[cell.notes] != nil)
      #expect(try Self.arc(cell.notes).cell() == cell.cell)
    }
    let again = try run(workers: 2)
    #expect(again.proposals.map(\.digest) == study.proposals.map(\.digest))
    #expect(again.proposals.map(\.loss.bitPattern) == study.proposals.map(\.loss.bitPattern))
  }
}

@Suite("A controller")
struct ControllerTests {
  private static func settings() -> ControllerSettings {
    var settings = ControllerSettings()
    settings.hidden = 6
    settings.entropy = 0.1
    return settings
  }

  @Test("its gradient is that of finite differences")
  func gradient() throws {
    let controller = try Controller(nodes: 3, seed: 2, Self.settings())
    var choices = Choices(seed: 8)
    // Larger weights than at the start, so that no gradient is lost in the rounding.
    for index in 0..<controller.weights.values.count { controller.weights.values[index] *= 3 }
    controller.weights.version &+= 1
    let samples = try controller.sample(4, &choices)
    let advantages = [0.7, -0.4, 1.1, 0.2]
    _ = try controller.gradient(samples, advantages: advantages)
    let kept = try ParameterBuffer(controller.weights.layout)
    kept.copy(from: controller.gradients)
    for entry in controller.weights.layout.entries {
      for _ in 0..<6 {
        let place = entry.place(
          choices.below(entry.rows), entry.columns > 1 ? choices.below(entry.columns) : 0)
        func loss(_ change: Float) throws -> Double {
          let old = controller.weights.values[place]
          controller.weights.values[place] = old + change
          controller.weights.version &+= 1
          defer {
            controller.weights.values[place] = old
            controller.weights.version &+= 1
          }
          return try controller.gradient(samples, advantages: advantages).loss
        }
        let slope = (try loss(0.01) - loss(-0.01)) / 0.02
        #expect(
          abs(slope - Double(kept.values[place])) < 1e-3 + 0.01 * abs(slope),
          "\(entry.name): \(kept.values[place]), by differences \(slope)")
      }
    }
  }

  @Test("before it has learned, recent predecessors are favoured as the prior says")
  func prior() throws {
    let controller = try Controller(nodes: 4, seed: 1)
    var choices = Choices(seed: 3)
    var counts = [0, 0, 0, 0]
    for sample in try controller.sample(2000, &choices) {
      counts[sample.arc.steps[3].predecessor] += 1
    }
    let weights = [4.0, 3, 2, 1].map { exp(-$0 * $0 / 6) }
    let sum = weights.reduce(0, +)
    for (count, weight) in zip(counts, weights) {
      #expect(abs(Double(count) / 2000 - weight / sum) < 0.05, "\(counts)")
    }
  }

  @Test("it learns to draw what is rewarded")
  func learns() throws {
    let controller = try Controller(nodes: 3, seed: 5)
    var choices = Choices(seed: 6)
    /// How many steps are tanh and read node 0.
    func reward(_ arc: Arc) -> Double {
      Double(arc.steps.count { $0.activation == "tanh" })
        + Double(arc.steps.count { $0.predecessor == 0 })
    }
    func mean() throws -> Double {
      var choices = Choices(seed: 99)
      let samples = try controller.sample(300, &choices)
      return samples.map { reward($0.arc) }.reduce(0, +) / 300
    }
    let before = try mean()
    for _ in 0..<150 {
      let samples = try controller.sample(10, &choices)
      try controller.learn(samples, rewards: samples.map { reward($0.arc) })
    }
    let after = try mean()
    print("mean reward \(before), after 150 updates \(after)")
    #expect(after > before + 1.5)
    #expect(throws: Failure.self) { try controller.learn([], rewards: []) }
  }
}
