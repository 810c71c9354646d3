import Cells
import Kernels

extension PlanBuilder {
  mutating func emitForward() {
    var started: Set<Int> = []
    for stage in schedule.hoisted { emitForward(stage, to: \.hoisted, started: &started) }
    for stage in schedule.step { emitForward(stage, to: \.step, started: &started) }
    for (state, node) in graph.next.enumerated() where claims[node] != state {
      let columns = plan.states[state].columns
      emit(
        .slot(valueSlot[node]), into: slot(.nextState, index: state, columns: columns),
        columns: columns, to: \.step)
    }
  }

  private mutating func emitForward(
    _ stage: Schedule.Stage, to stages: WritableKeyPath<Plan, [Stage]>, started: inout Set<Int>
  ) {
    switch stage {
    case .products(let tasks): emitProducts(tasks, to: stages, started: &started)
    case .chain(let nodes):
      emitChain(nodes.filter { !isInlined[$0] }, to: stages)
    case .normalize(let index):
      let node = graph.nodes[index]
      let auxiliary =
        plan.keepsTape || node.isHoisted ? tapeSlot(columns: 16) : stepSlot(columns: 16)
      deviationSlot[index] = auxiliary
      plan[keyPath: stages].append(
        Stage(
          kind: .normalize, strips: node.columns.strips, columns: node.columns,
          operand: valueSlot[node.operands[0]], result: valueSlot[index], auxiliary: auxiliary))
    }
  }

  private mutating func emitChain(_ nodes: [Int], to stages: WritableKeyPath<Plan, [Stage]>) {
    var lastReader: [Int: Int] = [:]
    for node in nodes { for read in tilesRead(by: node) { lastReader[read] = node } }
    for node in nodes {
      let columns = graph.nodes[node].columns
      if isInTile[node] { valueSlot[node] = slot(.tile, index: tiles.take(), columns: columns) }
      emit(formula(node), into: valueSlot[node], columns: columns, to: stages)
      for read in Set(tilesRead(by: node)).sorted() where lastReader[read] == node {
        tiles.giveBack(plan.slots[valueSlot[read]].index)
      }
    }
  }

  /// The nodes in tiles that the formula of a node reads.
  private func tilesRead(by node: Int) -> [Int] {
    graph.nodes[node].operands.flatMap { operand in
      isInlined[operand] ? tilesRead(by: operand) : isInTile[operand] ? [operand] : []
    }
  }

  /// A node's value as a term over places, with the formulas of inlined operands written in.
  func formula(_ index: Int) -> Term {
    guard let value = graph.value(index) else { return .slot(valueSlot[index]) }
    return Term(
      value,
      operands: graph.nodes[index].operands.map { operand in
        if case .constant(let number) = graph.nodes[operand].kind { return .constant(number) }
        return isInlined[operand] ? formula(operand) : .slot(valueSlot[operand])
      })
  }

  /// One product for each run of affine nodes that read the same operand and lie one behind another in
  /// memory: values, weights and biases.
  private mutating func emitProducts(
    _ tasks: [Schedule.Task], to stages: WritableKeyPath<Plan, [Stage]>, started: inout Set<Int>
  ) {
    let order = Dictionary(
      uniqueKeysWithValues: schedule.affines.enumerated().map { ($1, $0) })
    let sorted = tasks.sorted {
      func key(_ task: Schedule.Task) -> (Int, Int, Int) {
        (operand(task), order[task.affine] ?? 0, task.position)
      }
      return key($0) < key($1)
    }
    let first = plan.products.count
    for task in sorted {
      let node = graph.nodes[task.affine]
      guard case .affine(let products, let bias) = node.kind else { continue }
      let product = products[task.position]
      let entry = places[product.parameter]
      let source = operand(task)
      let segment = SegmentPlan(
        slot: valueSlot[source], k: graph.nodes[source].columns,
        offset: product.isTransposed ? packed(entry) : entry.offset,
        isPacked: product.isTransposed)
      let isFirst = started.insert(task.affine).inserted
      let biasOffset = bias.map { places[$0].offset }
      let initial: ProductPlan.Initial = isFirst ? (biasOffset == nil ? .zero : .bias) : .accumulate
      let made = ProductPlan(
        firstSegment: plan.segments.count, segmentCount: 1, c: valueSlot[task.affine],
        strips: node.columns.strips, columns: node.columns, initial: initial, bias: biasOffset ?? 0)
      if plan.products.count > first, let last = plan.products.last, extends(last, made, segment) {
        plan.products[plan.products.count - 1].strips += made.strips
      } else {
        plan.segments.append(segment)
        plan.products.append(made)
      }
    }
    plan[keyPath: stages].append(
      Stage(kind: .products, first: first, count: plan.products.count - first))
  }

  func operand(_ task: Schedule.Task) -> Int { graph.nodes[task.affine].operands[task.position] }

  private func extends(_ last: ProductPlan, _ next: ProductPlan, _ segment: SegmentPlan) -> Bool {
    let before = plan.segments[last.firstSegment]
    return before.slot == segment.slot && before.isPacked == segment.isPacked
      && before.k == segment.k && last.columns == next.columns
      && before.offset + last.strips * 16 * before.k == segment.offset
      && isBehind(last.c, last.strips, next.c) && last.initial == next.initial
      && (next.initial != .bias || last.bias + last.strips * 16 == next.bias)
  }

  /// Whether slot `b` begins where the strips of slot `a` end.
  func isBehind(_ a: Int, _ strips: Int, _ b: Int) -> Bool {
    plan.slots[a].storage == plan.slots[b].storage
      && [.tape, .step].contains(plan.slots[a].storage)
      && plan.slots[a].index + strips == plan.slots[b].index
  }
}
