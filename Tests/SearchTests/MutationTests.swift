import Cells
import Search
import Testing

@Suite struct MutationTests {
  /// Cells that single changes of LSTM and GRU make, with a space.
  private func children(_ space: SearchSpace, seed: UInt64) throws -> [Cell] {
    var choices = Choices(seed: seed)
    let parents = try ["lstm", "gru"].map { try Cell.stock($0) }
    return (0..<400).compactMap { index in
      guard var draft = Draft(parents[index % 2]),
        Mutation.apply(to: &draft, in: space, &choices)
      else { return nil }
      return try? draft.cell(in: space)
    }
  }

  @Test("x meets a state without a matrix only in a space that allows it")
  func directInput() throws {
    var space = SearchSpace()
    let usual = try children(space, seed: 7)
    #expect(usual.count > 200 && !usual.contains(where: \.needsEqualSizes), "seed 7")
    space.directInput = true
    let direct = try children(space, seed: 7)
    let joining = direct.filter(\.needsEqualSizes)
    #expect(joining.count > 5 && direct.contains { !$0.needsEqualSizes }, "seed 7")
    // One of them has the running mean of x, whose shares add up to one.
    let shares = [(0.9, 0.1), (0.95, 0.05), (0.98, 0.02), (0.99, 0.01)]
    let means = joining.filter { cell in
      shares.contains {
        cell.equations.contains("\($0.0) * c + \($0.1) * ")
          || cell.equations.contains("\($0.0) * d + \($0.1) * ")
      }
    }
    #expect(!means.isEmpty, "seed 7")
    // And one leaves the cell's own state apart from the output, which h' then adds the mean to.
    #expect(
      means.contains { cell in
        !cell.graph.nodes.contains { $0.operands.contains(1) }
      }, "seed 7")
    // A mean may be mapped to the output, too.
    #expect(
      means.contains {
        $0.equations.contains("product(c')") || $0.equations.contains("product(d')")
      })
    #expect(joining.allSatisfy { space.reason(against: $0) == nil })
    #expect(joining.allSatisfy { SearchSpace().reason(against: $0) != nil })
  }

  @Test("A mean is gated by a map that is there and read by learned weights, which takes no matrix")
  func cheapMean() throws {
    var space = SearchSpace()
    space.directInput = true
    var made: Set<Cell> = []
    for seed in 0..<400 {
      var choices = Choices(seed: UInt64(seed))
      var draft = try #require(Draft(try Cell(parsing: "h' = tanh(product(x, h))")))
      // A map that reads the mean cannot gate it: such a draft is no cell, and auto makes another.
      if Mutation.addMean.apply(to: &draft, in: space, &choices) {
        if let cell = try? draft.cell(in: space) { made.insert(cell) }
      }
    }
    let expected = try Cell(
      parsing: """
        n = product(x, c); c' = tanh(n); h' = c' + vector(p1) * d'
        d' = 0.95 * d + 0.05 * (sigmoid(vector(p2) + n) * x)
        """)
    #expect(made.contains(expected), "of \(made.count) cells from seeds 0 to 399")
  }

  @Test("A constant is halved or doubled; of a share near one, what it leaves over")
  func changeConstant() throws {
    let text = "s' = 0.98 * s + 0.02 * x; m' = tanh(linear(x, m)); h' = m' + 3 * s'"
    let cell = try Cell(parsing: text)
    var choices = Choices(seed: 3)
    var found: Set<String> = []
    for _ in 0..<40 {
      var draft = try #require(Draft(cell))
      #expect(Mutation.changeConstant.apply(to: &draft, &choices), "seed 3")
      found.insert(try draft.cell().equations)
    }
    var expected: Set<String> = []
    for (old, changed) in [
      ("0.98", ["0.99", "0.96"]), ("0.02", ["0.01", "0.04"]), ("3 ", ["1.5 ", "6 "]),
    ] {
      for new in changed {
        let equations = text.replacing(old, with: new)
        expected.insert(try #require(Draft(try Cell(parsing: equations))).cell().equations)
      }
    }
    #expect(found == expected, "seed 3")
    var plain = try #require(Draft(try Cell.stock("gru")))
    #expect(!Mutation.changeConstant.apply(to: &plain, &choices))
  }

  @Test("Maps become block-diagonal only in a space that has blocks, and whole again")
  func blocks() throws {
    func blocks(_ cell: Cell) -> [Int] {
      cell.graph.parameters.compactMap {
        if case .matrix(_, _, let blocks) = $0.shape { blocks } else { nil }
      }
    }
    var space = SearchSpace()
    space.directInput = true
    #expect(try children(space, seed: 7).flatMap(blocks).allSatisfy { $0 == 1 }, "seed 7")
    space.blocks = 6
    let children = try children(space, seed: 7)
    #expect(Set(children.flatMap(blocks)) == [1, 2, 4], "seed 7")
    // The map of a mean may have them, too.
    #expect(children.contains { $0.equations.contains("product(d', blocks=") }, "seed 7")
    #expect(children.allSatisfy { space.reason(against: $0) == nil })
    space.blocks = 1
    let reason = "it has 4 blocks in a map, more than 1"
    #expect(children.contains { space.reason(against: $0) == reason })

    let cell = try Cell(parsing: "h' = tanh(linear(x, h, blocks=2))")
    space.blocks = 2
    var choices = Choices(seed: 1)
    var found: Set<String> = []
    for _ in 0..<10 {
      var draft = try #require(Draft(cell))
      if Mutation.changeBlocks.apply(to: &draft, in: space, &choices) {
        found.insert(try draft.cell().equations)
      }
    }
    #expect(found == ["h' = tanh(linear(x, h))"], "seed 1")
  }

  @Test("Cells have four states where a space allows so many, and three otherwise")
  func states() throws {
    for allowed in [nil, 4] {
      var space = SearchSpace()
      space.directInput = true
      space.states = allowed
      var most = 0
      for seed in 0..<50 {
        var choices = Choices(seed: UInt64(seed))
        var draft = try #require(Draft(try Cell.stock("lstm")))
        guard Mutation.addMean.apply(to: &draft, in: space, &choices),
          DraftRules.evolved.allow(draft, in: space)
        else { continue }
        most = max(most, try draft.cell().graph.states.count)
      }
      #expect(most == allowed ?? 3)
    }
  }

  @Test(
    "Crossover gives a cell a state of another, which then reads itself, in the place of one or beside h",
    arguments: [
      (
        "c' = tanh(linear(x, c)); d' = 0.9 * d + 0.1 * x; h' = c' + d'",
        "h' = sigmoid(product(x) * product(h))",
        "c' = sigmoid(product(x) * product(c)); d' = 0.9 * d + 0.1 * x; h' = c' + d'"
      ),
      (
        "h' = sigmoid(product(x) * product(h))",
        "d' = 0.9 * d + 0.1 * x; h' = tanh(d')",
        "c' = sigmoid(product(x) * product(c)); d' = 0.9 * d + 0.1 * x; h' = c' + d'"
      ),
      (
        "c' = tanh(linear(x, c)); h' = silu(c')",
        "d' = 0.9 * d + 0.1 * (sigmoid(product(x, c)) * x); c' = relu(x); h' = c' * d'",
        "c' = tanh(linear(x, c)); d' = 0.9 * d + 0.1 * (sigmoid(product(x, h)) * x); h' = silu(c') + d'"
      ),
    ])
  func takenState(cell: String, donor: String, expected: String) throws {
    var space = SearchSpace()
    space.directInput = true
    let wanted = try Cell(parsing: expected)
    let children = try (UInt64(0)..<60).compactMap { seed -> Cell? in
      var choices = Choices(seed: seed)
      var draft = try #require(Draft(try Cell(parsing: cell)))
      guard
        Crossover.takeState(
          for: &draft, from: try #require(Draft(try Cell(parsing: donor))), in: space, &choices)
      else { return nil }
      return try draft.cell(in: space)
    }
    let count = children.count { $0 == wanted }
    #expect(count > 10, "\(count) of \(children.count): \(children.first?.equations ?? "")")
    space.states = 1
    var draft = try #require(Draft(try Cell.stock("elman")))
    var choices = Choices(seed: 1)
    let lstm = try #require(Draft(try Cell.stock("lstm")))
    #expect(!Crossover.takeState(for: &draft, from: lstm, in: space, &choices), "there is no room")
  }

  @Test("A leak keeps a part of a state by a gate")
  func leak() throws {
    var choices = Choices(seed: 1)
    var draft = try #require(Draft(try Cell(parsing: "h' = tanh(linear(x, h))")))
    #expect(Mutation.addLeak.apply(to: &draft, &choices))
    #expect(
      try draft.cell()
        == Cell(parsing: "h' = blend(sigmoid(linear(x, h)), h, tanh(linear(x, h)))"))
  }

  @Test(
    "A draft has the blocks of the cell that it is of",
    arguments: [
      "h' = tanh(linear(x, h, blocks=2))", "h' = tanh(linear(x, blocks=4) + product(h, blocks=2))",
      "c' = tanh(linear(x) + product(c, blocks=4)); h' = c' + product(c', blocks=2)",
    ])
  func drafts(_ text: String) throws {
    let cell = try Cell(parsing: text)
    #expect(try #require(Draft(cell)).cell() == cell)
  }

  @Test("A space's permission to use x, and blocks, is kept in its text")
  func text() throws {
    var space = SearchSpace()
    space.directInput = true
    space.blocks = 8
    #expect(try SearchSpace(text: space.text) == space)
    #expect(try SearchSpace(text: SearchSpace().text) == SearchSpace())
  }
}
