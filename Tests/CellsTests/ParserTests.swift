import Cells
import Kernels
import Support
import Testing

@Suite struct ParserTests {
  @Test(
    "printing and parsing a stock cell gives the same graph again",
    arguments: StockCell.all.map(\.name))
  func roundTripOfStockCells(name: String) throws {
    let cell = try Cell.stock(name)
    let again = try Cell(parsing: cell.equations)
    #expect(again.graph == cell.graph)
    #expect(again.equations == cell.equations)
    #expect(StockCell.named(name)?.equations == cell.equations, "written as it is printed")
  }

  @Test("printing and parsing a random cell gives the same graph again", arguments: 0..<200)
  func roundTripOfRandomCells(seed: Int) throws {
    let cell = try randomCell(
      seed: UInt64(seed), usesBlocks: seed % 2 == 0, joinsInput: seed % 5 == 0)
    let again = try Cell(parsing: cell.equations)
    #expect(again.graph == cell.graph, "seed \(seed):\n\(cell.equations)\n\(again.equations)")
    #expect(again == cell)
    // States that the output never depends on are dropped from graphs; nothing else changes.
    let kept = try Cell(graph: cell.graph)
    #expect(kept.graph == cell.graph || kept.states.count < cell.states.count, "seed \(seed)")
    #expect(try Cell(graph: kept.graph).graph == kept.graph, "seed \(seed)")
  }

  @Test("fifty random cells use every operation and every form of parameter")
  func randomCellsCoverTheLanguage() throws {
    let text = (0..<50).map { randomEquations(seed: $0, usesBlocks: $0 % 3 == 0) }.joined()
    for operation in Operation.all {
      #expect(
        text.contains("\(operation.name)(") || operation.notation.text != nil, "\(operation.name)")
    }
    for form in [
      "linear(", "product(", "matrix(", "transposed(", "vector(", "scalar(", "blocks=2", "k'",
    ] {
      #expect(text.contains(form), "\(form)")
    }
  }

  /// Equations and how they print.
  static let printed: [(String, String)] = [
    ("h'=tanh(linear(x,h))", "h' = tanh(linear(x, h))"),
    ("h' = h - (h - h) - h", "h' = h - (h - h) - h"),
    ("h' = h / (h * h) * h", "h' = h / (h * h) * h"),
    ("h' = -(h + h) * -h", "h' = -(h + h) * -h"),
    ("h' = --h + linear(x)", "h' = --h + linear(x)"),
    ("h' = -1.50 * h - -2e-3", "h' = -1.5 * h - -0.002"),
    ("h' = add(h, multiply(h, negate(h)))", "h' = h + h * -h"),
    ("h' = tanh(\n  linear(x,\n h))", "h' = tanh(linear(x, h))"),
    ("h' = linear(x, h, blocks=4)", "h' = linear(x, h, blocks=4)"),
    ("a = h; h' = a + linear(x)", "h' = h + linear(x)"),
    ("h' = c'; c' = c + linear(x)", "c' = c + linear(x)\nh' = c'"),
    ("h' = g; c' = g; g = linear(x, c)", "g  = linear(x, c)\nc' = g\nh' = g"),
    ("h' = linear(c); c' = h", "h' = linear(c)\nc' = h"),
  ]

  @Test("equations print in one normal layout", arguments: printed)
  func layout(text: String, expected: String) throws {
    guard !expected.isEmpty else {
      #expect(throws: Failure.self) { try Cell(parsing: text) }
      return
    }
    let cell = try Cell(parsing: text)
    #expect(cell.equations == expected)
    #expect(try Cell(parsing: expected).graph == cell.graph)
  }

  /// Equations and their parameters' names and shapes for inputs of 3 and hidden states of 4.
  static let parameterNames: [(String, [String])] = [
    (
      "z = sigmoid(linear(x, h)); h' = tanh(linear(x, z * h)) * z",
      ["W[z, x] 4x3", "W[z, h] 4x4", "b[z] 4", "W[h', x] 4x3", "W[h', z * h] 4x4", "b[h'] 4"]
    ),
    (
      "h' = linear(h) + linear(h, h)",
      ["W[h', h] 4x4", "b[h'] 4", "W[h', h].2 4x4", "W[h', h].3 4x4", "b[h'].2 4"]
    ),
    ("h' = matrix(M, h) + transposed(M, h) + linear(x)", ["M 4x4", "W[h', x] 4x3", "b[h'] 4"]),
    ("h' = transposed(M, x) + matrix(A, x)", ["M 3x4", "A 4x3"]),
    (
      "h' = vector(v) * product(vector(w) * x) * scalar(s)",
      ["v 4", "w 3", "W[h', vector(w) * x] 4x3", "s 1"]
    ),
    ("h' = product(h, blocks=2) + product(x)", ["W[h', h] 4x2", "W[h', x] 4x3"]),
    ("k' = 0.5 * k + x; h' = linear(k, h)", ["W[h', k] 4x3", "W[h', h] 4x4", "b[h'] 4"]),
    (
      "k' = tanh(linear(k) + x); h' = linear(k')",
      ["W[k', k] 3x3", "b[k'] 3", "W[h', k'] 4x3", "b[h'] 4"]
    ),
    (
      "a = product(b); b = product(h); h' = a + linear(x)",
      ["W[b, h] 4x4", "W[a, b] 4x4", "W[h', x] 4x3", "b[h'] 4"]
    ),
  ]

  @Test(
    "parameters are named after what defines and what reads them, with shapes found",
    arguments: parameterNames)
  func parameters(text: String, expected: [String]) throws {
    let cell = try Cell(parsing: text)
    let found = try cell.parameters(inputSize: 3, hiddenSize: 4)
    #expect(
      found.map { "\($0.name) \($0.shape.map(String.init).joined(separator: "x"))" } == expected)
    #expect(
      try cell.parameterCount(inputSize: 3, hiddenSize: 4) == found.reduce(0) { $0 + $1.count })
  }

  @Test("sizes out of range or that blocks do not divide are refused")
  func badSizes() throws {
    let cell = try Cell(parsing: "h' = linear(h, blocks=3) + linear(x)")
    for (input, hidden) in [
      (0, 3), (3, 0), (-1, 3), (3, 4), (1 << 17, 3), (3, Int.max), (Int.min, 3),
    ] {
      #expect(throws: Failure.self) { try cell.parameters(inputSize: input, hiddenSize: hidden) }
    }
    #expect(try cell.parameterCount(inputSize: 2, hiddenSize: 6) == 6 * 2 + 6 + 6 * 2 + 6)
  }

  @Test("a built graph gets names, loses dead nodes and reads the same as its equations")
  func builtGraph() throws {
    var builder = GraphBuilder()
    let h = builder.state("h")
    let gate = try builder.apply("sigmoid", [builder.linear([builder.input, h])])
    _ = try builder.apply("tanh", [gate])
    let mixed = try builder.apply("multiply", [gate, h])
    builder.setNext("h", try builder.apply("add", [mixed, gate]))
    let cell = try builder.cell()
    #expect(cell.equations == "n1 = sigmoid(linear(x, h))\nh' = n1 * h + n1")
    #expect(throws: Failure.self) { try builder.apply("tanh", [gate, gate]) }
    #expect(throws: Failure.self) { try builder.apply("tan", [gate]) }
    builder.setNext("h", 99)
    #expect(throws: Failure.self) { try builder.cell() }
  }

  @Test("a built chain deeper than the parser allows is cut into statements")
  func deepGraph() throws {
    var builder = GraphBuilder()
    var node = builder.linear([builder.input, builder.state("h")])
    for _ in 0..<1000 { node = try builder.apply("tanh", [node]) }
    builder.setNext("h", node)
    let cell = try builder.cell()
    #expect(cell.graph.nodes.count == 1003)
    #expect(try Cell(parsing: cell.equations).graph == cell.graph)
  }

  static let dependencies: [(String, Bool, Bool)] = [
    ("h' = tanh(linear(x, h))", true, true), ("h' = tanh(linear(x))", true, false),
    ("h' = tanh(linear(h))", false, true), ("c' = c + linear(x); h' = tanh(c)", false, true),
    ("c' = linear(x) + c; h' = tanh(c')", true, true),
  ]

  @Test(
    "a cell knows whether its output depends on the input and on a state", arguments: dependencies)
  func dependsOn(text: String, input: Bool, state: Bool) throws {
    let cell = try Cell(parsing: text)
    #expect(cell.dependsOnInput == input && cell.dependsOnState == state)
  }

  @Test(
    "starting biases and torch's packing name parameters that are there",
    arguments: StockCell.all.map(\.name))
  func metadata(name: String) throws {
    let stock = try #require(StockCell.named(name))
    let cell = try Cell.stock(name)
    let names = cell.graph.parameters.map(\.name)
    #expect(stock.initial.keys.allSatisfy(names.contains))
    #expect(cell.suggestedInitial == stock.initial)
    #expect(!stock.source.isEmpty)
    guard let torch = stock.torch else { return }
    let packed =
      torch.inputWeights + torch.stateWeights
      + (torch.inputBiases + torch.stateBiases).compactMap { $0 }
    #expect(packed.sorted() == names.sorted())
  }

  @Test("an affine map of fresh, shared, transposed and block matrices prints as their sum")
  func mixedAffine() throws {
    func matrix(_ name: String, blocks: Int = 1) -> Parameter {
      Parameter(name: name, shape: .matrix(rows: .hidden, columns: .hidden, blocks: blocks))
    }
    let graph = Graph(
      nodes: [
        Node(.input, size: .input), Node(.state(0), size: .hidden),
        Node(
          .affine(
            products: [
              MatrixProduct(parameter: 0), MatrixProduct(parameter: 1),
              MatrixProduct(parameter: 2, isTransposed: true), MatrixProduct(parameter: 1),
              MatrixProduct(parameter: 4),
            ], bias: 3),
          operands: [0, 1, 1, 1, 1], size: .hidden, name: "a"),
        Node(.operation(try #require(Operation.named("tanh"))), operands: [2], size: .hidden),
      ],
      states: [StateVariable(name: "h", size: .hidden, next: 3)],
      parameters: [
        matrix(""), matrix(""), matrix("Q"),
        Parameter(name: "", shape: .vector(.hidden), isBias: true), matrix("", blocks: 2),
      ])
    let cell = try Cell(graph: graph)
    #expect(
      cell.equations == """
        a  = linear(x) + product(h, blocks=2) + matrix(M2, h) + transposed(Q, h) + matrix(M2, h)
        h' = tanh(a)
        """)
    #expect(try Cell(parsing: cell.equations).graph == cell.graph)
  }
}
