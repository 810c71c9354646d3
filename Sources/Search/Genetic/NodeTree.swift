import Cells
import Kernels

/// A cell as a tree of genetic programming (Rawal and Miikkulainen 2018, arXiv:1803.04439).
///
/// The root is h'. Inside are sums, products, tanh, sigmoid and relu, without weights. Leaves are eight
/// weighted sums W_k x + U_k h + b_k, each one map however many leaves read it, and the memories c
/// and d as they were. A memory becomes the value of the element that is tied to it.
///
/// Written, LSTM is `(mul (sigmoid 4) (tanh c=(add (mul (sigmoid 2) c) (mul (sigmoid 1) (tanh 3)))))`.
package struct NodeTree: Hashable, Sendable {
  package enum Element: Hashable, Sendable {
    case add, multiply, tanh, sigmoid, relu
    /// A weighted sum, from 1 to 8.
    case base(Int)
    /// A memory as it was: 0 for c, 1 for d.
    case memory(Int)

    package var arity: Int {
      switch self {
      case .add, .multiply: 2
      case .tanh, .sigmoid, .relu: 1
      case .base, .memory: 0
      }
    }

    static let binary: [Element] = [.add, .multiply]
    /// All of arity one, so that two in a row are what the paper forbids.
    static let nonlinear: [Element] = [.tanh, .sigmoid, .relu]

    var text: String {
      switch self {
      case .add: "add"
      case .multiply: "mul"
      case .tanh: "tanh"
      case .sigmoid: "sigmoid"
      case .relu: "relu"
      case .base(let index): String(index)
      case .memory(let memory):
        NodeTree.memories.indices.contains(memory) ? NodeTree.memories[memory] : "?"
      }
    }

    init?(text: some StringProtocol) {
      switch text {
      case "add": self = .add
      case "mul": self = .multiply
      case "tanh": self = .tanh
      case "sigmoid": self = .sigmoid
      case "relu": self = .relu
      default:
        if let memory = NodeTree.memories.firstIndex(of: String(text)) {
          self = .memory(memory)
        } else if let index = Int(text), (1...NodeTree.baseCount).contains(index) {
          self = .base(index)
        } else {
          return nil
        }
      }
    }
  }

  package struct Node: Hashable, Sendable {
    package var element: Element
    /// The memory that becomes this node's value.
    package var tie: Int?

    package init(_ element: Element, tie: Int? = nil) {
      self.element = element
      self.tie = tie
    }
  }

  package static let memories = ["c", "d"]
  package static let baseCount = 8
  /// Elements with arguments on the longest way from the root to a leaf.
  package static let maxHeight = 15
  /// Elements in all.
  ///
  /// The paper has no bound; this is eight LSTMs, beyond which cells are only slow.
  package static let maxSize = 128

  /// In preorder: each element, then its arguments.
  package var nodes: [Node]

  package init(_ nodes: [Node]) { self.nodes = nodes }

  package static let lstm = NodeTree([
    Node(.multiply), Node(.sigmoid), Node(.base(4)), Node(.tanh), Node(.add, tie: 0),
    Node(.multiply), Node(.sigmoid), Node(.base(2)), Node(.memory(0)),
    Node(.multiply), Node(.sigmoid), Node(.base(1)), Node(.tanh), Node(.base(3)),
  ])

  // MARK: Shape

  package var size: Int { nodes.count }

  /// Where the subtree at a place ends.
  package func end(of place: Int) -> Int {
    var missing = 1
    var place = place
    while missing > 0, place < nodes.count {
      missing += nodes[place].element.arity - 1
      place += 1
    }
    return place
  }

  /// The places of each node's arguments, -1 for none; nil for what is no tree.
  var children: [(first: Int, second: Int)]? {
    var result = [(first: Int, second: Int)](repeating: (-1, -1), count: nodes.count)
    // Elements that wait for arguments.
    var open: [(place: Int, missing: Int)] = []
    for (place, node) in nodes.enumerated() {
      if let last = open.indices.last {
        let parent = open[last].place
        if result[parent].first < 0 {
          result[parent].first = place
        } else {
          result[parent].second = place
        }
        open[last].missing -= 1
        if open[last].missing == 0 { open.removeLast() }
      } else if place > 0 {
        return nil
      }
      if node.element.arity > 0 { open.append((place, node.element.arity)) }
    }
    return nodes.isEmpty || !open.isEmpty ? nil : result
  }

  /// The parent of each node, -1 for the root's.
  var parents: [Int] {
    var result = [Int](repeating: -1, count: nodes.count)
    for (place, own) in (children ?? []).enumerated() {
      if own.first >= 0 { result[own.first] = place }
      if own.second >= 0 { result[own.second] = place }
    }
    return result
  }

  /// Elements with arguments on the longest way from the root to a leaf; 0 for a leaf.
  package var height: Int {
    let parents = parents
    var depths = [Int](repeating: 0, count: nodes.count)
    for place in nodes.indices where parents[place] >= 0 {
      depths[place] = depths[parents[place]] + 1
    }
    return depths.max() ?? 0
  }

  /// Whether it is a cell of the paper's space.
  ///
  /// One whole tree within the bounds, no nonlinearity on another, memories tied once and tied where
  /// they are read, and a weighted sum somewhere.
  package var isLegal: Bool {
    guard let children, nodes.count <= Self.maxSize, height <= Self.maxHeight else { return false }
    var ties = Set<Int>()
    var reads = Set<Int>()
    var hasBase = false
    for (place, node) in nodes.enumerated() {
      switch node.element {
      case .base(let index):
        guard (1...Self.baseCount).contains(index) else { return false }
        hasBase = true
      case .memory(let memory):
        guard Self.memories.indices.contains(memory) else { return false }
        reads.insert(memory)
      case .tanh, .sigmoid, .relu:
        guard nodes[children[place].first].element.arity != 1 else { return false }
      case .add, .multiply: break
      }
      if let tie = node.tie {
        guard node.element.arity > 0, Self.memories.indices.contains(tie), ties.insert(tie).inserted
        else { return false }
      }
    }
    return hasBase && reads.isSubset(of: ties)
  }

  // MARK: Text

  /// As an S-expression, which `init(text:)` reads.
  package var text: String {
    var result = ""
    var open: [Int] = []
    for node in nodes {
      if !result.isEmpty { result += " " }
      if let tie = node.tie, Self.memories.indices.contains(tie) {
        result += Self.memories[tie] + "="
      }
      if node.element.arity > 0 {
        result += "(" + node.element.text
        open.append(node.element.arity)
        continue
      }
      result += node.element.text
      // A finished argument may finish what waits for it.
      while let last = open.indices.last {
        open[last] -= 1
        guard open[last] == 0 else { break }
        open.removeLast()
        result += ")"
      }
    }
    return result
  }

  /// What `text` wrote; nil for anything else, and for trees that are not legal.
  package init?(text: some StringProtocol) {
    guard text.utf8.count <= 16 * Self.maxSize else { return nil }
    var nodes: [Node] = []
    for word in text.split(separator: " ") {
      var word = word[...]
      var tie: Int?
      if let memory = Self.memories.firstIndex(where: { word.hasPrefix($0 + "=") }) {
        tie = memory
        word = word.dropFirst(2)
      }
      if word.hasPrefix("(") { word = word.dropFirst() }
      while word.hasSuffix(")") { word = word.dropLast() }
      guard let element = Element(text: word) else { return nil }
      nodes.append(Node(element, tie: tie))
    }
    self.init(nodes)
    // Brackets say what arities say already; the comparison finds those that do not.
    guard isLegal, self.text == String(text) else { return nil }
  }

  // MARK: Cell

  /// The cell; equal weighted sums are one map, and subtrees that are equal are computed once anyway.
  ///
  /// - Throws: `.invalidArgument` for a tree that is not legal.
  package func cell() throws(Failure) -> Cell {
    guard isLegal, let children else { throw .invalid("the tree '\(text)' is not legal") }
    var draft = Draft(stateCount: 1 + Self.memories.count)
    var bases = [Int?](repeating: nil, count: Self.baseCount + 1)
    var values = [Int](repeating: 0, count: nodes.count)
    // Base inputs first, in the order of their reading, so that equations print from the start.
    for (place, node) in nodes.enumerated() {
      guard case .base(let index) = node.element else { continue }
      let base = bases[index] ?? draft.linear([0, 1])
      bases[index] = base
      values[place] = base
    }
    for (place, node) in nodes.enumerated().reversed() {
      switch node.element {
      case .base: break
      case .memory(let memory): values[place] = 2 + memory
      case .tanh, .sigmoid, .relu:
        values[place] = draft.apply(node.element.operationName, values[children[place].first])
      case .add, .multiply:
        values[place] = draft.apply(
          node.element.operationName, values[children[place].first], values[children[place].second])
      }
      if let tie = node.tie { draft.next[1 + tie] = values[place] }
    }
    draft.next[0] = values[0]
    return try draft.cell()
  }
}
