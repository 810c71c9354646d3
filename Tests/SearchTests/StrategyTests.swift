import Cells
import Kernels
import Search
import Support
import Testing

@Suite("A strategy")
struct StrategyTests {
  /// What scored cells look like to a strategy.
  private func history(_ candidates: [Candidate]) -> History {
    let proposals = candidates.enumerated().map { index, candidate in
      var proposal = Proposal(
        id: index + 1, seed: 1, strategy: "test", cell: candidate.cell,
        parents: candidate.parents, notes: candidate.notes)
      proposal.state = .scored
      proposal.loss = Double(index)
      return proposal
    }
    return History(scored: proposals, proposals: proposals, accepted: candidates.count)
  }

  /// Stock cells as auto begins with them.
  private func founders() throws -> [Candidate] {
    try StockCell.all.map { Candidate(try Cell.stock($0.name), notes: "founder") }
  }

  @Test("random grows cells that keep the rules, print and read back, for 1000 seeds")
  func random() throws {
    var digests: Set<String> = []
    for seed in 0..<1000 {
      var choices = Choices(seed: UInt64(seed))
      let cell = try #require(try RandomSearch().propose(history([]), &choices)).cell
      let again = try Cell(parsing: cell.equations)
      #expect(again.equations == cell.equations && again == cell)
      #expect(DraftRules.grown.allow(try #require(Draft(cell))), "seed \(seed): \(cell.equations)")
      digests.insert(cell.canonical.text)
    }
    print("\(digests.count) of 1000 random cells differ")
    #expect(digests.count > 800)
  }

  @Test("auto makes children that keep the rules, print and read back, for 1000 seeds")
  func auto() throws {
    let history = history(try founders())
    var made = 0
    for seed in 0..<1000 {
      var choices = Choices(seed: UInt64(seed))
      guard let child = try? Auto().propose(history, &choices) else { continue }
      made += 1
      let cell = child.cell
      #expect(!child.parents.isEmpty)
      let again = try Cell(parsing: cell.equations)
      #expect(again.equations == cell.equations && again == cell)
      #expect(
        DraftRules.evolved.allow(try #require(Draft(cell))), "seed \(seed): \(cell.equations)")
    }
    print("\(made) of 1000 tries made a child")
    #expect(made > 500)
  }

  @Test("auto breeds what is the best at one of several tasks, at the same seeds as any study")
  func parts() throws {
    var alone = history(try founders())
    func parents(_ history: History) -> [Int] {
      (0..<100).flatMap { seed in
        var choices = Choices(seed: UInt64(seed))
        return (try? Auto().propose(history, &choices))?.parents ?? []
      }
    }
    for index in alone.scored.indices { alone.scored[index].rungLosses = [Double(index)] }
    let last = alone.scored.count
    #expect(!parents(alone).contains(last))
    // The last one has the greatest loss in all, of which the second part is the least; it was trained for
    // longer, which made the parts of the one before smaller by 0 and 20.
    var joint = alone
    for index in joint.scored.indices {
      joint.scored[index].rungPartLosses = [[Double(index), 21]]
    }
    joint.scored[last - 1].rungPartLosses = [[99, 19]]
    let share = { Double(parents(joint).count { $0 == last }) / Double(parents(joint).count) }
    print("\(share()) of the parents are the best at one task")
    #expect((0.05...0.4).contains(share()))
    joint.scored[last - 2].rung = 1
    joint.scored[last - 2].rungLosses = [40, Double(last - 2)]
    joint.scored[last - 2].rungPartLosses = [[0, 38], [0, 18]]
    #expect((0.05...0.4).contains(share()), "19 at the first rung is less than 18 at the second")
    // Some have no parts.
    joint.scored[0].rungPartLosses = [[]]
    #expect(parents(joint) == parents(alone))
  }

  @Test("prune goes from all connections to an ordinary cell", arguments: 0..<20)
  func prune(seed: Int) throws {
    var candidates: [Candidate] = []
    for step in 0..<60 {
      var choices = Choices(seed: UInt64(seed), UInt64(step))
      let candidate = try #require(try Pruning().propose(history(candidates), &choices))
      #expect(try Cell(parsing: candidate.cell.equations) == candidate.cell)
      candidates.append(candidate)
    }
    let cells = candidates.map(\.cell)
    #expect(cells.contains { !$0.equations.contains("scalar(") })
    #expect(cells.contains { $0.equations.contains("scalar(") })
  }

  @Test("prune has more than a few dozen supernets to begin with")
  func manyBeginnings() throws {
    var digests: Set<String> = []
    for seed in 0..<300 {
      var choices = Choices(seed: UInt64(seed))
      let candidate = try #require(try Pruning().propose(history([]), &choices))
      digests.insert(candidate.cell.equations)
    }
    print("\(digests.count) of 300 beginnings of prune differ")
    #expect(digests.count > 120)
  }

  @Test("every mutation applies somewhere and changes cells", arguments: Mutation.allCases)
  func mutation(_ mutation: Mutation) throws {
    var space = SearchSpace()
    // Without these addMean and changeBlocks never apply; changeConstant does to scrn alone.
    space.directInput = true
    space.blocks = 4
    var applied = 0
    var changed = 0
    for seed in 0..<200 {
      var choices = Choices(seed: UInt64(seed))
      let parent = try Cell.stock(["lstm", "gru", "minimal_gru", "rhn", "scrn"][seed % 5])
      var draft = try #require(Draft(parent))
      guard mutation.apply(to: &draft, in: space, &choices) else { continue }
      applied += 1
      guard let child = try? draft.cell() else { continue }
      #expect(try Cell(parsing: child.equations) == child)
      if child != parent { changed += 1 }
    }
    print("\(mutation): applied \(applied), changed \(changed) of 200")
    #expect(changed > 20)
  }

  @Test("mutations bring in every operation that they know, and learned vectors")
  func operationsOfMutations() throws {
    var names: Set<String> = []
    for seed in 0..<3000 {
      var choices = Choices(seed: UInt64(seed), 0x0B5)
      var draft = try #require(Draft(try Cell.stock("gru")))
      guard Mutation.apply(to: &draft, &choices), let child = try? draft.cell() else { continue }
      for node in child.graph.nodes {
        if case .operation(let operation) = node.kind { names.insert(operation.name) }
        if case .parameter = node.kind { names.insert("vector") }
      }
    }
    #expect(
      names.isSuperset(of: [
        "relu", "softsign", "sin", "leaky_relu", "silu", "identity", "hard_tanh", "layernorm",
        "add",
        "subtract", "max", "min", "vector",
      ]))
  }

  @Test("crossover makes cells out of parts of both")
  func crossover() throws {
    var made = 0
    for seed in 0..<200 {
      var choices = Choices(seed: UInt64(seed))
      var draft = try #require(Draft(try Cell.stock("gru")))
      let donor = try #require(Draft(try Cell.stock("lstm")))
      guard Crossover.apply(to: &draft, from: donor, &choices), let child = try? draft.cell() else {
        continue
      }
      #expect(try Cell(parsing: child.equations) == child)
      made += 1
    }
    #expect(made > 150)
  }

  /// Stock cells with a matrix that is read transposed too, which drafts do not have.
  private static let notDrafted: Set = ["antisymmetric_rnn", "antisymmetric_rnn_gated"]

  @Test("a cell becomes a draft and the same cell again", arguments: StockCell.all.map(\.name))
  func drafts(name: String) throws {
    let cell = try Cell.stock(name)
    guard let draft = Draft(cell) else {
      #expect(Self.notDrafted.contains(name))
      return
    }
    #expect(try draft.cell() == cell)
  }

  @Test(
    "a learned vector that another one makes needless is against the rules",
    arguments: [
      ("h' = tanh(linear(x, h)) * sigmoid(vector(p))", false),
      ("h' = tanh(product(x, h) + vector(p) - vector(q))", false),
      ("h' = tanh(linear(x, h) + vector(p))", false),
      ("h' = vector(p) * (vector(q) * tanh(linear(x, h)))", false),
      ("h' = tanh(product(x, h) + vector(p))", true),
      ("h' = vector(p) * tanh(linear(x, h)) + vector(q)", true),
      ("h' = vector(p) * layernorm(linear(x, h) * linear(h))", true),
      ("h' = tanh(linear(x) + vector(p) * h)", true),
    ])
  func learnedTwice(equations: String, isAllowed: Bool) throws {
    let draft = try #require(Draft(Cell(parsing: equations)))
    #expect(DraftRules.evolved.allow(draft) == isAllowed)
  }

  @Test("founders of auto have no needless vectors", arguments: Auto.founders)
  func founders(name: String) throws {
    // NASCell, ENAS and DARTS are larger than a bred cell may be.
    let draft = try #require(Draft(try Cell.stock(name)))
    var rules = DraftRules.evolved
    (rules.nodes, rules.depth, rules.matrices) = (200, 60, 60)
    #expect(rules.allow(draft), "\(name)")
  }

  @Test("screening keeps stock cells and rejects what cannot learn")
  func screening() throws {
    // IndRNN's paper bounds u, without which a unit that sees itself alone can grow for ever.
    for stock in StockCell.all where stock.name != "indrnn" {
      #expect(Screening.reason(against: try Cell.stock(stock.name)) == nil, "\(stock.name)")
    }
    for equations in [
      "h' = h + h + linear(x)", "h' = relu(linear(x, h)) * 3 + h * 2", "h' = tanh(linear(x))",
      "h' = tanh(linear(h))", "h' = h * h * 9 + linear(x)",
      "h' = layernorm(product(h)) * sigmoid(linear(x))",
    ] {
      #expect(Screening.reason(against: try Cell(parsing: equations)) != nil, "\(equations)")
    }
  }
}
