extension Cell {
  /// A picture of the cell's dataflow: inputs below, next states above.
  ///
  /// It stands by itself, without scripts and fonts of its own, and follows the reader's light or dark
  /// colour scheme.
  package func svg(title: String? = nil) -> String { SVGWriter(graph, title: title).text }

  /// Where `svg` puts things: for each vertex its layer, and the left and right end of its box.
  ///
  /// Vertices are the nodes, then the next states.
  package var drawnPlaces: [(layer: Int, left: Double, right: Double)] {
    SVGWriter(graph, title: nil).places
  }
}

private struct SVGWriter {
  private static let height = 36.0
  private static let layerHeight = 72.0
  private static let margin = 20.0
  /// Widths of a character of a label, and of a name, a detail or a time; wide fonts included.
  private static let character = 8.6
  private static let smallCharacter = 7.0
  private static let padding = 20.0

  private let graph: DrawnGraph
  private let layout: LayeredLayout
  private let widths: [Double]
  private let title: String

  init(_ cell: Graph, title: String?) {
    graph = DrawnGraph(cell)
    widths = graph.vertices.map { Self.width($0) }
    let vertices = graph.vertices
    let bottom = vertices.indices.filter { vertices[$0].family.isEntry }
    layout = LayeredLayout(
      edges: graph.edges, bottom: Set(bottom), top: graph.next, widths: widths)
    let states = cell.states.map(\.name).joined(separator: ", ")
    self.title = title ?? "A recurrent cell with state \(states)"
  }

  private static func width(_ vertex: DrawnGraph.Vertex) -> Double {
    var first = Double(clipped(vertex.label).count) * character
    if let time = vertex.time { first += Double(time.count) * smallCharacter }
    if let name = vertex.name { first += Double(clipped(name).count) * smallCharacter + 8 }
    let second = Double(vertex.detail.map { clipped($0).count } ?? 0) * smallCharacter
    return max(38, max(first, second) + padding)
  }

  var text: String {
    let width = layout.width + 2 * Self.margin
    let height =
      Double(layout.layerCount) * Self.layerHeight - Self.layerHeight + Self.height
      + 2 * Self.margin
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

  var places: [(layer: Int, left: Double, right: Double)] {
    widths.indices.map { index in
      let half = widths[index] / 2
      return (layout.layer[index], layout.x[index] - half, layout.x[index] + half)
    }
  }

  /// Vertical centre of a layer.
  private func y(_ layer: Int) -> Double {
    Self.margin + Self.height / 2 + Double(layout.layerCount - 1 - layer) * Self.layerHeight
  }

  /// A curve from box to box that stands upright where it crosses a layer, so as not to pass behind its boxes.
  private func path(_ edge: (from: Int, to: Int), _ bends: [Double]) -> String {
    var (x, y) = (layout.x[edge.from], self.y(layout.layer[edge.from]) - Self.height / 2)
    var text = "<path class=\"edge\" d=\"M\(short(x)) \(short(y))"
    for (index, nextX) in (bends + [layout.x[edge.to]]).enumerated() {
      let isEnd = index == bends.count
      let layer = isEnd ? layout.layer[edge.to] : layout.layer[edge.from] + 1 + index
      let nextY = self.y(layer) + Self.height / 2
      let leaves = nextY - Self.height
      if abs(x - nextX) < 0.05 {
        text += "V\(short(isEnd ? nextY : leaves))"
      } else {
        let middle = (y + nextY) / 2
        text +=
          "C\(short(x)) \(short(middle)) \(short(nextX)) \(short(middle)) "
          + "\(short(nextX)) \(short(nextY))" + (isEnd ? "" : "V\(short(leaves))")
      }
      (x, y) = (nextX, leaves)
    }
    return text + "\"/>"
  }

  private func box(_ index: Int) -> String {
    let vertex = graph.vertices[index]
    let (x, y, width) = (layout.x[index], self.y(layout.layer[index]), widths[index])
    let isSquare = vertex.family == .affine || vertex.family == .parameter
    var text =
      "<g class=\"\(vertex.family.rawValue)\"><title>\(escaped(vertex.description))</title>"
      + "<rect x=\"\(short(x - width / 2))\" y=\"\(short(y - Self.height / 2))\" "
      + "width=\"\(short(width))\" height=\"\(short(Self.height))\" rx=\"\(isSquare ? 5 : 18)\"/>"
    let baseline = vertex.detail == nil ? y + 5 : y - 2
    // Label and what follows it are separate texts around a common point, so that they stand in the
    // middle together in every renderer.
    let label = Self.clipped(vertex.label)
    let after = vertex.time ?? vertex.name.map { Self.clipped($0) }
    if let after {
      let gap = vertex.time == nil ? 8.0 : 0
      let left = Double(label.count) * Self.character
      let split = x + (left - Double(after.count) * Self.smallCharacter - gap) / 2
      let place = vertex.time == nil ? baseline : baseline + 4
      text += self.text(label, split, baseline, "end")
      text += self.text(after, split + gap, place, vertex.time == nil ? "name" : "time")
    } else {
      text += self.text(label, x, baseline, nil)
    }
    if let detail = vertex.detail {
      text += self.text(Self.clipped(detail), x, y + 12, "detail")
    }
    return text + "</g>"
  }

  private func text(_ text: String, _ x: Double, _ y: Double, _ style: String?) -> String {
    let style = style.map { " class=\"\($0)\"" } ?? ""
    return "<text\(style) x=\"\(short(x))\" y=\"\(short(y))\">\(escaped(text))</text>"
  }

  private static func clipped(_ text: String) -> String {
    text.count <= 16 ? text : "\(text.prefix(15))…"
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
      case _ where scalar.value < 0x20 || scalar.value | 1 == 0xFFFF: out += " "
      default: out.unicodeScalars.append(scalar)
      }
    }
    return out
  }

  private static let style = """
    <style>
    .rnncell{font:14px ui-sans-serif,system-ui,sans-serif}
    .rnncell text{text-anchor:middle;fill:#1d2433}
    .rnncell .end{text-anchor:end}
    .rnncell .name,.rnncell .time{text-anchor:start;font-size:11px;opacity:.75}
    .rnncell .name{font-style:italic}
    .rnncell .detail{font-size:11px;opacity:.75}
    .rnncell .edge{fill:none;stroke:#8a94a6;stroke-width:1.4}
    .rnncell rect{stroke:#8a94a6;stroke-width:1.2;fill:#fff}
    .rnncell .input rect,.rnncell .state rect{fill:#d9e8fb}
    .rnncell .next rect{fill:#cdeed6}
    .rnncell .affine rect{fill:#e9e3f7}
    .rnncell .gate rect{fill:#fde2c8}
    .rnncell .activation rect{fill:#fbd9de}
    @media (prefers-color-scheme:dark){
    .rnncell text{fill:#e8ebf2}
    .rnncell .edge{stroke:#7b869c}
    .rnncell rect{stroke:#7b869c;fill:#2a3040}
    .rnncell .input rect,.rnncell .state rect{fill:#24436b}
    .rnncell .next rect{fill:#1f5a34}
    .rnncell .affine rect{fill:#43386b}
    .rnncell .gate rect{fill:#6b4420}
    .rnncell .activation rect{fill:#6d2f3a}}
    </style>
    """
}
