import Cells
import Support
import Testing

@Suite struct DrawingTests {
  /// The stock cells, 50 random ones, and some at the limits.
  static let cells: [(name: String, equations: String)] = usual + extremes

  static let usual: [(name: String, equations: String)] =
    StockCell.all.map { ($0.name, $0.equations) }
    + (1...50).map { ("random with seed \($0)", randomEquations(seed: $0)) }

  static let extremes: [(name: String, equations: String)] = {
    var chain = "a0 = tanh(linear(x, h))\n"
    for index in 1..<650 { chain += "a\(index) = tanh(a\(index - 1)) * a\(index / 2) + h\n" }
    var dense = "a0 = tanh(linear(x, h))\n"
    for index in 1..<300 {
      let operands = (0..<12).map { "a\($0 == 0 ? index - 1 : ($0 * 7919 + index * 31) % index)" }
      dense += "a\(index) = mean(\(operands.joined(separator: ", ")))\n"
    }
    let ends = (236..<300).map { "a\($0)" }.joined(separator: ", ")
    var flat = ""
    for index in 0..<600 { flat += "a\(index) = tanh(x) * exp(x)\n" }
    for index in 0..<10 {
      let operands = (0..<60).map { "a\(index * 60 + $0)" }
      flat += "s\(index) = mean(\(operands.joined(separator: ", ")))\n"
    }
    let sums = (0..<10).map { "s\($0)" }.joined(separator: ", ")
    var blends = "h"
    for _ in 0..<40 { blends = "blend(\(blends), tanh(h), h)" }
    let long = String(repeating: "n", count: 64)
    return [
      ("a long chain", chain + "h' = a649"), ("a dense cell", dense + "h' = mean(\(ends))"),
      ("a flat cell", flat + "h' = tanh(linear(mean(\(sums)), h))"),
      ("blends inside each other", "h' = tanh(linear(x)) + \(blends)"),
      ("fractions inside each other", "a = linear(x, h); h' = (1 / a) / (h / (2 / a))"),
      ("long names", "\(long) = sigmoid(linear(x, h))\nh' = \(long) * vector(v_1_)"),
      ("x unread", "h' = tanh(product(h))"),
    ]
  }()

  @Test("pictures are well-formed, and the same every time", arguments: cells)
  func wellFormed(name: String, equations: String) throws {
    let cell = try Cell(parsing: equations)
    let svg = cell.svg()
    #expect(xmlFault(svg) == nil, "\(name)")
    #expect(svg == (try Cell(parsing: equations)).svg(), "\(name)")
    let boxes = svg.ranges(of: "<rect ").count
    #expect(boxes == cell.graph.nodes.count + cell.states.count, "\(name)")
    #expect(svg.utf8.count < 1000 * boxes + 4000, "\(name)")
  }

  @Test("boxes stand apart, and edges lead upwards", arguments: cells)
  func layout(name: String, equations: String) throws {
    let cell = try Cell(parsing: equations)
    let places = cell.drawnPlaces
    for (layer, boxes) in Dictionary(grouping: places, by: \.layer) {
      let sorted = boxes.sorted { $0.left < $1.left }
      for (left, right) in zip(sorted, sorted.dropFirst()) {
        #expect(left.right + 8 <= right.left, "\(name): layer \(layer)")
      }
    }
    for (index, node) in cell.graph.nodes.enumerated() {
      for operand in node.operands {
        #expect(places[operand].layer < places[index].layer, "\(name): \(operand) to \(index)")
      }
    }
    let top = places.map(\.layer).max()
    for (index, state) in cell.graph.states.enumerated() {
      let next = places[cell.graph.nodes.count + index]
      #expect(places[state.next].layer < next.layer && next.layer == top, "\(name)")
    }
    #expect(places.prefix(1 + cell.states.count).allSatisfy { $0.layer == 0 }, "\(name)")
  }

  @Test("all boxes are inside the picture, and edges lead up the page", arguments: cells)
  func inside(name: String, equations: String) throws {
    let svg = try Cell(parsing: equations).svg()
    let view = numbers(in: try #require(attribute("viewBox", of: svg[...])))
    for tag in svg.split(separator: "<") {
      if tag.hasPrefix("rect ") {
        let box = try ["x", "y", "width", "height"].map { name in
          numbers(in: try #require(attribute(name, of: tag)))[0]
        }
        let isInside =
          box[0] >= view[0] && box[0] + box[2] <= view[0] + view[2] && box[1] >= view[1]
          && box[1] + box[3] <= view[1] + view[3]
        #expect(isInside, "\(name): \(tag)")
      } else if tag.hasPrefix("path ") {
        let points = numbers(in: try #require(attribute("d", of: tag)))
        #expect(points[1] > points[points.count - 1], "\(name): \(tag)")
      }
    }
  }

  @Test("edges pass behind no box", arguments: usual)
  func edges(name: String, equations: String) throws {
    let svg = try Cell(parsing: equations).svg()
    var boxes: [[Double]] = []
    var points: [(x: Double, y: Double)] = []
    for tag in svg.split(separator: "<") {
      if tag.hasPrefix("rect ") {
        boxes.append(
          try ["x", "y", "width", "height"].map { name in
            numbers(in: try #require(attribute(name, of: tag)))[0]
          })
      } else if tag.hasPrefix("path ") {
        points += pointsOfPath(try #require(attribute("d", of: tag)))
      }
    }
    for box in boxes {
      let inside = points.first {
        box[0] + 1 < $0.x && $0.x < box[0] + box[2] - 1 && box[1] + 1 < $0.y
          && $0.y < box[1] + box[3] - 1
      }
      #expect(inside == nil, "\(name): \(box)")
    }
  }

  /// Many points on a path of straight lines upwards and cubic curves.
  private func pointsOfPath(_ text: Substring) -> [(x: Double, y: Double)] {
    var points: [(x: Double, y: Double)] = []
    var (x, y) = (0.0, 0.0)
    var rest = text
    while let command = rest.popFirst() {
      let end = rest.firstIndex { "MCV".contains($0) } ?? rest.endIndex
      let given = numbers(in: rest[..<end])
      rest = rest[end...]
      switch command {
      case "M": (x, y) = (given[0], given[1])
      case "V":
        for step in 0...20 { points.append((x, y + (given[0] - y) * Double(step) / 20)) }
        y = given[0]
      default:
        for step in 0...20 {
          let t = Double(step) / 20
          let u = 1 - t
          let weights = [u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t]
          let xs = [x, given[0], given[2], given[4]]
          let ys = [y, given[1], given[3], given[5]]
          points.append(
            (
              zip(weights, xs).reduce(0) { $0 + $1.0 * $1.1 },
              zip(weights, ys).reduce(0) { $0 + $1.0 * $1.1 }
            ))
        }
        (x, y) = (given[4], given[5])
      }
    }
    return points
  }

  private func attribute(_ name: String, of tag: Substring) -> Substring? {
    tag.firstRange(of: " \(name)=\"").map { tag[$0.upperBound...].prefix { $0 != "\"" } }
  }

  private func numbers(in text: Substring) -> [Double] {
    text.split { "MCV ".contains($0) }.compactMap { Double($0) }
  }

  @Test("LaTeX is balanced and of bounded length", arguments: cells)
  func latex(name: String, equations: String) throws {
    let cell = try Cell(parsing: equations)
    let latex = cell.latex()
    #expect(latexFault(latex) == nil, "\(name)")
    #expect(latex.utf8.count < 64 * cell.equations.utf8.count + 1000, "\(name)")
    #expect(!latex.contains("{0}") && !latex.contains("{*}"), "\(name)")
  }

  @Test("Graphviz gets every node and every edge once", arguments: cells)
  func dot(name: String, equations: String) throws {
    let cell = try Cell(parsing: equations)
    let lines = cell.dot().split(separator: "\n")
    let edges = lines.filter { $0.contains(" -> ") }
    let expected = cell.graph.nodes.reduce(cell.states.count) { $0 + Set($1.operands).count }
    #expect(edges.count == expected && Set(edges).count == expected, "\(name)")
    let vertices = lines.filter { $0.contains("label=") }
    #expect(vertices.count == cell.graph.nodes.count + cell.states.count, "\(name)")
    for line in vertices { #expect(line.count { $0 == "\"" } == 4, "\(name): \(line)") }
  }

  @Test("an LSTM is drawn as in the README; `rnncell show lstm --as svg` makes the file anew")
  func golden() throws {
    let golden = try GoldenFile.text(named: "lstm.svg")
    // Viewers other than browsers do not know variables of CSS, and draw black boxes.
    #expect(!golden.contains("var("))
    #expect(try Cell.stock("lstm").svg().split(separator: "\n") == golden.split(separator: "\n"))
  }

  @Test("a title is shown as it is, whatever it holds")
  func title() throws {
    let svg = try Cell.stock("gru").svg(title: "</title><script>&\"\u{0}\u{FFFE}")
    #expect(xmlFault(svg) == nil)
    #expect(svg.contains("<title>&lt;/title&gt;&lt;script&gt;&amp;&quot;  </title>"))
  }

  @Test("faults are found by the checks of these tests")
  func checks() {
    for text in [
      "<a>", "<a></b>", "<a b=c/>", "<a>&</a>", "<a/><a/>", "x<a/>", "<a b=\"\" b=\"\"/>",
    ] {
      #expect(xmlFault(text) != nil, "\(text)")
    }
    for text in ["{", "}", "\\left(", "\\begin{a}{\\end{a}", "\\right)", "{ & }"] {
      #expect(latexFault(text) != nil, "\(text)")
    }
  }

  @Test(
    "LaTeX reads as in the papers",
    arguments: [
      (
        "lstm",
        [
          #"i_{t} &= \sigma\left(W_{ix} x_t + W_{ih} h_{t-1} + b_{i}\right) \\"#,
          #"f_{t} &= \sigma\left(W_{fx} x_t + W_{fh} h_{t-1} + b_{f}\right) \\"#,
          #"g_{t} &= \tanh\left(W_{gx} x_t + W_{gh} h_{t-1} + b_{g}\right) \\"#,
          #"o_{t} &= \sigma\left(W_{ox} x_t + W_{oh} h_{t-1} + b_{o}\right) \\"#,
          #"c_{t} &= f_{t} \odot c_{t-1} + i_{t} \odot g_{t} \\"#,
          #"h_{t} &= o_{t} \odot \tanh\left(c_{t}\right)"#,
        ]
      ),
      (
        "gru",
        [
          #"z_{t} &= \sigma\left(W_{zx} x_t + W_{zh} h_{t-1} + b_{z}\right) \\"#,
          #"r_{t} &= \sigma\left(W_{rx} x_t + W_{rh} h_{t-1} + b_{r}\right) \\"#,
          #"n_{t} &= \tanh\left(W_{nx} x_t + W_{\mathrm{n,\,r\,\cdot\,h}} "#
            + #"\left(r_{t} \odot h_{t-1}\right) + b_{n}\right) \\"#,
          #"h_{t} &= z_{t} \odot h_{t-1} + \left(1 - z_{t}\right) \odot n_{t}"#,
        ]
      ),
    ])
  func latexOfStockCells(name: String, lines: [String]) throws {
    let expected = (["\\begin{align*}"] + lines + ["\\end{align*}\n"]).joined(separator: "\n")
    #expect(try Cell.stock(name).latex() == expected)
  }

  @Test("a sum that is too long for a line goes on below, also inside brackets")
  func longSums() throws {
    let operands = (0..<12).map { _ in "h" }.joined(separator: ", ")
    let sum = try Cell(parsing: "h' = linear(x, \(operands))").latex()
    #expect(sum.contains("\n&\\qquad {} + W_{h'h}^{("))
    let inside = try Cell(parsing: "h' = tanh(linear(x, \(operands)))").latex()
    #expect(inside.contains("\\tanh\\left(\\begin{aligned}[t] &W"))
    #expect(sum.split(separator: "\n").allSatisfy { $0.count < 300 })
  }

  @Test("a sum is bracketed in a product, and on the right of a minus")
  func brackets() throws {
    let latex = try Cell(parsing: "h' = (h + linear(x)) * h - (h - linear(x)) * -h").latex()
    #expect(latex.contains(#"\left(h_{t-1} + W_{h'x} x_t + b_{h'}\right) \odot h_{t-1} - "#))
    #expect(latex.contains(#"\left(h_{t-1} - \left("#))
  }

  @Test("a fraction's parts are not searched for placeholders")
  func fractions() throws {
    let latex = try Cell(parsing: "a = linear(x, h); h' = (1 / a) / (h / a)").latex()
    #expect(latex.contains(#"h_{t} &= \frac{\frac{1}{a_{t}}}{\frac{h_{t-1}}{a_{t}}}"#))
  }

  @Test("the GRU for Graphviz")
  func dotOfGRU() throws {
    let expected = """
      digraph cell {
        rankdir=BT;
        node [shape=box, style="rounded,filled"];
        n0 [label="x t", fillcolor="#d9e8fb"];
        n1 [label="h t−1", fillcolor="#d9e8fb"];
        n2 [label="W + b\\nx, h", fillcolor="#e9e3f7"];
        n3 [label="σ z", fillcolor="#fde2c8"];
        n4 [label="W + b\\nx, h", fillcolor="#e9e3f7"];
        n5 [label="σ r", fillcolor="#fde2c8"];
        n6 [label="×", fillcolor="#ffffff"];
        n7 [label="W + b\\nx, ·", fillcolor="#e9e3f7"];
        n8 [label="tanh n", fillcolor="#fbd9de"];
        n9 [label="blend", fillcolor="#ffffff"];
        n10 [label="h t", fillcolor="#cdeed6"];
        n0 -> n2;
        n1 -> n2;
        n2 -> n3;
        n0 -> n4;
        n1 -> n4;
        n4 -> n5;
        n1 -> n6;
        n5 -> n6;
        n0 -> n7;
        n6 -> n7;
        n7 -> n8;
        n1 -> n9;
        n3 -> n9;
        n8 -> n9;
        n9 -> n10;
        { rank=source; n0; n1; }
        { rank=sink; n10; }
      }

      """
    #expect(try Cell.stock("gru").dot() == expected)
  }
}
