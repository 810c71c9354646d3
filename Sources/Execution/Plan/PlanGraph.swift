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
    /// Computed from x and parameters alone: outside the time loop.
    var isHoisted = false
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

  /// - Throws: `.invalidArgument` for a matrix applied to a bare number.
  init(_ graph: Graph, inputSize: Int, hiddenSize: Int) throws(Failure) {
    var place: [[Int: Int]] = Array(repeating: [:], count: graph.nodes.count)
    func columns(_ size: Size, of wanted: Int) -> Int {
      size == .scalar ? wanted : size.count(inputSize: inputSize, hiddenSize: hiddenSize)
    }
    /// A copy in rows of a learned vector or a number, for what cannot read them otherwise.
    func spread(_ operand: Int) -> Int {
      switch nodes[operand].kind {
      case .parameter, .constant: break
      case .input, .state, .affine, .operation: return operand
      }
      guard let identity = Operation.named("identity") else { return operand }
      nodes.append(
        Node(kind: .operation(identity), operands: [operand], columns: nodes[operand].columns))
      return nodes.count - 1
    }
    /// Adds the node at the size wanted of it, after its operands, once. The stack replaces
    /// recursion, so that a deep graph cannot overflow the caller's.
    func add(_ root: Int, _ wanted: Int) throws(Failure) -> Int {
      var stack: [(node: Int, columns: Int, ready: Bool)] = [
        (root, columns(graph.nodes[root].size, of: wanted), false)
      ]
      while let (node, width, ready) = stack.popLast() {
        if place[node][width] != nil { continue }
        let source = graph.nodes[node]
        var operandWidth = width
        if case .affine = source.kind { operandWidth = 1 }
        let operands = source.operands.map { ($0, columns(graph.nodes[$0].size, of: operandWidth)) }
        if !ready {
          stack.append((node, width, true))
          for (operand, width) in operands.reversed() { stack.append((operand, width, false)) }
          continue
        }
        if case .affine = source.kind,
          source.operands.contains(where: { graph.nodes[$0].size == .scalar })
        {
          throw .invalid("a matrix cannot be applied to a bare number; multiply it instead")
        }
        var made = Node(
          kind: source.kind, operands: operands.compactMap { place[$0.0][$0.1] }, columns: width)
        if source.kind.needsRows { made.operands = made.operands.map { spread($0) } }
        place[node][width] = nodes.count
        nodes.append(made)
      }
      return place[root][columns(graph.nodes[root].size, of: wanted)] ?? 0
    }
    for state in graph.states {
      next.append(
        try add(
          state.next, state.size.count(inputSize: inputSize, hiddenSize: hiddenSize)))
    }
    for index in nodes.indices {
      let node = nodes[index]
      switch node.kind {
      case .input, .constant, .parameter: nodes[index].isHoisted = true
      case .state: nodes[index].isHoisted = false
      case .affine, .operation:
        nodes[index].isHoisted = node.operands.allSatisfy { nodes[$0].isHoisted }
      }
      for operand in node.operands { nodes[operand].uses += 1 }
    }
    for node in next { nodes[node].uses += 1 }
  }

  /// The element-wise formulas of an operation node, or nil for other nodes.
  func value(_ index: Int) -> Expression? {
    guard case .operation(let operation) = nodes[index].kind,
      case .elementwise(let value, _) = operation.rule
    else { return nil }
    return value(nodes[index].operands.indices.map { .operand($0) })
  }

  /// The gradient of each operand of an element-wise operation node.
  func derivative(_ index: Int) -> [Expression] {
    guard case .operation(let operation) = nodes[index].kind,
      case .elementwise(_, let derivative) = operation.rule
    else { return [] }
    return derivative(nodes[index].operands.indices.map { .operand($0) }, .result, .gradient)
  }
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
