import Cells
import Support
import Testing

@Suite struct EqualityTests {
  /// Writings of one function.
  static let equal: [(String, String)] = [
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(h, x))"),
    ("h' = tanh(linear(x, h))", "a = linear(x, h); h' = identity(tanh(a))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x) + product(h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(product(x) + product(h) + vector(b))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(matrix(A, x) + matrix(B, h) + vector(b))"),
    ("h' = tanh(linear(x, h))", "h' = 1 * tanh(linear(x, h)) + 0"),
    ("h' = tanh(linear(x, h))", "h' = --tanh(linear(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = 1 - (1 - tanh(linear(x, h)))"),
    ("h' = tanh(linear(x, h))", "h' = -tanh(-linear(x, h))"),
    ("h' = tanh(linear(x, h))", "a = linear(x, h); h' = 2 * sigmoid(2 * a) - 1"),
    ("h' = relu(linear(x, h))", "h' = relu(relu(linear(x, h)))"),
    ("h' = relu(linear(x, h))", "h' = max(0, linear(x, h))"),
    ("h' = relu(linear(x, h))", "h' = abs(relu(linear(x, h)))"),
    ("h' = relu(linear(x, h))", "h' = -min(-linear(x, h), tanh(1 - 1))"),
    ("h' = exp(linear(x, h))", "h' = relu(exp(linear(x, h)))"),
    (
      "z = sigmoid(linear(x, h)); n = tanh(linear(x, h)); h' = blend(z, h, n)",
      "n = tanh(linear(x, h)); z = sigmoid(linear(x, h)); h' = n + z * (h - n)"
    ),
    (
      "z = sigmoid(linear(x, h)); n = tanh(linear(x, h)); h' = blend(z, h, n)",
      "z = sigmoid(linear(x, h)); h' = z * h + tanh(linear(h, x)) * (1 - z)"
    ),
    ("h' = mean(h, linear(h), h * linear(x))", "h' = (h * linear(x) + h + linear(h)) / 3"),
    ("h' = silu(linear(x, h))", "a = linear(x, h); h' = sigmoid(a) * a"),
    ("h' = square(linear(x, h))", "a = linear(x, h); h' = a * a"),
    ("h' = linear(x, h) + linear(x, h)", "h' = linear(h, x) + linear(x, h)"),
    (
      "c' = c + linear(x); d' = tanh(d * c); h' = d' + c'",
      "q' = tanh(q * b); b' = linear(x) + b; h' = b' + q'"
    ),
    ("h' = 0.5 * h + linear(x)", "h' = h / 2 + linear(x)"),
    ("h' = linear(x) + h * (0.1 + 0.2)", "h' = linear(x) + 0.3 * h"),
    ("h' = linear(x) + h / 3", "h' = linear(x) + (1 / 3) * h"),
  ]

  /// Pairs that look alike and are not.
  static let different: [(String, String)] = [
    ("h' = tanh(linear(x, h))", "h' = tanh(product(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x) + linear(h))"),
    ("h' = tanh(linear(x, h))", "h' = sigmoid(linear(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x, h)) + 0.001"),
    ("a = sigmoid(linear(x)); h' = a * a * h", "h' = sigmoid(linear(x)) * sigmoid(linear(x)) * h"),
    (
      "h' = matrix(A, h) + matrix(A, tanh(h)) + linear(x)",
      "h' = matrix(A, h) + matrix(B, tanh(h)) + linear(x)"
    ),
    ("h' = matrix(A, h) + linear(x)", "h' = transposed(A, h) + linear(x)"),
    ("h' = linear(h) + linear(x)", "h' = linear(h, blocks=2) + linear(x)"),
    ("h' = vector(v) * h + linear(x)", "h' = scalar(v) * h + linear(x)"),
    ("h' = linear(x, h) * 0.5", "h' = linear(x, h) * 0.25"),
    ("h' = linear(x) / h", "h' = h / linear(x)"),
    // A power of two that is 1 modulo 2^61 - 1.
    ("h' = tanh(linear(x, h) * 2305843009213693952)", "h' = tanh(linear(x, h))"),
    ("h' = linear(x, h) * 1.0000000000000002220446", "h' = linear(x, h) * 513"),
    (
      "h' = blend(sigmoid(linear(x)), h, linear(x))", "h' = blend(sigmoid(linear(x)), linear(x), h)"
    ),
    ("c' = c + linear(x); h' = c' * h", "c' = c + linear(x); h' = c * h"),
    ("h' = layernorm(linear(x, h))", "h' = linear(x, h)"),
    ("h' = leaky_relu(linear(x, h))", "h' = relu(linear(x, h))"),
    (
      "f = sigmoid(linear(x)); i = sigmoid(linear(x)); h' = f * h + i",
      "f = sigmoid(linear(x)); h' = f * h + f"
    ),
  ]

  @Test("two writings of one function are equal, with equal hash and fingerprint", arguments: equal)
  func equalWritings(a: String, b: String) throws {
    let (first, second) = (try Cell(parsing: a), try Cell(parsing: b))
    #expect(first == second)
    #expect(first.hashValue == second.hashValue)
    #expect(first.fingerprint == second.fingerprint)
    let map = try #require(first.matching(second))
    #expect(Set(map.keys) == Set(first.graph.parameters.map(\.name)))
    #expect(Set(map.values) == Set(second.graph.parameters.map(\.name)))
  }

  @Test("cells that compute different functions are not equal", arguments: different)
  func differentFunctions(a: String, b: String) throws {
    let (first, second) = (try Cell(parsing: a), try Cell(parsing: b))
    #expect(first != second)
    #expect(first.fingerprint != second.fingerprint)
    #expect(first.matching(second) == nil)
  }

  @Test("no two stock cells are equal")
  func stockCellsDiffer() throws {
    let cells = try StockCell.all.map { try Cell.stock($0.name) }
    #expect(Set(cells.map(\.canonical.text)).count == cells.count)
    #expect(Set(cells.map(\.fingerprint)).count == cells.count)
  }
}

@Suite struct CanonicalTests {
  @Test(
    "a cell whose nodes, operands and names are shuffled is equal, and the map between parameters gives equal outputs",
    arguments: 0..<100)
  func shuffled(seed: Int) throws {
    let usesBlocks = seed % 3 == 0
    let names = StockCell.all.map(\.name)
    let cell =
      seed < names.count
      ? try Cell.stock(names[seed])
      : try randomCell(seed: UInt64(seed), usesBlocks: usesBlocks, joinsInput: seed % 2 == 0)
    var random = TestRandom(seed: UInt64(seed) &+ 500)
    let other = try Cell(graph: shuffle(cell.graph, &random))
    guard other.states.count == cell.states.count else { return }
    #expect(other == cell, "seed \(seed):\n\(cell.equations)\n\(other.equations)")
    #expect(other.fingerprint == cell.fingerprint, "seed \(seed)")
    let map = try #require(cell.matching(other))
    #expect(map.count == cell.graph.parameters.count)

    // With weights carried over by the map, h must be the same for whatever the states are called.
    let size = 4
    let ours = Interpreter(cell.graph, inputSize: size, hiddenSize: size)
    let theirs = Interpreter(other.graph, inputSize: size, hiddenSize: size)
    let weights = cell.graph.parameters.map { random.numbers(ours.count($0), 0.8) }
    let byName = Dictionary(
      zip(cell.graph.parameters.map { map[$0.name] ?? "" }, weights).map { ($0, $1) },
      uniquingKeysWith: { first, _ in first })
    let carried = try other.graph.parameters.map { try #require(byName[$0.name]) }
    let inputs = (0..<4).map { _ in random.numbers(size, 1) }
    let zeros = cell.graph.states.map { _ in [Double](repeating: 0, count: size) }
    let a = ours.run(parameters: weights, inputs: inputs, states: zeros)
    let b = theirs.run(parameters: carried, inputs: inputs, states: zeros)
    for (first, second) in zip(a, b) {
      for (x, y) in zip(first[0], second[0]) {
        #expect(abs(x - y) <= 1e-9 * max(1, abs(x)), "seed \(seed)")
      }
    }
  }

  /// The same graph in another topological order, with commutative operands and names exchanged.
  private func shuffle(_ graph: Graph, _ random: inout TestRandom) -> Graph {
    var order: [Int] = []
    var isPlaced = [Bool](repeating: false, count: graph.nodes.count)
    while order.count < graph.nodes.count {
      let ready = graph.nodes.indices.filter { node in
        !isPlaced[node] && graph.nodes[node].operands.allSatisfy { isPlaced[$0] }
      }
      let next = random.pick(ready)
      isPlaced[next] = true
      order.append(next)
    }
    var place = [Int](repeating: 0, count: order.count)
    for (new, old) in order.enumerated() { place[old] = new }
    var shuffled = Graph(states: graph.states, parameters: graph.parameters)
    for index in shuffled.parameters.indices where !shuffled.parameters[index].name.contains("[") {
      shuffled.parameters[index].name = "q\(shuffled.parameters.count - index)"
    }
    for old in order {
      var node = graph.nodes[old]
      node.name = nil
      node.operands = node.operands.map { place[$0] }
      switch node.kind {
      case .operation(let operation) where operation.isCommutative:
        node.operands.shuffle(using: &random)
      case .affine(let products, let bias):
        let pairs = zip(products, node.operands).map { ($0, $1) }.shuffled(using: &random)
        node.kind = .affine(products: pairs.map(\.0), bias: bias)
        node.operands = pairs.map(\.1)
      default: break
      }
      shuffled.nodes.append(node)
    }
    for index in shuffled.states.indices {
      shuffled.states[index].next = place[graph.states[index].next]
      if index > 0 { shuffled.states[index].name = "s\(shuffled.states.count - index)" }
    }
    shuffled.states[1...].shuffle(using: &random)
    // The states' nodes point at their new places.
    for index in shuffled.nodes.indices {
      guard case .state(let old) = shuffled.nodes[index].kind, old > 0 else { continue }
      let name = "s\(shuffled.states.count - old)"
      shuffled.nodes[index].kind = .state(
        shuffled.states.firstIndex { $0.name == name } ?? 0)
    }
    return shuffled
  }

  @Test("among random cells digest and fingerprint agree on which are the same")
  func digestsAgreeWithFingerprints() throws {
    var seen: [UInt64: String] = [:]
    for seed in 0..<300 {
      let cell = try randomCell(seed: UInt64(seed), joinsInput: seed % 3 == 0)
      if let digest = seen[cell.fingerprint] {
        #expect(digest == cell.canonical.text, "seed \(seed):\n\(cell.equations)")
      }
      seen[cell.fingerprint] = cell.canonical.text
    }
    #expect(seen.count > 250)
    #expect(Set(seen.values).count == seen.count)
  }

  /// What files of earlier runs hold; a change here makes studies forget which cells they have tried.
  static let golden: [(String, String, UInt64)] = [
    ("elman", "086e2f04af2720f51326113497d8aa3a", 0x626122269574AD82),
    ("lstm", "180e1847ac3adaf1178fc7dfe889c421", 0x354D114EC3E42B45),
    ("nascell", "047668ac58d0a20c19a2a5a0a5fde1ac", 0xC3977EBC512CEDA9),
    ("darts_v2", "08e96750085555dc0eb9e45167482991", 0x15FCE33CE5474847),
  ]

  @Test("digests and fingerprints are those of every other process", arguments: golden)
  func stability(name: String, digest: String, fingerprint: UInt64) throws {
    let cell = try Cell.stock(name)
    #expect(cell.canonical.text == digest)
    #expect(cell.fingerprint == fingerprint)
  }
}
