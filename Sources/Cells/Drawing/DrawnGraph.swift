/// What a drawing shows: the nodes of a cell and its next states, with labels, and the edges between.
struct DrawnGraph {
  /// What a vertex looks like.
  enum Family: String, CaseIterable {
    case input, state, next, parameter, affine, gate, activation, arithmetic

    /// Whether it enters at the bottom.
    var isEntry: Bool { self == .input || self == .state }
  }
  struct Vertex {
    var label: String
    /// The time step of an input or a state.
    var time: String?
    /// The name that the equations give the value, if any.
    var name: String?
    /// A second line: what an affine map is applied to.
    var detail: String?
    var family: Family
    /// What it is, in words.
    var description: String
  }

  private(set) var vertices: [Vertex] = []
  /// From operand to user; each pair once.
  private(set) var edges: [(from: Int, to: Int)] = []
  /// The vertex of each state's next value.
  private(set) var next: [Int] = []

  init(_ graph: Graph) {
    for (index, node) in graph.nodes.enumerated() {
      vertices.append(Self.vertex(node, graph))
      for operand in Set(node.operands).sorted() { edges.append((operand, index)) }
    }
    for state in graph.states {
      next.append(vertices.count)
      edges.append((state.next, vertices.count))
      vertices.append(
        Vertex(
          label: state.name, time: "t", family: .next,
          description: "the next value of state \(state.name)"))
    }
  }

  private static func vertex(_ node: Node, _ graph: Graph) -> Vertex {
    let name = node.name.flatMap { $0.last == "'" ? nil : $0 }
    switch node.kind {
    case .input: return Vertex(label: "x", time: "t", family: .input, description: "the input")
    case .state(let state):
      let name = graph.states[state].name
      return Vertex(
        label: name, time: "t−1", family: .state,
        description: "the previous value of state \(name)")
    case .constant(let value):
      return Vertex(label: number(value), family: .parameter, description: "a constant")
    case .parameter(let parameter):
      let name = graph.parameters[parameter].name
      return Vertex(label: name, family: .parameter, description: "the learned \(name)")
    case .affine(let products, let bias):
      let names = products.map { graph.parameters[$0.parameter].name }
      return Vertex(
        label: bias == nil ? "W" : "W + b", name: name, detail: operandList(node, graph),
        family: .affine,
        description: names.joined(separator: ", ") + (bias == nil ? "" : " and a bias"))
    case .operation(let operation):
      return Vertex(
        label: symbol(operation), name: name, family: family(operation),
        description: operation.name)
    }
  }

  /// The names of up to four operands, `·` for one without.
  private static func operandList(_ node: Node, _ graph: Graph) -> String {
    let names = node.operands.prefix(4).map { operand in
      switch graph.nodes[operand].kind {
      case .input: "x"
      case .state(let state): graph.states[state].name
      default: graph.nodes[operand].name ?? "·"
      }
    }
    return names.joined(separator: ", ") + (node.operands.count > 4 ? ", …" : "")
  }

  private static func symbol(_ operation: Operation) -> String {
    switch operation.name {
    case "sigmoid": "σ"
    case "multiply": "×"
    case "subtract", "negate": "−"
    case "add": "+"
    case "divide": "÷"
    case "square": "·²"
    case "sqrt": "√"
    case "abs": "|·|"
    default: operation.name
    }
  }

  private static func family(_ operation: Operation) -> Family {
    switch operation.name {
    case "sigmoid", "hard_sigmoid": .gate
    case _ where operation.notation.precedence != nil: .arithmetic
    case "mean", "max", "min", "blend", "square", "sqrt", "abs", "identity": .arithmetic
    default: .activation
    }
  }
}
