import Cells

/// What a cell may be to be proposed.
///
/// After the constraints of Schrimpf et al. 2017, arXiv:1712.07316.
package struct DraftRules: Sendable {
  /// Nodes other than x and states.
  package var nodes: Int
  /// Operations on the longest way from an output to x or a state.
  package var depth: Int
  /// Matrices, which decide the cost.
  package var matrices: Int
  package var states: Int

  /// Of cells grown from nothing.
  package static let grown = DraftRules(nodes: 21, depth: 8, matrices: 10, states: 2)
  /// Of cells that mutation makes larger; of the stock cells nascell, with 16 matrices, has room.
  package static let evolved = DraftRules(nodes: 48, depth: 16, matrices: 16, states: 3)

  /// Whether a draft keeps the rules: bounded, reads x and h, no operator on itself, gates are sigmoids.
  ///
  /// In a space with direct input it may read another state in place of h.
  package func allow(_ draft: Draft, in space: SearchSpace = SearchSpace()) -> Bool {
    guard let order = draft.order(), draft.next.count <= max(states, space.states ?? 0) else {
      return false
    }
    var depths = [Int](repeating: 0, count: draft.nodes.count)
    var count = 0
    var products = 0
    var readsInput = false
    var readsHidden = false
    for node in order {
      let (kind, operands) = (draft.nodes[node].kind, draft.nodes[node].operands)
      switch kind {
      case .input: readsInput = true
      case .state(let state): readsHidden = readsHidden || state == 0 || space.directInput
      case .constant, .vector, .scalar: break
      case .linear:
        count += 1
        products += operands.count
        // linear(linear(a)) is one map written as two.
        guard
          !operands.contains(where: {
            if case .linear = draft.nodes[$0].kind { true } else { false }
          }),
          Set(operands).count == operands.count
        else { return false }
      case .operation(let operation):
        count += 1
        guard allow(operation, operands, in: draft) else { return false }
      }
      depths[node] =
        operands.isEmpty ? 0 : 1 + (operands.map { depths[$0] }.max() ?? 0)
    }
    let deepest = draft.next.map { depths[$0] }.max() ?? 0
    return readsInput && readsHidden && count <= nodes && products <= matrices && deepest <= depth
  }

  private func allow(_ operation: Operation, _ operands: [Int], in draft: Draft) -> Bool {
    if operands.count == 1, case .operation(let inner) = draft.nodes[operands[0]].kind {
      guard inner != operation else { return false }
    }
    if isLearnedTwice(operation, operands, in: draft) { return false }
    if operation.name == "blend" {
      guard case .operation(let gate) = draft.nodes[operands[0]].kind,
        gate == .sigmoid || gate == .hardSigmoid || gate == .subtract
      else { return false }
      return operands[1] != operands[2]
    }
    if ["add", "subtract", "max", "min", "divide"].contains(operation.name) {
      return operands[0] != operands[1]
    }
    return true
  }

  /// Whether a learned vector could be left out, since another one says the same: nothing but learned
  /// numbers is operated on, or a second vector is added to a sum or multiplied with a product.
  private func isLearnedTwice(_ operation: Operation, _ operands: [Int], in draft: Draft) -> Bool {
    func isLearned(_ node: Int) -> Bool {
      switch draft.nodes[node].kind {
      case .vector, .scalar: true
      default: false
      }
    }
    func isConstant(_ node: Int) -> Bool {
      if case .constant = draft.nodes[node].kind { true } else { false }
    }
    let others = operands.filter { !isLearned($0) }
    guard let other = others.first(where: { !isConstant($0) }) else { return true }
    let sums: Set = ["add", "subtract"]
    let isSum = sums.contains(operation.name)
    guard others.count < operands.count, isSum || operation.name == "multiply" else { return false }
    switch draft.nodes[other].kind {
    case .linear(let hasBias, _): return isSum && hasBias
    case .operation(let inner):
      return (isSum ? sums.contains(inner.name) : inner == operation)
        && draft.nodes[other].operands.contains(where: isLearned)
    default: return false
    }
  }
}
