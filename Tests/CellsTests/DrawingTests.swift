import Cells
import Support
import Testing

@Suite struct DrawingTests {
  @Test(
    "the picture of a stock cell is well-formed and keeps its boxes apart",
    arguments: StockCell.all.map(\.name))
  func stock(name: String) throws { try check(try Cell.stock(name)) }

  @Test("the picture of a random cell is well-formed and keeps its boxes apart", arguments: 0..<50)
  func random(seed: Int) throws { try check(try randomCell(seed: UInt64(seed))) }

  private struct Box {
    var left, right, top, bottom: Double
  }

  private func check(_ cell: Cell) throws {
    let svg = cell.svg()
    #expect(svg == cell.svg())
    let tags = try Self.tags(of: svg)
    #expect(tags.first?.hasPrefix("svg ") == true)
    let boxes = tags.filter { $0.hasPrefix("rect ") }.map { tag in
      let (x, y) = (Self.number("x", tag), Self.number("y", tag))
      return Box(
        left: x, right: x + Self.number("width", tag), top: y,
        bottom: y + Self.number("height", tag))
    }
    #expect(boxes.count == cell.graph.nodes.count + cell.graph.states.count)
    for (index, a) in boxes.enumerated() {
      for b in boxes[..<index] {
        let overlaps = a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
        #expect(!overlaps, "boxes overlap in the drawing of\n\(cell.equations)")
      }
    }
    let view = try #require(tags.first.flatMap { Self.attribute("viewBox", $0) })
      .split(separator: " ").compactMap { Double($0) }
    #expect(
      boxes.allSatisfy {
        $0.left >= view[0] && $0.right <= view[0] + view[2] && $0.top >= view[1]
          && $0.bottom <= view[1] + view[3]
      })
    for edge in tags.filter({ $0.hasPrefix("path ") }) {
      // Up the page: every next state is above what it is made of.
      let numbers = try #require(Self.attribute("d", edge)).split { "MC ".contains($0) }
        .compactMap { Double($0) }
      #expect(numbers[1] > numbers[numbers.count - 1], "an edge leads down")
    }
  }

  /// The tags of an XML text, which must be nested rightly and escape what is text.
  private static func tags(of text: String) throws -> [String] {
    var tags: [String] = []
    var open: [Substring] = []
    var rest = text[...]
    while let start = rest.firstIndex(of: "<") {
      #expect(!rest[..<start].contains(">"), "a bare > in text")
      let end = try #require(rest[start...].firstIndex(of: ">"))
      let tag = rest[rest.index(after: start)..<end]
      rest = rest[rest.index(after: end)...]
      if tag.hasPrefix("/") {
        #expect(open.popLast() == tag.dropFirst(), "a tag is closed that is not open")
      } else {
        tags.append(String(tag))
        if !tag.hasSuffix("/") { open.append(tag.prefix { $0 != " " }) }
      }
    }
    #expect(open.isEmpty)
    return tags
  }

  private static func attribute(_ name: String, _ tag: String) -> String? {
    let parts = " \(tag)".split(separator: "\"", omittingEmptySubsequences: false)
    for (index, part) in parts.enumerated() where part.hasSuffix(" \(name)=") {
      return String(parts[index + 1])
    }
    return nil
  }

  private static func number(_ name: String, _ tag: String) -> Double {
    attribute(name, tag).flatMap { Double($0) } ?? .nan
  }

  @Test("an LSTM is drawn as in the README; `rnncell show lstm --as svg` makes the file anew")
  func golden() throws {
    let golden = try GoldenFile.text(named: "lstm.svg")
    #expect(try Cell.stock("lstm").svg() == golden.trimmed + "\n")
  }

  @Test("names are escaped, and the largest cells are drawn")
  func hostile() throws {
    // A long chain of states of every earlier value: many long edges.
    let lines = (1...200).map { "v\($0) = tanh(linear(\($0 == 1 ? "x" : "v\($0 - 1)"), h))" }
    let sums = (0..<4).map { group in
      "mean(" + (1...50).map { "v\(group * 50 + $0)" }.joined(separator: ", ") + ")"
    }
    let cell = try Cell(
      parsing: lines.joined(separator: "\n") + "\nh' = " + sums.joined(separator: " + "))
    let tags = try Self.tags(of: cell.svg())
    #expect(tags.count > 400)
    #expect(cell.dot().hasPrefix("digraph"))
    #expect(!cell.svg(title: "a<b & \"c\"").contains("a<b"))
  }

  @Test("LaTeX of an LSTM says what is written, and braces balance in every cell")
  func latex() throws {
    let lstm = try Cell.stock("lstm").latex()
    #expect(lstm.hasPrefix("\\begin{align*}\n"))
    #expect(lstm.contains("c_{t} &= f_{t} \\odot c_{t-1} + i_{t} \\odot g_{t} \\\\"))
    #expect(lstm.contains("h_{t} &= o_{t} \\odot \\tanh\\left(c_{t}\\right)"))
    #expect(
      lstm.contains(
        "f_{t} &= \\sigma\\left(W_{\\mathrm{f,\\,x}} x_t + W_{\\mathrm{f,\\,h}} h_{t-1} + b_{\\mathrm{f}}\\right)"
      ))
    let sums = try Cell(parsing: "h' = (h + linear(x)) * h - (h - linear(x)) * -h").latex()
    #expect(sums.contains("\\left(h_{t-1} + "))
    #expect(sums.contains("\\left(h_{t-1} - "))
    let cells =
      try StockCell.all.map { try Cell.stock($0.name) } + (0..<50).map { try randomCell(seed: $0) }
    for cell in cells {
      let text = cell.latex()
      #expect(text.count { $0 == "{" } == text.count { $0 == "}" })
      #expect(
        text.components("\\left").count == text.components("\\right").count, "\(cell.equations)")
    }
  }

  @Test("DOT has a line for every node and every edge")
  func dot() throws {
    let cell = try Cell.stock("gru")
    let lines = cell.dot().split(separator: "\n")
    #expect(
      lines.count { $0.contains("[label=") } == cell.graph.nodes.count + cell.graph.states.count)
    let edges = cell.graph.nodes.reduce(0) { $0 + Set($1.operands).count } + cell.graph.states.count
    #expect(lines.count { $0.contains(" -> ") } == edges)
  }
}

extension String {
  /// Without the line ends behind it.
  fileprivate var trimmed: String { String(reversed().drop { $0 == "\n" }.reversed()) }

  /// What stands between the occurrences of a pattern.
  fileprivate func components(_ pattern: String) -> [Substring] {
    var parts: [Substring] = []
    var rest = self[...]
    var start = rest.startIndex
    while start < rest.endIndex {
      if rest[start...].hasPrefix(pattern) {
        parts.append(rest[..<start])
        rest = rest[rest.index(start, offsetBy: pattern.count)...]
        start = rest.startIndex
      } else {
        start = rest.index(after: start)
      }
    }
    return parts + [rest]
  }
}
