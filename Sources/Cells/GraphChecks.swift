import Kernels

extension Graph {
  /// The graph itself, when it is one: indices in range, operands before their use, counts right.
  ///
  /// - Throws: `.invalidArgument` naming the node, or `.limit`.
  func checked() throws(Failure) -> Graph {
    guard nodes.count <= CellLimits.nodes, parameters.count <= CellLimits.parameters,
      states.count <= CellLimits.states
    else {
      throw Failure(
        .limit,
        "a graph of \(nodes.count) nodes, \(parameters.count) parameters and "
          + "\(states.count) states is over the limits of \(CellLimits.nodes), "
          + "\(CellLimits.parameters) and \(CellLimits.states)")
    }
    guard states.first?.name == "h" else {
      throw .invalid("the first state of a graph must be h, the output")
    }
    for state in states {
      guard nodes.indices.contains(state.next), isIdentifier(state.name) else {
        throw .invalid("the state '\(state.name)' has no usable name or no next value")
      }
    }
    guard Set(states.map(\.name)).count == states.count else {
      throw .invalid("two states of a graph have the same name")
    }
    for (index, node) in nodes.enumerated() {
      guard node.operands.allSatisfy({ $0 >= 0 && $0 < index }) else {
        throw .invalid("node \(index) of the graph reads a node that does not come before it")
      }
      guard isValid(node) else {
        throw .invalid("node \(index) of the graph has operands that do not fit its kind")
      }
    }
    return self
  }

  private func isValid(_ node: Node) -> Bool {
    switch node.kind {
    case .input, .constant: return node.operands.isEmpty
    case .state(let state): return node.operands.isEmpty && states.indices.contains(state)
    case .parameter(let parameter):
      return node.operands.isEmpty && parameters.indices.contains(parameter)
    case .operation(let operation): return operation.operandCount.contains(node.operands.count)
    case .affine(let products, let bias):
      return products.count == node.operands.count && !products.isEmpty
        && products.allSatisfy {
          guard parameters.indices.contains($0.parameter),
            case .matrix = parameters[$0.parameter].shape
          else { return false }
          return true
        } && (bias.map { parameters.indices.contains($0) } ?? true)
    }
  }

  /// The graph without the nodes, parameters and states that the output does not depend on, through
  /// however many time steps.
  func withoutDeadNodes() -> Graph {
    var isLive = [Bool](repeating: false, count: nodes.count)
    var isLiveState = [Bool](repeating: false, count: states.count)
    var waiting: [Int] = []
    func visit(_ node: Int) {
      if !isLive[node] {
        isLive[node] = true
        waiting.append(node)
      }
    }
    isLiveState[0] = true
    visit(states[0].next)
    while let node = waiting.popLast() {
      nodes[node].operands.forEach(visit)
      if case .state(let state) = nodes[node].kind, !isLiveState[state] {
        isLiveState[state] = true
        visit(states[state].next)
      }
    }
    return keeping(nodes: isLive, states: isLiveState)
  }

  private func keeping(nodes isLive: [Bool], states isLiveState: [Bool]) -> Graph {
    var isUsed = [Bool](repeating: false, count: parameters.count)
    for (index, node) in nodes.enumerated() where isLive[index] {
      switch node.kind {
      case .parameter(let parameter): isUsed[parameter] = true
      case .affine(let products, let bias):
        for product in products { isUsed[product.parameter] = true }
        if let bias { isUsed[bias] = true }
      case .input, .state, .constant, .operation: break
      }
    }
    let newNode = places(isLive)
    let newState = places(isLiveState)
    let newParameter = places(isUsed)
    var kept = Graph(parameters: parameters.indices.filter { isUsed[$0] }.map { parameters[$0] })
    for (index, node) in nodes.enumerated() where isLive[index] {
      var node = node
      node.operands = node.operands.map { newNode[$0] }
      switch node.kind {
      case .state(let state): node.kind = .state(newState[state])
      case .parameter(let parameter): node.kind = .parameter(newParameter[parameter])
      case .affine(let products, let bias):
        node.kind = .affine(
          products: products.map {
            MatrixProduct(
              parameter: newParameter[$0.parameter], isTransposed: $0.isTransposed)
          }, bias: bias.map { newParameter[$0] })
      case .input, .constant, .operation: break
      }
      kept.nodes.append(node)
    }
    for (index, state) in states.enumerated() where isLiveState[index] {
      kept.states.append(
        StateVariable(name: state.name, size: state.size, next: newNode[state.next]))
    }
    return kept
  }

  /// The new index of each kept element.
  private func places(_ isKept: [Bool]) -> [Int] {
    var count = 0
    return isKept.map { kept in
      defer { count += kept ? 1 : 0 }
      return count
    }
  }
}
