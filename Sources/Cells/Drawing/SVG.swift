extension Cell {
  /// A picture of the cell's dataflow: inputs below, next states above.
  ///
  /// It stands by itself, without scripts and fonts of its own, and follows the reader's light or dark
  /// colour scheme.
  package func svg(title: String? = nil) -> String { SVGWriter(graph, title: title).text }
}

private struct SVGWriter {
  private static let height = 28.0
  private static let layerHeight = 62.0
  private static let margin = 20.0

  private let graph: DrawnGraph
  private let layout: LayeredLayout
  private let widths: [Double]
  private let title: String

  init(_ cell: Graph, title: String?) {
    graph = DrawnGraph(cell)
    widths = graph.vertices.map { vertex in
      let characters = vertex.label.count + (vertex.name.map { min($0.count, 24) + 1 } ?? 0)
      return max(34, Double(min(characters, 40)) * 8.2 + 16)
    }
    layout = LayeredLayout(edges: graph.edges, top: graph.next, widths: widths)
    let states = cell.states.map(\.name).joined(separator: ", ")
    self.title = title ?? "A recurrent cell with state \(states)"
  }

  var text: String {
    let width = layout.width + 2 * Self.margin
    let height = Double(layout.layerCount) * Self.layerHeight + 2 * Self.margin - 34
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"\(short(-Self.margin)) 0 \(short(width)) \(short(height))\" "
        + "width=\"\(short(width))\" height=\"\(short(height))\" role=\"img\" class=\"rnncell\">",
      "<title>\(escaped(title))</title>",
      "<desc>Inputs and previous states at the bottom, next states at the top.</desc>",
      Self.style,
    ]
    for (index, edge) in graph.edges.enumerated() { lines.append(path(edge, layout.bends[index])) }
    for index in graph.vertices.indices { lines.append(box(index)) }
    lines.append("</svg>\n")
    return lines.joined(separator: "\n")
  }

  /// Vertical centre of a layer.
  private func y(_ layer: Int) -> Double {
    Self.margin + Self.height / 2 + Double(layout.layerCount - 1 - layer) * Self.layerHeight
  }

  private func path(_ edge: (from: Int, to: Int), _ bends: [Double]) -> String {
    var (x, y) = (layout.x[edge.from], self.y(layout.layer[edge.from]) - Self.height / 2)
    var text = "<path class=\"edge\" d=\"M\(short(x)) \(short(y))"
    var points = bends.enumerated().map { index, x in
      (x, self.y(layout.layer[edge.from] + 1 + index))
    }
    points.append((layout.x[edge.to], self.y(layout.layer[edge.to]) + Self.height / 2))
    for (nextX, nextY) in points {
      let middle = (y + nextY) / 2
      text +=
        "C\(short(x)) \(short(middle)) \(short(nextX)) \(short(middle)) \(short(nextX)) \(short(nextY))"
      (x, y) = (nextX, nextY)
    }
    return text + "\"/>"
  }

  private func box(_ index: Int) -> String {
    let vertex = graph.vertices[index]
    let (x, y, width) = (layout.x[index], self.y(layout.layer[index]), widths[index])
    let isSquare = vertex.family == .affine || vertex.family == .parameter
    let name =
      vertex.name.map { " <tspan class=\"name\">\(escaped(clipped($0, 24)))</tspan>" } ?? ""
    return "<g class=\"\(vertex.family.rawValue)\"><title>\(escaped(vertex.description))</title>"
      + "<rect x=\"\(short(x - width / 2))\" y=\"\(short(y - Self.height / 2))\" "
      + "width=\"\(short(width))\" height=\"\(short(Self.height))\" rx=\"\(isSquare ? 4 : 14)\"/>"
      + "<text x=\"\(short(x))\" y=\"\(short(y + 5))\">\(escaped(clipped(vertex.label, 15)))\(name)"
      + "</text></g>"
  }

  private func clipped(_ text: String, _ count: Int) -> String {
    text.count <= count ? text : "\(text.prefix(count - 1))…"
  }

  /// One digit behind the point.
  private func short(_ value: Double) -> String {
    let tenths = Int((value * 10).rounded())
    return tenths % 10 == 0 ? "\(tenths / 10)" : "\(Double(tenths) / 10)"
  }

  private func escaped(_ text: String) -> String {
    var out = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": out += "&amp;"
      case "<": out += "&lt;"
      case ">": out += "&gt;"
      case "\"": out += "&quot;"
      case _ where scalar.value < 0x20: out += " "
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  private static let style = """
    <style>
    .rnncell{font:14px ui-sans-serif,system-ui,sans-serif;--ink:#1d2433;--line:#8a94a6;--paper:#fff}
    .rnncell text{text-anchor:middle;fill:var(--ink)}
    .rnncell .name{font-style:italic;opacity:.65}
    .rnncell .edge{fill:none;stroke:var(--line);stroke-width:1.4}
    .rnncell rect{stroke:var(--line);stroke-width:1.2;fill:var(--paper)}
    .rnncell .input rect,.rnncell .state rect{fill:#d9e8fb}
    .rnncell .next rect{fill:#cdeed6}
    .rnncell .affine rect{fill:#e9e3f7}
    .rnncell .gate rect{fill:#fde2c8}
    .rnncell .activation rect{fill:#fbd9de}
    @media (prefers-color-scheme:dark){
    .rnncell{--ink:#e8ebf2;--line:#7b869c;--paper:#2a3040}
    .rnncell .input rect,.rnncell .state rect{fill:#24436b}
    .rnncell .next rect{fill:#1f5a34}
    .rnncell .affine rect{fill:#43386b}
    .rnncell .gate rect{fill:#6b4420}
    .rnncell .activation rect{fill:#6d2f3a}}
    </style>
    """
}
