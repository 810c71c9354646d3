import Cells

extension Graph {
  /// The cell with every next state the mean of the state and what it would become.
  ///
  /// So zoneout has it when nothing is drawn (Krueger et al. 2017, arXiv:1606.01305, section 3).
  /// The states are read as they are: other equations of the step take the value before the mean. States
  /// that the input alone decides, such as a kept x, stay as they are.
  package func withZoneout(_ rate: Double) -> Graph {
    guard rate > 0 else { return self }
    var result = self
    result.nodes.append(Node(.constant(rate), size: .scalar))
    let constant = result.nodes.count - 1
    let isInLoop = isInLoop
    for (index, state) in states.enumerated() where isInLoop[state.next] {
      result.nodes.append(
        Node(
          .operation(.blend), operands: [constant, 1 + index, state.next], size: state.size))
      result.states[index].next = result.nodes.count - 1
    }
    return result
  }

  /// Whether each node depends on a state that depends on itself; others are known before the time loop.
  var isInLoop: [Bool] {
    var isKnown = [Bool](repeating: false, count: states.count)
    while true {
      var depends = [Bool](repeating: false, count: nodes.count)
      for (index, node) in nodes.enumerated() {
        if case .state(let state) = node.kind { depends[index] = !isKnown[state] }
        if node.operands.contains(where: { depends[$0] }) { depends[index] = true }
      }
      let known = states.map { !depends[$0.next] }
      if known == isKnown { return depends }
      isKnown = known
    }
  }
}
