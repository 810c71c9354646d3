import Cells
import Kernels

/// A cell's graph with sizes put in, and what the planner asks about it.
///
/// Operations on numbers alone (`sigmoid(scalar(s))`) take the size of what uses them, so that every
/// node of a chain has as many columns as its results.
struct PlanGraph {
  struct Node {
    var kind: Cells.Node.Kind
    var operands: [Int]
    var columns: Int
    /// How many times the threads meet before the node can be computed for all steps at once.
    ///
    /// 0 needs x and parameters alone; a state whose next value has a level comes one level later. nil
    /// in the time loop.
    var level: Int?
    var isHoisted: Bool { level != nil }
    /// How many operands of other nodes, and next states, it is.
    var uses = 0
    /// Whether a gradient flows into it.
    var needsGradient: Bool { if case .constant = kind { false } else { true } }

    var isAffine: Bool { if case .affine = kind { true } else { false } }
    /// x, a state, a constant or a parameter: has its place without being computed.
    var isLeaf: Bool {
      switch kind {
      case .input, .state, .constant, .parameter: true
      case .affine, .operation: false
      }
    }
  }

  var nodes: [Node] = []
  /// The node of each next state.
  var next: [Int] = []
  /// The level of each state's previous values; nil for those of the loop.
  private(set) var stateLevels: [Int?] = []
  /// How many levels there are.
  private(set) var levels = 1
  /// The nodes that read each node, each once, in their order.
  private(set) var users: [[Int]] = []
  /// The formulas of the element-wise operations among the nodes.
  private var formulas: [Operation.Formulas?] = []

  /// - Throws: `.invalidArgument` for a matrix applied to a bare number.
  init(_ graph: Graph, inputSize: Int, hiddenSize: Int) throws(Failure) {
    // The node made of each of the graph's at each width: hidden, input and a bare number; -1 for none.
    var place = [Int](repeating: -1, count: 3 * graph.nodes.count)
    nodes.reserveCapacity(graph.nodes.count)
    func key(_ node: Int, _ wanted: Int) -> (index: Int, columns: Int) {
      let size = graph.nodes[node].size
      let columns =
        size == .scalar ? wanted : size.count(inputSize: inputSize, hiddenSize: hiddenSize)
      return (3 * node + (columns == hiddenSize ? 0 : columns == inputSize ? 1 : 2), columns)
    }
    /// A copy in rows of a learned vector or a number, for what cannot read them otherwise.
    func spread(_ operand: Int) -> Int {
      switch nodes[operand].kind {
      case .parameter, .constant: break
      case .input, .state, .affine, .operation: return operand
      }
      nodes.append(
        Node(kind: .operation(.identity), operands: [operand], columns: nodes[operand].columns))
      return nodes.count - 1
    }
    /// Adds the node at the size wanted of it, after its operands, once. The stack replaces
    /// recursion, so that a deep graph cannot overflow the caller's.
    func add(_ root: Int, _ wanted: Int) throws(Failure) -> Int {
      var stack = [(node: root, wanted: wanted, ready: false)]
      while let (node, wanted, ready) = stack.popLast() {
        let (index, width) = key(node, wanted)
        guard place[index] < 0 else { continue }
        let source = graph.nodes[node]
        var operandWidth = width
        if case .affine = source.kind { operandWidth = 1 }
        if !ready, !source.operands.isEmpty {
          stack.append((node, wanted, true))
          for operand in source.operands.reversed() { stack.append((operand, operandWidth, false)) }
          continue
        }
        if case .affine = source.kind,
          source.operands.contains(where: { graph.nodes[$0].size == .scalar })
        {
          throw .invalid("a matrix cannot be applied to a bare number; multiply it instead")
        }
        let needsRows = source.kind.needsRows
        let operands = source.operands.map { operand in
          let made = place[key(operand, operandWidth).index]
          return needsRows ? spread(made) : made
        }
        place[index] = nodes.count
        nodes.append(Node(kind: source.kind, operands: operands, columns: width))
      }
      return place[key(root, wanted).index]
    }
    for state in graph.states {
      next.append(
        try add(
          state.next, state.size.count(inputSize: inputSize, hiddenSize: hiddenSize)))
    }
    users = Array(repeating: [], count: nodes.count)
    for index in nodes.indices {
      for operand in nodes[index].operands {
        nodes[operand].uses += 1
        if users[operand].last != index { users[operand].append(index) }
      }
    }
    for node in next { nodes[node].uses += 1 }
    findLevels()
    // Nodes of one kind share their formulas.
    var known: [(operation: Operation, count: Int, formulas: Operation.Formulas?)] = []
    formulas = nodes.map { node in
      guard case .operation(let operation) = node.kind else { return nil }
      let count = node.operands.count
      if let same = known.first(where: { $0.operation === operation && $0.count == count }) {
        return same.formulas
      }
      known.append((operation, count, operation.formulas(operands: count)))
      return known[known.count - 1].formulas
    }
  }

  /// States that do not depend on themselves, such as `p' = x`, are known before the loop.
  private mutating func findLevels() {
    stateLevels = Array(repeating: nil, count: next.count)
    var isChanging = true
    while isChanging {
      isChanging = false
      for index in nodes.indices {
        var level: Int? = 0
        if case .state(let state) = nodes[index].kind { level = stateLevels[state] }
        for operand in nodes[index].operands {
          guard let own = level, let other = nodes[operand].level else {
            level = nil
            break
          }
          level = max(own, other)
        }
        nodes[index].level = level
      }
      for state in next.indices where stateLevels[state] == nil {
        guard let level = nodes[next[state]].level else { continue }
        stateLevels[state] = level + 1
        levels = max(levels, level + 2)
        isChanging = true
      }
    }
  }

  /// The element-wise formula of an operation node, or nil for other nodes.
  func value(_ index: Int) -> Expression? { formulas[index]?.value }

  /// The gradient of each operand of an element-wise operation node.
  func derivative(_ index: Int) -> [Expression] { formulas[index]?.derivative ?? [] }
}

extension Expression {
  /// Whether the formula reads the operand, or with nil the result.
  func reads(_ operand: Int?) -> Bool {
    switch self {
    case .operand(let index): index == operand
    case .result: operand == nil
    case .gradient, .constant: false
    case .apply(_, let arguments, _): arguments.contains { $0.reads(operand) }
    }
  }

  /// Whether it takes only a few cycles for 16 elements, so that computing it again in backward costs
  /// less than keeping it.
  var isCheap: Bool {
    guard case .apply(let primitive, let arguments, _) = self else { return true }
    switch primitive {
    case .add, .subtract, .multiply, .maximum, .minimum, .multiplyAdd, .scale, .offset, .relu,
      .leakyRelu, .abs, .copy, .positive, .greater:
      return arguments.allSatisfy(\.isCheap)
    default: return false
    }
  }
}

extension Cells.Node.Kind {
  /// Whether its operands must have rows of their own in memory.
  fileprivate var needsRows: Bool {
    switch self {
    case .affine: return true
    case .operation(let operation):
      if case .layerNorm = operation.rule { return true }
      return false
    case .input, .state, .constant, .parameter: return false
    }
  }
}
