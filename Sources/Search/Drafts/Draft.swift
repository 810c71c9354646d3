import Cells
import Kernels

/// A cell in the making: nodes in any order, so that they can be added, removed and rewired freely.
///
/// Nodes 0 and 1 + i are always x and the previous value of state i. What nothing reads is left out when
/// the cell is made.
package struct Draft: Sendable {
  package enum Kind: Hashable, Sendable {
    case input
    case state(Int)
    case constant(Double)
    /// A fresh matrix for each operand, block-diagonal where there is more than one block, and, if wanted, a
    /// bias.
    case linear(hasBias: Bool, blocks: Int = 1)
    /// A learned vector of its own.
    case vector
    /// A learned number of its own, by this name.
    case scalar(String)
    case operation(Operation)
  }
  package struct Node: Hashable, Sendable {
    package var kind: Kind
    package var operands: [Int]
  }

  package var nodes: [Node]
  /// The node that each state becomes; state 0 is h.
  package var next: [Int]

  /// x and the previous states; what they become is still open.
  package init(stateCount: Int) {
    nodes = [Node(kind: .input, operands: [])]
    nodes += (0..<stateCount).map { Node(kind: .state($0), operands: []) }
    next = [Int](repeating: 1, count: stateCount)
  }

  /// A written cell; nil for what a draft cannot say (shared or transposed matrices).
  package init?(_ cell: Cell) {
    let graph = cell.graph
    self.init(stateCount: graph.states.count)
    var place = [Int](repeating: 0, count: graph.nodes.count)
    var uses = [Int](repeating: 0, count: graph.parameters.count)
    for (index, node) in graph.nodes.enumerated() {
      let operands = node.operands.map { place[$0] }
      switch node.kind {
      case .input: place[index] = 0
      case .state(let state): place[index] = 1 + state
      case .constant(let value): place[index] = add(.constant(value))
      case .operation(let operation): place[index] = add(.operation(operation), operands)
      case .parameter(let parameter):
        if case .scalar = graph.parameters[parameter].shape {
          place[index] = add(.scalar(graph.parameters[parameter].name))
        } else {
          place[index] = add(.vector)
        }
      case .affine(let products, let bias):
        // A map for each number of blocks, the first with the bias.
        var maps: [(blocks: Int, operands: [Int])] = []
        for (product, operand) in zip(products, operands) {
          uses[product.parameter] += 1
          guard !product.isTransposed, uses[product.parameter] == 1,
            case .matrix(_, _, let blocks) = graph.parameters[product.parameter].shape
          else { return nil }
          if let map = maps.firstIndex(where: { $0.blocks == blocks }) {
            maps[map].operands.append(operand)
          } else {
            maps.append((blocks, [operand]))
          }
        }
        for (number, map) in maps.enumerated() {
          let hasBias = number == 0 && bias != nil
          let made = add(.linear(hasBias: hasBias, blocks: map.blocks), map.operands)
          place[index] = number == 0 ? made : apply("add", place[index], made)
        }
      }
    }
    next = graph.states.map { place[$0.next] }
  }

  package mutating func add(_ kind: Kind, _ operands: [Int] = []) -> Int {
    nodes.append(Node(kind: kind, operands: operands))
    return nodes.count - 1
  }

  /// An operation of the op table, which must exist.
  package mutating func apply(_ name: String, _ operands: Int...) -> Int {
    add(Operation.named(name).map { .operation($0) } ?? .linear(hasBias: true), operands)
  }

  package mutating func linear(_ operands: [Int], blocks: Int = 1) -> Int {
    add(.linear(hasBias: true, blocks: blocks), operands)
  }

  /// A gate: sigmoid of a map of the input and a state.
  package mutating func gate(_ operands: [Int], blocks: Int = 1) -> Int {
    apply("sigmoid", linear(operands, blocks: blocks))
  }

  /// Makes room for one more state behind the others, whose value is still to be appended to `next`, and gives
  /// its index: every node behind it moves by one.
  package mutating func makeState() -> Int {
    let state = next.count
    func moved(_ old: Int) -> Int { old > state ? old + 1 : old }
    for index in nodes.indices { nodes[index].operands = nodes[index].operands.map(moved) }
    next = next.map(moved)
    nodes.insert(Node(kind: .state(state), operands: []), at: 1 + state)
    return state
  }

  /// Points every reader of a node, states included, to another, save the nodes listed.
  package mutating func replace(_ old: Int, by new: Int, except kept: [Int] = []) {
    for index in nodes.indices where !kept.contains(index) {
      for place in nodes[index].operands.indices where nodes[index].operands[place] == old {
        nodes[index].operands[place] = new
      }
    }
    for state in next.indices where next[state] == old { next[state] = new }
  }

  /// Nodes that the output depends on, operands first; nil when nodes read each other in a circle.
  package func order() -> [Int]? {
    var mark = [UInt8](repeating: 0, count: nodes.count)
    var result: [Int] = []
    var isLiveState = [Bool](repeating: false, count: next.count)
    var roots = [0]
    isLiveState[0] = true
    while let state = roots.popLast() {
      // An own stack, as drafts may be deep: a node is entered, then left after its operands.
      var stack = [(node: next[state], isLeaving: false)]
      while let (node, isLeaving) = stack.popLast() {
        if isLeaving {
          mark[node] = 2
          result.append(node)
          continue
        }
        if mark[node] == 2 { continue }
        guard mark[node] == 0 else { return nil }
        mark[node] = 1
        stack.append((node, true))
        if case .state(let read) = nodes[node].kind, !isLiveState[read] {
          isLiveState[read] = true
          roots.append(read)
        }
        for operand in nodes[node].operands.reversed() where mark[operand] != 2 {
          guard mark[operand] == 0 else { return nil }
          stack.append((operand, false))
        }
      }
    }
    return result
  }

  /// The cell, where a space allows its use of x.
  ///
  /// - Throws: as `cell()`, and `.invalidArgument` where x may not meet a state directly, but does.
  package func cell(in space: SearchSpace) throws(Failure) -> Cell {
    let cell = try cell()
    guard space.directInput || !cell.needsEqualSizes else {
      throw .invalid("x meets a state without a matrix, which the study does not allow")
    }
    return cell
  }

  /// The cell.
  ///
  /// - Throws: `.invalidArgument` for a circle, and what `Cell.init(graph:)` throws.
  package func cell() throws(Failure) -> Cell {
    guard let order = order() else { throw .invalid("nodes of the draft read each other") }
    var builder = GraphBuilder()
    let names = ["h", "c", "d", "e"]
    guard next.count <= names.count else { throw .invalid("a draft has at most 4 states") }
    var place = [Int](repeating: 0, count: nodes.count)
    var isLive = [Bool](repeating: false, count: next.count)
    isLive[0] = true
    for node in order {
      if case .state(let state) = nodes[node].kind { isLive[state] = true }
    }
    for state in next.indices where isLive[state] { place[1 + state] = builder.state(names[state]) }
    var vectors = 0
    for node in order {
      let operands = nodes[node].operands.map { place[$0] }
      switch nodes[node].kind {
      case .input: place[node] = builder.input
      case .state: break
      case .constant(let value): place[node] = builder.constant(value)
      case .linear(let hasBias, let blocks):
        place[node] = builder.linear(operands, hasBias: hasBias, blocks: blocks)
      case .vector:
        vectors += 1
        place[node] = builder.vector("p\(vectors)")
      case .scalar(let name): place[node] = builder.scalar(name)
      case .operation(let operation): place[node] = builder.apply(operation, operands)
      }
    }
    for state in next.indices where isLive[state] {
      builder.setNext(names[state], place[next[state]])
    }
    return try builder.cell()
  }
}
