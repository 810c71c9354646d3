import Cells
import Kernels

/// The backward pass: the stages of the forward pass in reverse, each node handing the gradient of its
/// value on to its operands.
extension PlanBuilder {
  mutating func emitBackward() {
    for (node, state) in claims.enumerated() {
      guard let state, !plan.states[state].isHoisted else { continue }
      gradientSlot[node] = gradient(ofNextState: state)
      isSet[node] = true
    }
    if !plan.states[0].isHoisted { addOutputGradient(in: .backwardStep) }
    for (state, node) in graph.next.enumerated()
    where claims[node] != state && !plan.states[state].isHoisted {
      contribute(.slot(gradient(ofNextState: state)), to: node, in: .backwardStep)
    }
    for stage in schedule.step.reversed() { emitBackward(stage, to: .backwardStep) }
    clearUnread(nil, in: .backwardStep)
    for level in schedule.hoisted.indices.reversed() {
      takeStateGradients(level)
      for stage in schedule.hoisted[level].reversed() {
        emitBackward(stage, to: .backwardHoisted(level))
      }
      clearUnread(level, in: .backwardHoisted(level))
    }
    let input = graph.nodes.firstIndex { $0.kind == .input }
    if !(input.map { isSet[$0] } ?? false) {
      emit(
        .constant(0), into: slot(.inputGradient, columns: plan.inputSize),
        columns: plan.inputSize, to: .backwardHoisted(0))
    }
  }

  private mutating func addOutputGradient(in phase: Phase) {
    emit(
      .slot(slot(.outputGradient, columns: plan.hiddenSize)), into: gradient(ofNextState: 0),
      accumulates: true, columns: plan.hiddenSize, to: phase)
  }

  /// Hands on the gradients of states whose next values are of that level: they are complete when the
  /// loop and the levels behind are done.
  private mutating func takeStateGradients(_ level: Int) {
    let phase = Phase.backwardHoisted(level)
    for (state, node) in graph.next.enumerated() where graph.nodes[node].level == level {
      if state == 0 { addOutputGradient(in: phase) }
      contribute(.slot(gradient(ofNextState: state)), to: node, in: phase)
    }
  }

  /// Sets the gradient of previous values that nothing read.
  private mutating func clearUnread(_ level: Int?, in phase: Phase) {
    for (state, place) in plan.states.enumerated()
    where graph.stateLevels[state] == level && !isSetState(state) {
      emit(
        .constant(0), into: gradient(ofPreviousState: state), columns: place.columns, to: phase)
    }
  }

  private mutating func gradient(ofNextState state: Int) -> Int {
    let place = plan.states[state]
    return slot(
      place.isHoisted ? .nextHoistedGradient : .nextStateGradient, index: state,
      columns: place.columns)
  }

  private mutating func gradient(ofPreviousState state: Int) -> Int {
    let place = plan.states[state]
    return slot(
      place.isHoisted ? .previousHoistedGradient : .previousStateGradient, index: state,
      columns: place.columns)
  }

  private func isSetState(_ state: Int) -> Bool {
    graph.nodes.indices.contains { graph.nodes[$0].kind == .state(state) && isSet[$0] }
  }

  private mutating func emitBackward(
    _ stage: Schedule.Stage, to phase: Phase
  ) {
    switch stage {
    case .products(let tasks): emitProductsBackward(tasks, to: phase)
    case .chain(let nodes): emitChainBackward(nodes, to: phase)
    case .normalize(let index):
      let operand = graph.nodes[index].operands[0]
      guard isSet[index], graph.nodes[operand].needsGradient else { return }
      let destination = gradientPlace(operand)
      plan[phase].append(
        Stage(
          kind: .normalizeGradient, columns: graph.nodes[index].columns,
          result: valueSlot[index], auxiliary: deviationSlot[index],
          gradient: gradientSlot[index], destination: destination, accumulates: isSet[operand]))
      isSet[operand] = true
    }
  }

  private mutating func emitChainBackward(
    _ nodes: [Int], to phase: Phase
  ) {
    for index in nodes.reversed() where isSet[index] {
      let node = graph.nodes[index]
      let gradient = gradientSlot[index]
      for (position, formula) in graph.derivative(index).enumerated() {
        let operand = node.operands[position]
        guard graph.nodes[operand].needsGradient else { continue }
        if case .gradient = formula, isPassedOn(to: operand, from: index) {
          gradientSlot[operand] = gradient
          isSet[operand] = true
          tileReaders[gradient] += 1
          continue
        }
        let operands = node.operands.enumerated().map { position, operand in
          formula.reads(position) ? backwardValue(operand, in: phase) : .constant(0)
        }
        let result = formula.reads(nil) ? backwardValue(index, in: phase) : .constant(0)
        contribute(
          Term(formula, operands: operands, result: result, gradient: .slot(gradient)),
          to: operand, in: phase)
      }
      release(gradient)
    }
    for (_, made) in recomputed { tiles.giveBack(plan.slots[made].index) }
    recomputed = []
  }

  /// Whether the operand's gradient is that of its only user, in the same place.
  private func isPassedOn(to operand: Int, from user: Int) -> Bool {
    guard case .operation = graph.nodes[operand].kind, graph.nodes[operand].uses == 1,
      gradientSlot[operand] == 0,
      graph.nodes[operand].level == graph.nodes[user].level
    else { return false }
    return schedule.stageOf[operand] == schedule.stageOf[user]
      || plan.slots[gradientSlot[user]].storage != .tile
  }

  /// Adds the term to the gradient of a node, or makes it the first part.
  private mutating func contribute(
    _ term: Term, to node: Int, in phase: Phase
  ) {
    guard graph.nodes[node].needsGradient else { return }
    let place = gradientPlace(node)
    emit(
      term, into: place, accumulates: isSet[node], columns: graph.nodes[node].columns, to: phase)
    isSet[node] = true
  }

  /// Where the gradient of a node is gathered, chosen when the first part comes.
  private mutating func gradientPlace(_ index: Int) -> Int {
    if gradientSlot[index] != 0 { return gradientSlot[index] }
    let node = graph.nodes[index]
    let made: Int
    switch node.kind {
    case .input: made = slot(.inputGradient, columns: node.columns)
    case .state(let state): made = gradient(ofPreviousState: state)
    case .affine: made = affineGradient[index]
    case .parameter, .constant: made = tapeSlot(columns: node.columns)
    case .operation:
      if isLocal(index) {
        made = slot(.tile, index: tiles.take(), columns: node.columns)
      } else {
        made = node.isHoisted ? tapeSlot(columns: node.columns) : stepSlot(columns: node.columns)
      }
    }
    gradientSlot[index] = made
    return made
  }

  /// Whether all that reads the node stands in the node's own chain.
  private func isLocal(_ index: Int) -> Bool {
    schedule.stageOf[index] >= 0 && !graph.next.contains(index)
      && graph.users[index].allSatisfy { schedule.stageOf[$0] == schedule.stageOf[index] }
  }

  private mutating func release(_ gradient: Int) {
    guard plan.slots[gradient].storage == .tile else { return }
    tileReaders[gradient] -= 1
    if tileReaders[gradient] == 0 { tiles.giveBack(plan.slots[gradient].index) }
  }

  /// A value of the forward pass: from memory, or computed again once for the stage.
  private mutating func backwardValue(
    _ index: Int, in phase: Phase
  ) -> Term {
    let node = graph.nodes[index]
    if case .constant(let value) = node.kind { return .constant(value) }
    guard isRecomputed(index), !isInMemory(index) else { return .slot(valueSlot[index]) }
    if let made = recomputed.first(where: { $0.node == index }) { return .slot(made.slot) }
    let operands = node.operands.map { backwardValue($0, in: phase) }
    let made = slot(.tile, index: tiles.take(), columns: node.columns)
    recomputed.append((index, made))
    if let value = graph.value(index) {
      emit(Term(value, operands: operands), into: made, columns: node.columns, to: phase)
    }
    return .slot(made)
  }

  /// Whether the value outlives its time step.
  private func isInMemory(_ index: Int) -> Bool {
    switch plan.slots[valueSlot[index]].storage {
    case .none, .tile, .step: false
    default: !isInTile[index]
    }
  }

  /// For every operand one product that sums over all maps that read it: the gradients of the maps
  /// times their transposes.
  private mutating func emitProductsBackward(
    _ tasks: [Schedule.Task], to phase: Phase
  ) {
    for task in tasks where !isSet[task.affine] {
      contribute(.constant(0), to: task.affine, in: phase)
    }
    let first = plan.products.count
    for (place, task) in tasks.enumerated() {
      let node = operand(task)
      guard graph.nodes[node].needsGradient,
        !tasks[..<place].contains(where: { operand($0) == node })
      else { continue }
      let firstSegment = plan.segments.count
      for task in tasks where operand(task) == node {
        guard case .affine(let products, _) = graph.nodes[task.affine].kind else { continue }
        let product = products[task.position]
        let entry = places[product.parameter]
        plan.segments.append(
          SegmentPlan(
            slot: gradientSlot[task.affine], k: graph.nodes[task.affine].columns,
            offset: product.isTransposed ? entry.offset : packed(product.parameter),
            isPacked: !product.isTransposed))
      }
      let place = gradientPlace(node)
      plan.products.append(
        ProductPlan(
          firstSegment: firstSegment, segmentCount: plan.segments.count - firstSegment, c: place,
          strips: graph.nodes[node].columns.strips, columns: graph.nodes[node].columns,
          initial: isSet[node] ? .accumulate : .zero))
      isSet[node] = true
    }
    guard plan.products.count > first else { return }
    plan[phase].append(
      Stage(kind: .products, first: first, count: plan.products.count - first))
  }
}
