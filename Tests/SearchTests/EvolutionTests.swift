import Cells
import Kernels
import Search
import Support
import Testing

@Suite("Evolution")
struct EvolutionTests {
  /// Scores by the equations alone, with the LSTM's features worth something.
  static func loss(_ cell: Cell) -> Double {
    var random = TestRandom(seed: stableHash(cell.canonical.digest))
    let graph = cell.graph
    let gates = graph.nodes.count { node in
      if case .operation(let operation) = node.kind { operation.name == "sigmoid" } else { false }
    }
    return 3 - 0.3 * Double(min(graph.states.count, 2)) - 0.1 * Double(min(gates, 4))
      + random.number(0.1)
  }

  /// A search of so many results, one after another.
  static func search(_ strategy: Evolution, results: Int, seed: UInt64) throws -> [Proposal] {
    var settings = StudySettings()
    settings.strategy = Evolution.name
    settings.seed = seed
    let study = try Study(path: nil, settings: settings)
    for _ in 0..<results {
      let task = try study.ask()
      try study.tell(task.id, loss: loss(task.cell))
    }
    return study.proposals
  }

  private func history(_ proposals: [Proposal]) -> History {
    History(
      scored: proposals.filter { $0.state == .scored }, proposals: proposals,
      accepted: proposals.count { $0.isTrial })
  }

  @Test("goes on from a history as a fresh one would, to legal trees that are better")
  func search() throws {
    let proposals = try Self.search(Evolution(), results: 300, seed: 7)
    let states = Dictionary(grouping: proposals, by: \.state).mapValues(\.count)
    print("evolution, 300 results: \(states)")
    for proposal in proposals where proposal.state == .scored {
      let tree = try #require(NodeTree(text: proposal.notes))
      #expect(tree.isLegal)
      #expect(try tree.cell() == proposal.cell)
    }
    let scored = proposals.filter { $0.state == .scored }
    let early = scored.prefix(100).map(\.loss).reduce(0, +) / 100
    let late = scored.suffix(100).map(\.loss).reduce(0, +) / 100
    print("mean of the first 100 \(early), of the last 100 \(late)")
    #expect(late < early - 0.05)
    // One that has seen all of it before, and a fresh one.
    let used = Evolution()
    for count in stride(from: 30, to: proposals.count, by: 30) {
      let history = history(Array(proposals.prefix(count)))
      var choices = Choices(seed: UInt64(count))
      var same = choices
      let a = try? used.propose(history, &choices)
      let b = try? Evolution().propose(history, &same)
      #expect(a?.notes == b?.notes && a?.parents == b?.parents)
    }
  }

  @Test("begins with LSTM and small trees, or as the paper with 100 of height 6")
  func beginning() throws {
    var choices = Choices(seed: 1)
    let first = try #require(try Evolution().propose(history([]), &choices))
    #expect(try first.cell == Cell.stock("lstm"))
    let paper = Evolution(GeneticSettings.paper)
    for accepted in [0, 50, 99] {
      let history = History(scored: [], proposals: [], accepted: accepted)
      let candidate = try #require(try paper.propose(history, &choices))
      #expect(try #require(NodeTree(text: candidate.notes)).height == 6)
      #expect(candidate.parents.isEmpty)
    }
  }

  @Test("a study in the paper's preset begins as the paper, and says so when it is opened again")
  func preset() throws {
    let folder = try Folder()
    let path = folder.path + "/study.db"
    var settings = StudySettings()
    settings.strategy = "evolution"
    settings.preset = .paper
    do { _ = try Study(path: path, settings: settings).ask() }
    let notes = try Study(path: path, settings: settings).proposals[0].notes
    #expect(try #require(NodeTree(text: notes)).height == 6)
    settings.preset = .scaled
    #expect(throws: Failure.self) { try Study(path: path, settings: settings) }
  }

  @Test("begins with a study's own cells, breeds those that are trees, and stays in its space")
  func space() throws {
    var settings = StudySettings()
    settings.strategy = Evolution.name
    settings.space.start = [
      try Cell.stock("gru").equations, try Cell.stock("lstm").equations,
    ]
    settings.space.states = 2
    let study = try Study(path: nil, settings: settings)
    for _ in 0..<60 {
      let task = try study.ask()
      try study.tell(task.id, loss: Self.loss(task.cell))
    }
    let proposals = study.proposals
    #expect(try proposals[0].cell == Cell.stock("gru") && proposals[0].notes == "")
    #expect(
      try proposals[1].cell == Cell.stock("lstm") && NodeTree(text: proposals[1].notes) != nil)
    #expect(proposals.contains { $0.parents.contains(2) })
    #expect(!proposals.contains { $0.parents.contains(1) })
    settings.space = SearchSpace()
    settings.space.operations = ["multiply", "sigmoid"]
    settings.controls = true
    let narrow = try Study(path: nil, settings: settings)
    for _ in 0..<40 {
      let task = try narrow.ask()
      try narrow.tell(task.id, loss: Self.loss(task.cell))
    }
    for proposal in narrow.proposals where !proposal.isControl {
      #expect(settings.space.reason(against: proposal.cell) == nil, "\(proposal.notes)")
    }
  }

  @Test("has generations that grow with the search to those of the paper")
  func generations() {
    let sizes = [0, 300, 3000, Int.max, -1].map { GeneticSettings.scaled.generation(after: $0) }
    #expect(sizes == [20, 32, 100, 100, 20])
    #expect(GeneticSettings.paper.generation(after: 5) == 100)
  }

  @Test("takes any history: no trees, no finite losses, notes of another strategy")
  func strangers() throws {
    var proposals: [Proposal] = []
    for (index, notes) in ["", "12", "(tanh c)", NodeTree.lstm.text].enumerated() {
      var proposal = Proposal(
        id: index + 1, seed: 1, strategy: "test", cell: try Cell.stock("gru"), notes: notes)
      proposal.state = .scored
      proposal.loss = index == 3 ? .nan : 1
      proposals.append(proposal)
    }
    let history = History(scored: proposals, proposals: proposals, accepted: 500)
    for seed in 0..<20 {
      var choices = Choices(seed: UInt64(seed))
      #expect(try Evolution().propose(history, &choices)?.parents == [])
    }
  }

  @Test("proposes in less than 50 ms with 300 results")
  func speed() throws {
    let proposals = try Self.search(Evolution(), results: 300, seed: 3)
    let history = history(proposals)
    let strategy = Evolution()
    let clock = ContinuousClock()
    var made = 0
    let first = clock.measure {
      var choices = Choices(seed: 0)
      _ = try? strategy.propose(history, &choices)
    }
    let rest = clock.measure {
      for seed in 0..<50 {
        var choices = Choices(seed: UInt64(seed), 1)
        if (try? strategy.propose(history, &choices)) != nil { made += 1 }
      }
    }
    print("300 results: the first proposal \(first), then \(rest / 50) each, \(made) of 50 made")
    #expect(rest / 50 < .milliseconds(50) && made > 25)
  }
}
