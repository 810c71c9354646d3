import Cells
import Kernels

/// A cell in which every node mixes all earlier nodes through all activations, by learned numbers.
///
/// Node 0 is a highway step from x and h. Node i is the sum over its edges of
/// (1/n + a) * blend(g_j, o(u_j), s_j), with g_j and u_j maps of node j and n the number of edges of node
/// i; h' is the mean of nodes 1… (the cell of DARTS, Liu et al. 2018, arXiv:1806.09055, with plain
/// numbers for its softmax). With one edge for each node it is an ordinary cell and needs no numbers.
package struct Supernet: Equatable, Sendable {
  package struct Edge: Equatable, Sendable {
    package var node: Int
    package var source: Int
    package var activation: String

    /// The parameter that weighs the edge.
    package var parameter: String { "a\(node)_\(source)_\(activation)" }
  }
  package var nodeCount: Int
  package var edges: [Edge]

  /// All edges among `nodeCount` nodes.
  package init(nodeCount: Int, activations: [String]) {
    self.nodeCount = nodeCount
    edges = (1...max(1, nodeCount)).flatMap { node in
      (0..<node).flatMap { source in
        activations.map { Edge(node: node, source: source, activation: $0) }
      }
    }
  }

  /// What `text` wrote; nil for anything else.
  package init?(text: some StringProtocol) {
    let parts = String(text).split(separator: " ").map { String($0) }
    guard let first = parts.first.flatMap({ Int($0) }), first > 0, first < 10 else { return nil }
    nodeCount = first
    edges = parts.dropFirst().compactMap { part in
      let fields = part.split(separator: ":").map { String($0) }
      guard fields.count == 3, let node = Int(fields[0]), let source = Int(fields[1]) else {
        return nil
      }
      return Edge(node: node, source: source, activation: fields[2])
    }
  }

  package var text: String {
    ([String(nodeCount)] + edges.map { "\($0.node):\($0.source):\($0.activation)" })
      .joined(separator: " ")
  }

  /// Whether every node has one edge left.
  var isFinished: Bool { edges.count <= nodeCount }

  /// How many edges lead to a node.
  func degree(_ node: Int) -> Int { edges.count { $0.node == node } }

  /// Drops the weakest edges, at most `count` of them, never a node's last.
  mutating func drop(_ count: Int, strength: (Edge) -> Double) {
    // Ties fall to the later edge, whatever the sort does.
    let order = edges.enumerated().map { (index: $0, edge: $1, strength: strength($1)) }
      .sorted { ($0.strength, -$0.index) < ($1.strength, -$1.index) }
    var left = count
    for weakest in order where left > 0 && degree(weakest.edge.node) > 1 {
      edges.removeAll { $0 == weakest.edge }
      left -= 1
    }
  }

  /// - Throws: what building the cell throws.
  package func cell() throws(Failure) -> Cell {
    var draft = Draft(stateCount: 1)
    var values = [
      draft.apply("blend", draft.gate([0, 1]), draft.apply("tanh", draft.linear([0, 1])), 1)
    ]
    var gates = [Int](repeating: -1, count: nodeCount + 1)
    var maps = gates
    for node in 1...nodeCount {
      let own = edges.filter { $0.node == node }
      var sum: Int?
      for edge in own {
        if maps[edge.source] < 0 {
          gates[edge.source] = draft.gate([values[edge.source]])
          maps[edge.source] = draft.linear([values[edge.source]])
        }
        let activated =
          edge.activation == "identity"
          ? maps[edge.source] : draft.apply(edge.activation, maps[edge.source])
        var term = draft.apply("blend", gates[edge.source], activated, values[edge.source])
        if own.count > 1 {
          let share = draft.apply(
            "add", draft.add(.constant(Self.share(own.count))), draft.add(.scalar(edge.parameter)))
          term = draft.apply("multiply", share, term)
        }
        sum = sum.map { draft.apply("add", $0, term) } ?? term
      }
      values.append(sum ?? values[0])
    }
    if nodeCount == 1 {
      draft.next[0] = values[1]
    } else {
      draft.next[0] = draft.apply("mean")
      draft.nodes[draft.next[0]].operands = Array(values.dropFirst())
    }
    return try draft.cell()
  }

  /// 1/n in three digits, so that equations stay readable.
  static func share(_ count: Int) -> Double { (1000 / Double(max(1, count))).rounded() / 1000 }
}
