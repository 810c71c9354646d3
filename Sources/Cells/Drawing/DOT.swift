extension Cell {
  /// The dataflow for Graphviz, inputs below and next states above.
  package func dot() -> String {
    let drawn = DrawnGraph(graph)
    var lines = [
      "digraph cell {", "  rankdir=BT;", "  node [shape=box, style=\"rounded,filled\"];",
    ]
    for (index, vertex) in drawn.vertices.enumerated() {
      let label =
        [vertex.label, vertex.time, vertex.name].compactMap(\.self).joined(separator: " ")
        + (vertex.detail.map { "\n\($0)" } ?? "")
      lines.append("  n\(index) [label=\(quoted(label)), fillcolor=\"\(color(vertex.family))\"];")
    }
    lines += drawn.edges.map { "  n\($0.from) -> n\($0.to);" }
    let entries = drawn.vertices.indices.filter { drawn.vertices[$0].family.isEntry }
    lines.append("  { rank=source; \(entries.map { "n\($0);" }.joined(separator: " ")) }")
    lines.append("  { rank=sink; \(drawn.next.map { "n\($0);" }.joined(separator: " ")) }")
    return (lines + ["}\n"]).joined(separator: "\n")
  }

  private func quoted(_ text: String) -> String {
    let escaped = text.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"")
    return "\"\(escaped.replacing("\n", with: "\\n"))\""
  }

  private func color(_ family: DrawnGraph.Family) -> String {
    switch family {
    case .input, .state: "#d9e8fb"
    case .next: "#cdeed6"
    case .affine: "#e9e3f7"
    case .gate: "#fde2c8"
    case .activation: "#fbd9de"
    case .parameter, .arithmetic: "#ffffff"
    }
  }
}
