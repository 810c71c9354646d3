import Cells
import Kernels

extension PlanBuilder {
  mutating func emitForward() {
    var started = [Bool](repeating: false, count: graph.nodes.count)
    for (level, stages) in schedule.hoisted.enumerated() {
      for stage in stages { emitForward(stage, to: .hoisted(level), started: &started) }
      copyNextStates(level)
    }
    for stage in schedule.step { emitForward(stage, to: .step, started: &started) }
    copyNextStates(nil)
  }

  /// Copies the values of that level that were not computed straight into a state's memory.
  private mutating func copyNextStates(_ level: Int?) {
    for (state, node) in graph.next.enumerated()
    where claims[node] != state && graph.nodes[node].level == level {
      let columns = plan.states[state].columns
      emit(
        .slot(valueSlot[node]), into: slot(.nextState, index: state, columns: columns),
        columns: columns, to: level.map { .hoisted($0) } ?? .step)
    }
  }

  private mutating func emitForward(
    _ stage: Schedule.Stage, to phase: Phase, started: inout [Bool]
  ) {
    switch stage {
    case .products(let tasks): emitProducts(tasks, to: phase, started: &started)
    case .chain(let nodes):
      emitChain(nodes.filter { !isInlined[$0] }, to: phase)
    case .normalize(let index):
      let node = graph.nodes[index]
      let auxiliary =
        plan.keepsTape || node.isHoisted ? tapeSlot(columns: 16) : stepSlot(columns: 16)
      deviationSlot[index] = auxiliary
      plan[phase].append(
        Stage(
          kind: .normalize, strips: node.columns.strips, columns: node.columns,
          operand: valueSlot[node.operands[0]], result: valueSlot[index], auxiliary: auxiliary))
    }
  }

  private mutating func emitChain(_ nodes: [Int], to phase: Phase) {
    let reads = nodes.map { tilesRead(by: $0) }
    // How many nodes are still to read each tile.
    var readers = [Int](repeating: 0, count: graph.nodes.count)
    for read in reads.joined() { readers[read] += 1 }
    for (node, reads) in zip(nodes, reads) {
      let columns = graph.nodes[node].columns
      if isInTile[node] { valueSlot[node] = slot(.tile, index: tiles.take(), columns: columns) }
      emit(formula(node), into: valueSlot[node], columns: columns, to: phase)
      for read in reads {
        readers[read] -= 1
        if readers[read] == 0 { tiles.giveBack(plan.slots[valueSlot[read]].index) }
      }
    }
  }

  /// The nodes in tiles that the formula of a node reads, as often as it does.
  private func tilesRead(by node: Int) -> [Int] {
    var reads: [Int] = []
    for operand in graph.nodes[node].operands {
      if isInlined[operand] {
        reads += tilesRead(by: operand)
      } else if isInTile[operand] {
        reads.append(operand)
      }
    }
    return reads
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
    _ tasks: [Schedule.Task], to phase: Phase, started: inout [Bool]
  ) {
    let sorted = tasks.sorted {
      func key(_ task: Schedule.Task) -> (Int, Int, Int) {
        (operand(task), schedule.affineOrder[task.affine], task.position)
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
        offset: product.isTransposed ? packed(product.parameter) : entry.offset,
        isPacked: product.isTransposed)
      let isFirst = !started[task.affine]
      started[task.affine] = true
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
    // Threads that share strips do so product by product, and meet behind a stage only: what is added to
    // strips of another product, but not to all of them and no others, waits for the next stage.
    var start = first
    for index in first..<plan.products.count {
      let clashes = plan.products[start..<index].contains { isPartly($0, plan.products[index]) }
      guard clashes else { continue }
      plan[phase].append(Stage(kind: .products, first: start, count: index - start))
      start = index
    }
    plan[phase].append(
      Stage(kind: .products, first: start, count: plan.products.count - start))
  }

  /// Whether two products have some strips of their results in common, but not the same ones.
  private func isPartly(_ a: ProductPlan, _ b: ProductPlan) -> Bool {
    let (one, other) = (plan.slots[a.c], plan.slots[b.c])
    guard one.storage == other.storage else { return false }
    let ranges = (one.index..<one.index + a.strips, other.index..<other.index + b.strips)
    return ranges.0 != ranges.1 && ranges.0.overlaps(ranges.1)
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
