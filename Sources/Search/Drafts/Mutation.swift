import Cells

/// One small change of a cell.
package enum Mutation: Int, CaseIterable, Sendable {
  case swapOperation, insertOperation, removeNode, rewire, insertGate, changeMap, addState
  case removeState, regrow, addMean, changeConstant, changeBlocks, addLeak

  /// What is put above a value, and what takes the place of another operation.
  private static let inserted: [Operation] = [.tanh, .sigmoid, .relu, .softsign, .sin, .layerNorm]
  private static let exchanged: [Operation] = [
    .tanh, .sigmoid, .relu, .softsign, .sin, .leakyRelu, .silu, .identity, .hardTanh, .layerNorm,
    .add, .multiply, .subtract, .max, .min,
  ]

  /// How often each is tried; the last four are for a space with direct input, and with blocks.
  private static func weights(_ space: SearchSpace) -> [Double] {
    [2, 1.5, 2, 1.5, 2, 1.5, 0.7, 0.5, 1] + (space.directInput ? [2.5, 1] : [0, 0])
      + (space.newBlocks > 1 ? [1.5, 1.5] : [0, 0])
  }

  /// Changes a draft at a random place with a random mutation; false when it did not apply.
  package static func apply(
    to draft: inout Draft, in space: SearchSpace = SearchSpace(), _ choices: inout Choices
  ) -> Bool {
    allCases[choices.weighted(weights(space))].apply(to: &draft, in: space, &choices)
  }

  /// Changes a draft at a random place; false when this mutation does not apply there.
  package func apply(
    to draft: inout Draft, in space: SearchSpace = SearchSpace(), _ choices: inout Choices
  ) -> Bool {
    guard let order = draft.order() else { return false }
    let operations = order.filter {
      if case .operation = draft.nodes[$0].kind { true } else { false }
    }
    let maps = order.filter { if case .linear = draft.nodes[$0].kind { true } else { false } }
    switch self {
    case .swapOperation: return swapOperation(in: &draft, operations, space, &choices)
    case .insertOperation:
      guard let node = choices.pick(operations + maps),
        let operation = choices.pick(Self.inserted.filter { space.allows($0.name) })
      else { return false }
      insert(&draft, above: node) { $0.add(.operation(operation), [node]) }
    case .removeNode:
      guard let node = choices.pick(operations),
        let operand = choices.pick(draft.nodes[node].operands)
      else { return false }
      draft.replace(node, by: operand)
    case .rewire:
      guard let node = choices.pick(operations + maps), let source = choices.pick(order) else {
        return false
      }
      draft.nodes[node].operands[choices.below(draft.nodes[node].operands.count)] = source
    case .insertGate: return insertGate(in: &draft, operations + maps, space, &choices)
    case .changeMap: return changeMap(in: &draft, maps, order, &choices)
    case .addState: return addState(to: &draft, operations + maps, space, &choices)
    case .addMean:
      return space.directInput && addMean(to: &draft, operations + maps, space, &choices)
    case .changeConstant: return changeConstant(in: &draft, order, &choices)
    case .changeBlocks: return changeBlocks(in: &draft, maps, space, &choices)
    case .addLeak:
      let state = choices.below(draft.next.count)
      let gate = draft.gate([0, 1 + state], blocks: space.drawBlocks(&choices))
      draft.next[state] = draft.apply("blend", gate, 1 + state, draft.next[state])
    case .removeState:
      guard draft.next.count > 1 else { return false }
      let state = 1 + choices.below(draft.next.count - 1)
      draft.replace(1 + state, by: 1)
    case .regrow:
      guard let node = choices.pick(operations) else { return false }
      let grown = Growth.value(in: &draft, depth: 3, space, &choices)
      draft.replace(node, by: grown)
    }
    return draft.order() != nil
  }

  private func insert(_ draft: inout Draft, above node: Int, _ make: (inout Draft) -> Int) {
    let kept = draft.nodes.count
    let made = make(&draft)
    draft.replace(node, by: made, except: Array(kept..<draft.nodes.count))
  }

  /// Another operation that takes the operands there are.
  private func swapOperation(
    in draft: inout Draft, _ operations: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    guard let node = choices.pick(operations), case .operation(let old) = draft.nodes[node].kind
    else { return false }
    let others = Self.exchanged.filter {
      $0 != old && space.allows($0.name)
        && $0.operandCount.contains(draft.nodes[node].operands.count)
    }
    guard let other = choices.pick(others) else { return false }
    draft.nodes[node].kind = .operation(other)
    return true
  }

  /// Blends a value with a previous state, or scales it, by a fresh gate.
  private func insertGate(
    in draft: inout Draft, _ nodes: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    guard let node = choices.pick(nodes) else { return false }
    let isOutput = choices.chance(0.4)
    let target = isOutput ? draft.next[choices.below(draft.next.count)] : node
    let state = 1 + choices.below(draft.next.count)
    let blends = choices.chance(0.65)
    let blocks = space.drawBlocks(&choices)
    insert(&draft, above: target) {
      let gate = $0.gate([0, state], blocks: blocks)
      return blends ? $0.apply("blend", gate, target, state) : $0.apply("multiply", gate, target)
    }
    return true
  }

  /// Adds, exchanges or removes an operand of a linear map, or scales it by a learned vector instead.
  private func changeMap(
    in draft: inout Draft, _ maps: [Int], _ order: [Int], _ choices: inout Choices
  ) -> Bool {
    guard let map = choices.pick(maps), let source = choices.pick(order + [0, 1]) else {
      return false
    }
    let place = choices.below(draft.nodes[map].operands.count)
    switch choices.below(4) {
    case 0 where draft.nodes[map].operands.count > 1: draft.nodes[map].operands.remove(at: place)
    case 1: draft.nodes[map].operands[place] = source
    case 2 where draft.nodes[map].operands.count > 1 && draft.nodes[map].operands[place] != 0:
      let operand = draft.nodes[map].operands.remove(at: place)
      insert(&draft, above: map) {
        $0.apply("add", map, $0.apply("multiply", $0.add(.vector), operand))
      }
    default: draft.nodes[map].operands.append(source)
    }
    return true
  }

  /// Halves or doubles a constant, or what a share of nearly one leaves over.
  private func changeConstant(
    in draft: inout Draft, _ order: [Int], _ choices: inout Choices
  ) -> Bool {
    guard let node = choices.pick(order.filter(draft.isConstant)),
      case .constant(let value) = draft.nodes[node].kind
    else { return false }
    let factor = choices.chance(0.5) ? 0.5 : 2
    let isShare = value > 0.75 && value < 1
    let changed = isShare ? 1 - (1 - value) * factor : value * factor
    draft.nodes[node].kind = .constant((changed * 1e9).rounded() / 1e9)
    return true
  }

  /// Makes a map block-diagonal, with which a cell of as many weights is larger, or whole again.
  private func changeBlocks(
    in draft: inout Draft, _ maps: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    guard let map = choices.pick(maps),
      case .linear(let hasBias, let old) = draft.nodes[map].kind
    else { return false }
    let blocks = space.drawBlocks(&choices)
    draft.nodes[map].kind = .linear(hasBias: hasBias, blocks: blocks)
    return blocks != old
  }

  /// Makes room for one more state behind the others, and gives it and where a node is then; nil where
  /// there are enough.
  private func makeState(
    in draft: inout Draft, _ nodes: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> (state: Int, reader: Int)? {
    guard draft.next.count < space.mostStates, let node = choices.pick(nodes) else {
      return nil
    }
    let state = draft.makeState()
    return (state, node > state ? node + 1 : node)
  }

  /// A gated memory beside the others, read by one node.
  private func addState(
    to draft: inout Draft, _ nodes: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    guard let (state, reader) = makeState(in: &draft, nodes, space, &choices) else { return false }
    let candidate = draft.apply("tanh", draft.linear([0, 1], blocks: space.drawBlocks(&choices)))
    let gate = draft.gate([0, 1], blocks: space.drawBlocks(&choices))
    draft.next.append(draft.apply("blend", gate, 1 + state, candidate))
    if case .linear = draft.nodes[reader].kind {
      draft.nodes[reader].operands.append(1 + state)
    } else {
      let value = choices.chance(0.5) ? draft.next[state] : 1 + state
      insert(&draft, above: reader) { $0.apply("add", reader, value) }
    }
    return true
  }

  /// A state that is the running mean of x, or of what a gate lets through, added to the output or to a node.
  ///
  /// Where embedding and softmax are tied, that makes likelier what was said before, as a cache does (Kuhn
  /// and De Mori 1990, doi:10.1109/34.56193), without a weight that could learn the training text by heart.
  /// Added to the output, it is most often kept from the rest of the cell, which then reads a state of its own
  /// in place of h. How much is read may be learned, and it may also be mapped, which says what goes with the
  /// words that were said (the context of Mikolov et al. 2015, arXiv:1412.7753).
  private func addMean(
    to draft: inout Draft, _ nodes: [Int], _ space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    let isOutput = choices.chance(0.6)
    var memory = 1
    if isOutput, choices.chance(0.7), draft.next.count + 2 <= space.mostStates,
      let (own, _) = makeState(in: &draft, nodes, space, &choices)
    {
      draft.next.append(draft.next[0])
      draft.replace(1, by: 1 + own)
      memory = 1 + own
    }
    guard let (state, reader) = makeState(in: &draft, nodes, space, &choices) else { return false }
    let share = choices.pick([0.1, 0.05, 0.02, 0.01]) ?? 0.02
    func scaled(_ factor: Double, _ node: Int) -> Int {
      factor == 1 ? node : draft.apply("multiply", draft.add(.constant(factor)), node)
    }
    let kept = choices.chance(0.5) ? gated(&draft, memory, space, &choices) : 0
    draft.next.append(draft.apply("add", scaled(1 - share, 1 + state), scaled(share, kept)))
    var read =
      choices.chance(0.4)
      ? draft.apply("multiply", draft.add(.vector), draft.next[state])
      : scaled(choices.pick([1, 2, 4]) ?? 1, draft.next[state])
    if isOutput {
      if choices.chance(0.3) {
        let mapped = draft.add(
          .linear(hasBias: false, blocks: space.drawBlocks(&choices)), [draft.next[state]])
        read = draft.apply("add", read, mapped)
      }
      draft.next[0] = draft.apply("add", draft.next[0], read)
    } else {
      insert(&draft, above: reader) { $0.apply("add", reader, read) }
    }
    return true
  }

  /// What a gate lets through of x: of x and a state, or of a map that is there, which takes no matrix from the
  /// rest of the cell.
  private func gated(
    _ draft: inout Draft, _ memory: Int, _ space: SearchSpace, _ choices: inout Choices
  ) -> Int {
    let maps = (draft.order() ?? []).filter {
      if case .linear = draft.nodes[$0].kind { true } else { false }
    }
    let gate =
      if choices.chance(0.6), let map = choices.pick(maps) {
        draft.apply("sigmoid", draft.apply("add", draft.add(.vector), map))
      } else {
        draft.gate([0, memory], blocks: space.drawBlocks(&choices))
      }
    return draft.apply("multiply", gate, 0)
  }
}
