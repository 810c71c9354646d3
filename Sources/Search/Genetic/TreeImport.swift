import Cells

extension NodeTree {
  /// A cell as a tree; nil for what no tree can say, as GRU's unweighted h.
  ///
  /// What several nodes read is written for each of them.
  package init?(_ cell: Cell) {
    let graph = cell.graph
    guard graph.states.count <= 1 + Self.memories.count else { return nil }
    self.init([])
    var bases: [Int: Int] = [:]
    var open = [graph.states[0].next]
    while let place = open.popLast() {
      guard nodes.count < Self.maxSize, graph.nodes.indices.contains(place) else { return nil }
      let node = graph.nodes[place]
      let element: Element
      switch node.kind {
      case .operation(let operation):
        guard let function = Element(operation), function.arity == node.operands.count else {
          return nil
        }
        element = function
        open += node.operands.reversed()
      case .state(let state):
        guard state > 0 else { return nil }
        element = .memory(state - 1)
      case .affine(_, let bias):
        let read = Set(node.operands.map { graph.nodes[$0].kind })
        guard bias != nil, node.operands.count == 2, read == [.input, .state(0)] else { return nil }
        let base = bases[place] ?? bases.count + 1
        bases[place] = base
        element = .base(base)
      case .input, .constant, .parameter: return nil
      }
      let state = graph.states.indices.dropFirst().first { graph.states[$0].next == place }
      let tie = state.map { $0 - 1 }
      let isTied = tie == nil || nodes.contains { $0.tie == tie }
      nodes.append(Node(element, tie: isTied ? nil : tie))
    }
    // Shared matrices and other rarities would be read wrongly.
    guard isLegal, let same = try? self.cell(), same == cell else { return nil }
  }

  /// The tree with nothing in it that a search space forbids, as far as single elements go.
  ///
  /// Forbidden functions become others of as many arguments, or their argument where none is allowed;
  /// weighted sums and memories that are too many become others. Nil where nothing is left.
  package func within(_ space: SearchSpace, _ choices: inout Choices) -> NodeTree? {
    guard space != SearchSpace() else { return self }
    var tree = self
    let memories = max(0, min(Self.memories.count, (space.states ?? .max) - 1))
    let bases = max(1, min(Self.baseCount, (space.matrices ?? .max) / 2))
    for place in tree.nodes.indices.reversed() {
      if let tie = tree.nodes[place].tie, tie >= memories { tree.nodes[place].tie = nil }
      switch tree.nodes[place].element {
      case .base(let index): tree.nodes[place].element = .base(1 + (index - 1) % bases)
      case .memory(let memory):
        if memory >= memories { tree.nodes[place].element = .base(1 + choices.below(bases)) }
      case let function where !space.allows(function.operationName):
        let others = (function.arity == 2 ? Element.binary : Element.nonlinear)
          .filter { space.allows($0.operationName) }
        if let other = choices.pick(others) {
          tree.nodes[place].element = other
        } else {
          var argument = Array(tree.nodes[(place + 1)..<tree.end(of: place + 1)])
          if argument[0].tie == nil, argument[0].element.arity > 0 {
            argument[0].tie = tree.nodes[place].tie
          }
          tree.nodes.replaceSubrange(place..<tree.end(of: place), with: argument)
        }
      default: break
      }
    }
    tree.settle(&choices)
    return tree.isLegal ? tree : nil
  }
}

extension NodeTree.Element {
  /// A function by the operation that computes it; nil for other operations.
  init?(_ operation: Operation) {
    guard
      let found = (Self.binary + Self.nonlinear).first(where: {
        $0.operationName == operation.name
      })
    else { return nil }
    self = found
  }

  /// As the op table has it.
  var operationName: String { self == .multiply ? "multiply" : text }
}
