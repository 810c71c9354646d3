import Cells
import Kernels

/// One of a plan's lists of stages; outside the loop there is one for each level.
enum Phase {
  case hoisted(Int), step, backwardStep, backwardHoisted(Int)
}

extension Plan {
  subscript(phase: Phase) -> [Stage] {
    get {
      switch phase {
      case .hoisted(let level): hoisted[level]
      case .step: step
      case .backwardStep: backwardStep
      case .backwardHoisted(let level): backwardHoisted[level]
      }
    }
    _modify {
      switch phase {
      case .hoisted(let level): yield &hoisted[level]
      case .step: yield &step
      case .backwardStep: yield &backwardStep
      case .backwardHoisted(let level): yield &backwardHoisted[level]
      }
    }
  }
}

/// Turns a cell into a plan.
struct PlanBuilder {
  let graph: PlanGraph
  let schedule: Schedule
  /// Offset of each of the cell's parameters in the weights, and whether it is a matrix of how many
  /// rows and columns.
  let places: [ParameterEntry]
  var plan: Plan

  /// Place of each node's value; 0 where it has none of its own.
  var valueSlot: [Int]
  /// Place of each affine node's gradient.
  var affineGradient: [Int]
  /// Which state's memory holds the node's value, where the node is computed straight into it.
  var claims: [Int?]
  /// Nodes whose formula is written into the formula of their only user.
  var isInlined: [Bool]
  /// Nodes whose value backward reads from memory.
  var isKept: [Bool]
  /// Nodes whose value lives in a tile of its chain.
  var isInTile: [Bool]
  var tiles = TileAllocator()
  /// The slots of `plan.constants`.
  var constantSlots: [Int] = []
  /// Where the transpose or the spread scalar of each parameter is; -1 for none.
  var packedOffsets: [Int]

  // MARK: Backward
  /// Place of each node's gradient; 0 before anything flowed into it.
  var gradientSlot: [Int]
  /// Whether the gradient's place holds something to add to.
  var isSet: [Bool]
  /// Place of each layer norm's reciprocal deviation.
  var deviationSlot: [Int]
  /// Values that the present stage has computed again: the node and the place.
  var recomputed: [(node: Int, slot: Int)] = []
  /// How many nodes wait to read the gradient in a tile, by its slot.
  var tileReaders: [Int] = []

  init(
    states: [StateVariable], _ graph: PlanGraph, _ schedule: Schedule, inputSize: Int,
    hiddenSize: Int,
    places: [ParameterEntry], keepsTape: Bool
  ) {
    self.graph = graph
    self.schedule = schedule
    self.places = places
    plan = Plan(inputSize: inputSize, hiddenSize: hiddenSize, keepsTape: keepsTape)
    let count = graph.nodes.count
    let (none, no) = (Array(repeating: 0, count: count), Array(repeating: false, count: count))
    (valueSlot, affineGradient, gradientSlot, deviationSlot) = (none, none, none, none)
    (isInlined, isKept, isInTile, isSet) = (no, no, no, no)
    claims = Array(repeating: nil, count: count)
    packedOffsets = Array(repeating: -1, count: places.count)
    _ = slot(.none, columns: 0)
    plan.hoisted = Array(repeating: [], count: graph.levels)
    plan.backwardHoisted = plan.hoisted
    for (index, state) in states.enumerated() {
      let columns = state.size.count(inputSize: inputSize, hiddenSize: hiddenSize)
      plan.states.append(
        StatePlace(
          name: state.name, columns: columns, strip: plan.stateStrips,
          isHoisted: graph.stateLevels[index] != nil))
      plan.stateStrips += columns.strips
    }
  }

  consuming func build() -> Plan {
    findClaims()
    findKept()
    findInlined()
    placeValues()
    emitForward()
    if plan.keepsTape {
      emitBackward()
      emitWeightGradients()
    }
    plan.tileSlots = tiles.count
    return plan
  }

  // MARK: Places

  mutating func slot(_ storage: Storage, index: Int = 0, columns: Int) -> Int {
    plan.slots.append(Slot(storage: storage, index: index, columns: columns))
    tileReaders.append(1)
    return plan.slots.count - 1
  }

  mutating func tapeSlot(columns: Int) -> Int {
    plan.tapeStrips += columns.strips
    return slot(.tape, index: plan.tapeStrips - columns.strips, columns: columns)
  }

  mutating func stepSlot(columns: Int) -> Int {
    plan.stepStrips += columns.strips
    return slot(.step, index: plan.stepStrips - columns.strips, columns: columns)
  }

  mutating func constantSlot(_ value: Float) -> Int {
    if let known = plan.constants.firstIndex(where: { $0.bitPattern == value.bitPattern }) {
      return constantSlots[known]
    }
    plan.constants.append(value)
    constantSlots.append(slot(.constant, index: plan.constants.count - 1, columns: 0))
    return constantSlots[constantSlots.count - 1]
  }

  /// Where something derived from the weights of a parameter is kept; see `Packing`.
  mutating func packed(_ parameter: Int) -> Int {
    if packedOffsets[parameter] >= 0 { return packedOffsets[parameter] }
    let entry = places[parameter]
    let offset = plan.packedFloats
    let isMatrix = entry.role == .weight
    plan.packings.append(
      Packing(
        source: entry.offset, offset: offset, rows: isMatrix ? entry.rows : 0,
        columns: entry.columns))
    plan.packedFloats += isMatrix ? entry.columns.strips * 16 * entry.rows : 16
    packedOffsets[parameter] = offset
    return offset
  }

  // MARK: What lives where

  /// An operation whose value becomes a next state is computed straight into the state's memory.
  private mutating func findClaims() {
    for (state, node) in graph.next.enumerated() {
      guard case .operation = graph.nodes[node].kind, claims[node] == nil else { continue }
      claims[node] = state
    }
  }

  /// Marks the values that backward reads, passing on from those that it computes again.
  ///
  /// Users come after what they use, so one pass from the end sees a node when all is known of it.
  private mutating func findKept() {
    guard plan.keepsTape else { return }
    for index in graph.nodes.indices.reversed() {
      let node = graph.nodes[index]
      guard case .operation(let operation) = node.kind else { continue }
      if case .layerNorm = operation.rule {
        isKept[index] = true
        continue
      }
      for (position, formula) in graph.derivative(index).enumerated()
      where graph.nodes[node.operands[position]].needsGradient {
        if formula.reads(nil) { isKept[index] = true }
        for operand in node.operands.indices where formula.reads(operand) {
          isKept[node.operands[operand]] = true
        }
      }
      if isKept[index], isRecomputed(index) {
        for operand in node.operands { isKept[operand] = true }
      }
    }
  }

  /// Whether backward computes the value again instead of reading it from the tape.
  func isRecomputed(_ index: Int) -> Bool {
    guard let value = graph.value(index), value.isCheap, claims[index] == nil else { return false }
    return !isAffineOperand(index)
      && !graph.nodes[index].operands.contains { graph.nodes[$0].isAffine }
  }

  func isAffineOperand(_ index: Int) -> Bool {
    graph.users[index].contains { graph.nodes[$0].isAffine }
  }

  private mutating func findInlined() {
    for index in graph.nodes.indices {
      guard let value = graph.value(index), value.isCheap, graph.nodes[index].uses == 1,
        !isKept[index] || isRecomputed(index), !graph.next.contains(index),
        let user = graph.users[index].first, let formula = graph.value(user),
        schedule.stageOf[user] == schedule.stageOf[index],
        let position = graph.nodes[user].operands.firstIndex(of: index),
        formula.readCount(position) == 1
      else { continue }
      isInlined[index] = true
    }
  }

  private mutating func placeValues() {
    for index in graph.nodes.indices where graph.nodes[index].isLeaf { placeLeaf(index) }
    // In the schedule's order, so that what merges is contiguous.
    for index in schedule.affines {
      let node = graph.nodes[index]
      let hasHoistedPart = node.operands.contains { graph.nodes[$0].isHoisted }
      valueSlot[index] =
        plan.keepsTape || hasHoistedPart
        ? tapeSlot(columns: node.columns) : stepSlot(columns: node.columns)
    }
    for index in graph.nodes.indices {
      if case .operation = graph.nodes[index].kind, !isInlined[index] { placeOperation(index) }
    }
    guard plan.keepsTape else { return }
    for index in schedule.affines {
      // Backward overwrites the affine value, or the activation in its place, with the gradient.
      let user = inPlaceUser(of: index)
      let isFree =
        !isKept[index] && !isAffineOperand(index) && !(user.map { isAffineOperand($0) } ?? false)
      affineGradient[index] =
        isFree ? valueSlot[index] : tapeSlot(columns: graph.nodes[index].columns)
    }
  }

  private mutating func placeLeaf(_ index: Int) {
    let node = graph.nodes[index]
    switch node.kind {
    case .input: valueSlot[index] = slot(.input, columns: node.columns)
    case .state(let state):
      valueSlot[index] = slot(.previousState, index: state, columns: node.columns)
    case .constant(let value): valueSlot[index] = constantSlot(Float(value))
    case .parameter(let parameter):
      let entry = places[parameter]
      valueSlot[index] =
        entry.role == .scalar
        ? slot(.scalar, index: packed(parameter), columns: node.columns)
        : slot(.vector, index: entry.offset, columns: node.columns)
    case .affine, .operation: break
    }
  }

  private mutating func placeOperation(_ index: Int) {
    let node = graph.nodes[index]
    let isUsedElsewhere =
      graph.users[index].contains { schedule.stageOf[$0] != schedule.stageOf[index] }
      || graph.next.contains(index)
    var isNorm = false
    if case .operation(let operation) = node.kind, case .layerNorm = operation.rule {
      isNorm = true
    }
    if let state = claims[index] {
      valueSlot[index] = slot(.nextState, index: state, columns: node.columns)
    } else if let affine = node.operands.first, inPlaceUser(of: affine) == index {
      valueSlot[index] = valueSlot[affine]
    } else if plan.keepsTape, isAffineOperand(index) || (isKept[index] && !isRecomputed(index)) {
      valueSlot[index] = tapeSlot(columns: node.columns)
    } else if isUsedElsewhere || isNorm {
      valueSlot[index] =
        node.isHoisted ? tapeSlot(columns: node.columns) : stepSlot(columns: node.columns)
    } else {
      // In a tile, taken when it is computed and given back after the last read.
      isInTile[index] = true
    }
  }

  /// The activation that is computed in the place of its affine operand: the operand has no other use,
  /// and the derivative does not read it.
  func inPlaceUser(of affine: Int) -> Int? {
    guard graph.nodes[affine].isAffine, graph.nodes[affine].uses == 1,
      let user = graph.users[affine].first, graph.nodes[user].operands.count == 1,
      claims[user] == nil, graph.value(user) != nil, !isKept[affine],
      graph.nodes[user].level == graph.nodes[affine].level
    else { return nil }
    return user
  }
}

/// Numbers the scratch tiles of a chain, and takes back those that are free again.
struct TileAllocator {
  private(set) var count = 0
  private var free: [Int] = []

  mutating func take() -> Int {
    if let index = free.popLast() { return index }
    count += 1
    return count - 1
  }

  mutating func giveBack(_ index: Int) { free.append(index) }
}

extension Expression {
  /// How often the formula reads an operand.
  func readCount(_ operand: Int) -> Int {
    switch self {
    case .operand(let index): index == operand ? 1 : 0
    case .result, .gradient, .constant: 0
    case .apply(_, let arguments, _): arguments.reduce(0) { $0 + $1.readCount(operand) }
    }
  }
}

extension PlanBuilder {
  /// The order in which a cell's parameters lie in memory so that products merge: the matrices of one
  /// operand together, in the order of the maps they belong to; then the biases in that order.
  static func parameterOrder(_ graph: PlanGraph, _ schedule: Schedule, count: Int) -> [Int] {
    let affines = schedule.affines
    var order: [Int] = []
    var isPlaced = [Bool](repeating: false, count: count)
    func place(_ parameter: Int) {
      guard !isPlaced[parameter] else { return }
      isPlaced[parameter] = true
      order.append(parameter)
    }
    for task in schedule.tasksByOperand(graph) {
      guard case .affine(let products, _) = graph.nodes[task.affine].kind else { continue }
      place(products[task.position].parameter)
    }
    for affine in affines {
      if case .affine(_, let bias?) = graph.nodes[affine].kind { place(bias) }
    }
    for parameter in 0..<count { place(parameter) }
    return order
  }
}
