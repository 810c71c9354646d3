/// Writes a graph as equations.
///
/// Named nodes, nodes that are read more than once and next states get a statement each, in graph
/// order; everything else is written where it is read. For a graph that came from equations this gives
/// equations whose graph is the same again, names included.
struct Printer {
  private let graph: Graph
  private var writings: [Writing] = []
  private var depths: [Int] = []
  private var names: [String?]
  private var parameterNames: [String]
  private var isFresh: [Bool]
  private var statements: [(target: String, value: String)] = []
  private var isWritten: [Bool]
  /// The names of the next states.
  private let primed: [String]

  /// The equations of a graph, one statement per line, with the equals signs below each other.
  ///
  /// The graph's nodes must stand in topological order and its first state must be `h`.
  static func equations(of graph: Graph) -> String {
    var printer = Printer(graph)
    for node in graph.nodes.indices { printer.write(node) }
    printer.writeAliases(before: graph.states.count)
    printer.writeAlias(0)
    let width = printer.statements.map(\.target.utf8.count).max() ?? 0
    return printer.statements.map { statement in
      let padding = String(repeating: " ", count: width - statement.target.utf8.count)
      return "\(statement.target)\(padding) = \(statement.value)"
    }.joined(separator: "\n")
  }

  private init(_ graph: Graph) {
    self.graph = graph
    let (names, isFresh, parameterNames) = Naming(graph).result
    self.names = names
    self.isFresh = isFresh
    self.parameterNames = parameterNames
    self.isWritten = [Bool](repeating: false, count: graph.states.count)
    self.primed = graph.states.map { "\($0.name)'" }
  }

  /// Makes the node's writing, and its statement where it has one.
  private mutating func write(_ node: Int) {
    var writing = self.writing(of: node)
    var depth = 1 + (graph.nodes[node].operands.map { depths[$0] }.max() ?? 0)
    // Deep nesting becomes statements, long before the parser's limits.
    if names[node] == nil, depth > 24, !graph.nodes[node].isAtom { names[node] = "deep\(node)" }
    if let name = names[node] {
      if let state = primed.firstIndex(of: name) {
        writeAliases(before: state)
        isWritten[state] = true
      }
      statements.append((name, writing.text))
      writing = Writing(name)
      depth = 0
    }
    writings.append(writing)
    depths.append(depth)
  }

  /// Writes `c' = value` for the states before `limit` whose value is written elsewhere, keeping the
  /// states in order.
  ///
  /// `h` is always the first state, wherever its statement stands.
  private mutating func writeAliases(before limit: Int) {
    guard limit > 1 else { return }
    for state in 1..<limit { writeAlias(state) }
  }

  private mutating func writeAlias(_ state: Int) {
    let next = graph.states[state].next
    guard !isWritten[state], names[next] != primed[state] else { return }
    isWritten[state] = true
    let value = graph.nodes[next].isAtom ? writing(of: next).text : names[next] ?? "h"
    statements.append((primed[state], value))
  }

  private func writing(of index: Int) -> Writing {
    let node = graph.nodes[index]
    switch node.kind {
    case .input: return Writing("x")
    case .state(let state): return Writing(graph.states[state].name)
    case .constant(let value): return .constant(value)
    case .parameter(let parameter):
      let form: ParameterForm =
        graph.parameters[parameter].shape == .scalar ? .scalar : .vector
      return .call(form.rawValue, [Writing(parameterNames[parameter])])
    case .operation(let operation):
      return .operation(operation, node.operands.map { writings[$0] })
    case .affine(let products, let bias):
      return affine(products, bias, node.operands)
    }
  }

  /// An affine map as `linear` or `product` of its fresh matrices plus one `matrix` for each shared
  /// one; graphs that came from equations need one of these only.
  private func affine(_ products: [MatrixProduct], _ bias: Int?, _ operands: [Int]) -> Writing {
    var terms: [Writing] = []
    var rest = Array(zip(products, operands).map { ($0, $1) })
    var bias = bias
    while let first = rest.firstIndex(where: { isFresh[$0.0.parameter] && !$0.0.isTransposed }) {
      let blocks = self.blocks(rest[first].0)
      let isInGroup = { (entry: (MatrixProduct, Int)) in
        isFresh[entry.0.parameter] && !entry.0.isTransposed && self.blocks(entry.0) == blocks
      }
      let hasBias = bias.map { isFresh[$0] } ?? false
      terms.append(
        .call(
          hasBias ? "linear" : "product", rest.filter(isInGroup).map { writings[$0.1] },
          blocks: blocks))
      if hasBias { bias = nil }
      rest.removeAll(where: isInGroup)
    }
    for (product, operand) in rest {
      terms.append(
        .matrix(
          parameterNames[product.parameter], isTransposed: product.isTransposed,
          blocks: blocks(product), writings[operand]))
    }
    if let bias { terms.append(.call("vector", [Writing(parameterNames[bias])])) }
    guard let first = terms.first else { return .constant(0) }
    return terms.dropFirst().reduce(first) { .operation(.add, [$0, $1]) }
  }

  private func blocks(_ product: MatrixProduct) -> Int {
    guard case .matrix(_, _, let blocks) = graph.parameters[product.parameter].shape else {
      return 1
    }
    return blocks
  }
}

extension Node {
  /// Whether it is written as itself wherever it is read, and never has a statement.
  var isAtom: Bool {
    switch kind {
    case .input, .state, .constant, .parameter: true
    case .affine, .operation: false
    }
  }
}

/// Chooses the names that a graph's printed equations need.
///
/// Keeps the names that are there and usable; invents `n1`, `n2`… for other nodes that are read more
/// than once, and `M1`, `M2`… for shared parameters without a usable name.
private struct Naming {
  var result: (names: [String?], isFresh: [Bool], parameterNames: [String])

  init(_ graph: Graph) {
    var taken: Set<String> = ["x"]
    for state in graph.states {
      taken.insert(state.name)
      taken.insert("\(state.name)'")
    }
    func isTaken(_ name: String) -> Bool {
      taken.contains(name) || Operation.named(name) != nil || ParameterForm(rawValue: name) != nil
    }

    var uses = [Int](repeating: 0, count: graph.nodes.count)
    var parameterUses = [Int](repeating: 0, count: graph.parameters.count)
    for node in graph.nodes {
      for operand in node.operands { uses[operand] += 1 }
      switch node.kind {
      case .affine(let products, let bias):
        for product in products { parameterUses[product.parameter] += 1 }
        if let bias { parameterUses[bias] += 1 }
      case .parameter(let parameter): parameterUses[parameter] += 1
      case .input, .state, .constant, .operation: break
      }
    }
    var names = [String?](repeating: nil, count: graph.nodes.count)
    for state in graph.states where !graph.nodes[state.next].isAtom {
      // A node's own name wins, then the first state that it becomes; other states become aliases.
      let own = graph.nodes[state.next].name ?? ""
      let isOwn = graph.states.contains { $0.next == state.next && "\($0.name)'" == own }
      if isOwn {
        names[state.next] = own
      } else if !isIdentifier(own) {
        names[state.next] = names[state.next] ?? "\(state.name)'"
      }
    }
    for (index, node) in graph.nodes.enumerated() where names[index] == nil && !node.isAtom {
      guard let name = node.name, isIdentifier(name), !isTaken(name) else { continue }
      names[index] = name
      taken.insert(name)
    }
    var count = 0
    let next = Set(graph.states.map(\.next))
    for (index, node) in graph.nodes.enumerated() where names[index] == nil && !node.isAtom {
      guard uses[index] > 1 || next.contains(index) else { continue }
      repeat { count += 1 } while isTaken("n\(count)")
      names[index] = "n\(count)"
    }

    let isFresh = graph.parameters.indices.map { index in
      parameterUses[index] <= 1 && !isIdentifier(graph.parameters[index].name)
    }
    var parameterNames: [String] = []
    var known = Set(graph.parameters.map(\.name))
    for (index, parameter) in graph.parameters.enumerated() {
      var name = parameter.name
      if !isIdentifier(name) || parameterNames.contains(name) {
        var number = index + 1
        while known.contains("M\(number)") { number += 1 }
        name = "M\(number)"
        known.insert(name)
      }
      parameterNames.append(name)
    }
    result = (names, isFresh, parameterNames)
  }
}
