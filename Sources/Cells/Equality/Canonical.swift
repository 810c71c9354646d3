/// A cell up to the names of its nodes, parameters and states and up to algebra: what equality,
/// hash and duplicate checks compare.
///
/// The cell is evaluated once on residues instead of numbers. Sums and products are exact there, so any
/// two writings that algebra makes equal (reordering, regrouping, factoring out, x * 1, --x,
/// 1 - (1 - a), `blend` for its definition) come out the same, dead code leaves no trace and common
/// subexpressions coincide. Other functions become pseudo-random residues of their operands, after
/// their own identities: odd and even functions, tanh by sigmoid, min by max, relu of what is never
/// negative. Nothing is expanded, so that the cost is linear in the size of the cell. Parameters are
/// told apart by `Labelling`. Equal digests of cells that differ have a chance of about 2^-100.
package struct Canonical: Hashable, Sendable {
  /// 128 bits, the same in every process.
  package let digest: [UInt64]
  /// For each parameter of the graph, what it does; equal cells have the same set.
  let parameterLabels: [UInt64]

  init(_ graph: Graph) {
    let shapes = graph.objectShapes
    // About a tenth of a second for the largest cell; ordinary cells need a few hundred.
    let budget = 1_000_000 / max(1, graph.nodes.count)
    let labelling = Labelling(shapes: shapes, budget: budget) { labels in
      var evaluation = ResidueEvaluation(labels: labels)
      return evaluation.outcome(of: graph)[0]
    }
    parameterLabels = Array(labelling.labels.prefix(graph.parameters.count))
    var evaluation = ResidueEvaluation(labels: labelling.labels)
    digest = evaluation.outcome(of: graph)
  }

  package static func == (a: Canonical, b: Canonical) -> Bool { a.digest == b.digest }
  package func hash(into hasher: inout Hasher) { hasher.combine(digest) }

  /// The digest in 32 hexadecimal digits, for files.
  package var text: String {
    digest.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }
}

extension Cell {
  /// For an equal cell, its parameter for each of ours, by name; nil for a cell that is not equal.
  package func matching(_ other: Cell) -> [String: String]? {
    guard canonical == other.canonical else { return nil }
    func inOrder(_ cell: Cell) -> [(label: UInt64, name: String)] {
      zip(cell.canonical.parameterLabels, cell.graph.parameters.map(\.name))
        .map { (label: $0, name: $1) }.sorted { ($0.label, $0.name) < ($1.label, $1.name) }
    }
    let (own, others) = (inOrder(self), inOrder(other))
    guard own.map(\.label) == others.map(\.label) else { return nil }
    return Dictionary(
      zip(own, others).map { ($0.name, $1.name) }, uniquingKeysWith: { first, _ in first })
  }
}
