import Cells

extension Graph {
  /// The cell with masks on the states that its matrices read.
  ///
  /// W(h) becomes W(mask * h), and W(r * h) becomes W(r * (mask * h)); what reads a state element by
  /// element reads it whole.
  ///
  /// The masks are states behind the cell's own that never change, so that a sequence has one mask for all
  /// time steps (Gal and Ghahramani 2016, arXiv:1512.05287, equation 7). Parameters stay as they are.
  func withMaskedStates() -> Graph {
    var result = Graph(parameters: parameters)
    result.nodes = Array(nodes.prefix(1 + states.count))
    for (index, state) in states.enumerated() {
      result.nodes.append(Node(.state(states.count + index), size: state.size))
    }
    let masks = 1 + states.count
    // Of each node, the node of the result, and the one that a matrix reads in its place.
    var plain: [Int] = []
    var masked: [Int] = []
    func add(_ node: Node, _ operands: [Int]) -> Int {
      var copy = node
      copy.operands = operands
      result.nodes.append(copy)
      return result.nodes.count - 1
    }
    for (index, node) in nodes.enumerated() {
      switch node.kind {
      case .input:
        plain.append(index)
        masked.append(index)
      case .state(let state):
        plain.append(index)
        result.nodes.append(
          Node(.operation(.multiply), operands: [masks + state, index], size: node.size))
        masked.append(result.nodes.count - 1)
      case .constant, .parameter:
        plain.append(add(node, []))
        masked.append(plain[index])
      case .affine:
        plain.append(add(node, node.operands.map { masked[$0] }))
        masked.append(plain[index])
      case .operation:
        let operands = (node.operands.map { plain[$0] }, node.operands.map { masked[$0] })
        plain.append(add(node, operands.0))
        masked.append(operands.0 == operands.1 ? plain[index] : add(node, operands.1))
      }
    }
    for state in states {
      result.states.append(
        StateVariable(name: state.name, size: state.size, next: plain[state.next]))
    }
    for (index, state) in states.enumerated() {
      result.states.append(
        StateVariable(name: "mask of \(state.name)", size: state.size, next: masks + index))
    }
    return result
  }
}
