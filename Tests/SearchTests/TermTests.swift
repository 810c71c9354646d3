import Cells
import Kernels
import Search
import Testing

@Suite("A term")
struct TermTests {
  /// The GRU in the language of the paper.
  static let gru =
    "Gate3(Tanh(Add(MM(x_t),Mult(MM(h_tm1),Sigmoid(Add(MM(h_tm1),MM(x_t)))))),h_tm1,"
    + "Sigmoid(Add(MM(h_tm1),MM(x_t))))"

  @Test("of the paper is the cell that it describes")
  func paper() throws {
    let cell = try #require(Term(text: Self.gru)).cell()
    let expected = try Cell(
      parsing: """
        r = sigmoid(linear(x, h))
        z = sigmoid(linear(x, h))
        h' = blend(z, tanh(linear(x) + r * linear(h)), h)
        """)
    #expect(cell == expected, "\(cell.equations)")
    // The zoo's gate keeps the old state where this one takes the new: with the gate's map negated they are one.
    let stock = try Cell.stock("gru_reset_after")
    #expect(cell.graph.parameters.count == stock.graph.parameters.count)
  }

  @Test("with a memory is an LSTM")
  func memory() throws {
    let gate = "Sigmoid(Add(MM(x_t),MM(h_tm1)))"
    let text =
      "Mult(\(gate),Tanh(c_t(Add(Mult(\(gate),c_tm1),Mult(\(gate),Tanh(Add(MM(x_t),MM(h_tm1))))))))"
    // c_t must be there before c_tm1 is read: reading order is from the left.
    let cell = try #require(Term(text: text)).cell()
    #expect(try cell == Cell.stock("lstm"), "\(cell.equations)")
  }

  @Test(
    "that is none is refused",
    arguments: [
      "", "x", "Add(x_t)", "Add(x_t,h_tm1", "Add(x_t,h_tm1))", "Tanh()", "tanh(x_t)", "x_t(h_tm1)",
      "Gate3(x_t,x_t)", "Add(x_t;h_tm1)", String(repeating: "Tanh(", count: 10_000),
    ])
  func garbled(text: String) {
    #expect(Term(text: text) == nil)
  }

  @Test("reads x_t without a matrix, for a cell of equal sizes, and says it again")
  func direct() throws {
    let text = "Tanh(Add(x_t,MM(h_tm1)))"
    let cell = try Term(parsing: text).cell()
    #expect(cell == (try Cell(parsing: "h' = tanh(x + linear(h))")))
    #expect(try Term(cell).text == text)
  }

  @Test("with empty places or a memory that nothing makes is no cell")
  func incomplete() {
    #expect(throws: Failure.self) { try Term(text: "Tanh(_)")?.cell() }
    #expect(throws: Failure.self) { try Term(text: "Add(Tanh(MM(x_t)),c_tm1)")?.cell() }
  }

  /// The rules, checked the slow way on a complete term.
  private func broken(_ term: Term, above: Symbol? = nil, nodes: Int = 21, depth: Int = 8)
    -> String?
  {
    if above == nil {
      if term.count > nodes { return "\(term.count) symbols" }
      if term.depth > depth { return "\(term.depth) levels" }
      for source in [Symbol.input, .hidden] where !term.contains(source) {
        return "no \(source.rawValue)"
      }
      if term.contains(.memory), !term.contains(.nextMemory) { return "c_tm1 without c_t" }
    }
    if term.symbol.arity == 1, term.symbol == above { return "\(term.symbol.rawValue) on itself" }
    if term.symbol == .gate, term.operands[2].symbol != .sigmoid { return "a gate without sigmoid" }
    if term.symbol == .input, above != .matrix { return "x_t without a matrix" }
    for operand in term.operands {
      if let rule = broken(
        operand, above: term.symbol == .nextMemory ? above ?? .empty : term.symbol)
      {
        return rule
      }
    }
    return nil
  }

  @Test("that grows at random keeps the rules, reads back, and becomes a cell, for 2000 seeds")
  func random() throws {
    var small = SearchSpace()
    small.nodes = 9
    small.depth = 5
    small.states = 1
    for (space, nodes, depth) in [(SearchSpace(), 21, 8), (small, 9, 5)] {
      let growing = Growing(space)
      var seen: Set<String> = []
      var used: Set<Symbol> = []
      func note(_ term: Term) {
        used.insert(term.symbol)
        term.operands.forEach(note)
      }
      for seed in 0..<1000 {
        var choices = Choices(seed: UInt64(seed))
        let term = try growing.random(&choices)
        #expect(Term(text: term.text) == term)
        #expect(
          broken(term, nodes: nodes, depth: depth) == nil,
          "seed \(seed): \(term.text): \(broken(term, nodes: nodes, depth: depth) ?? "")")
        let cell = try term.cell()
        #expect(cell.graph.states.count <= (nodes == 9 ? 1 : 2))
        seen.insert(cell.canonical.text)
        note(term)
      }
      print("\(seen.count) of 1000 cells differ; at most \(nodes) symbols")
      #expect(seen.count > 300)
      let absent = Set(Symbol.allCases).subtracting(used)
      #expect(absent == (nodes == 9 ? [.empty, .memory, .nextMemory] : [.empty]))
    }
  }

  @Test("grows again by its own steps")
  func steps() throws {
    for seed in 0..<100 {
      var choices = Choices(seed: UInt64(seed))
      let growing = Growing(SearchSpace())
      let term = try growing.random(&choices)
      var grown = Term.empty
      for step in Growing.steps(of: term) {
        #expect(step.term == grown)
        #expect(growing.choices(for: step.term, at: step.place).contains(step.symbol))
        grown = Growing.filling(grown, at: step.place, with: step.symbol)
      }
      #expect(grown == term)
    }
  }
}
