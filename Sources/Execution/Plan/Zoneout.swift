import Cells

extension Graph {
  /// The cell with every next state the mean of the state and what it would become.
  ///
  /// So zoneout has it when nothing is drawn (Krueger et al. 2017, arXiv:1606.01305, section 3).
  /// The states are read as they are: other equations of the step take the value before the mean. A state
  /// that does not depend on any, such as a kept x, stays as it is.
  package func withZoneout(_ rate: Double) -> Graph {
    guard rate > 0 else { return self }
    var result = self
    result.nodes.append(Node(.constant(rate), size: .scalar))
    let constant = result.nodes.count - 1
    for (index, state) in states.enumerated() where isInLoop[state.next] {
      result.nodes.append(
        Node(
          .operation(.blend), operands: [constant, 1 + index, state.next], size: state.size))
      result.states[index].next = result.nodes.count - 1
    }
    return result
  }

  /// Whether each node depends on a state.
  var isInLoop: [Bool] {
    var depends = [Bool](repeating: false, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      if case .state = node.kind { depends[index] = true }
      if node.operands.contains(where: { depends[$0] }) { depends[index] = true }
    }
    return depends
  }
}
