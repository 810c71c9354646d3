extension Cell {
  /// The equations as an `align*` environment of LaTeX with amsmath.
  ///
  /// A statement that is too long for a line goes on below.
  package func latex() -> String {
    var writer = LaTeXWriter(graph)
    return "\\begin{align*}\n" + writer.lines().joined(separator: " \\\\\n") + "\n\\end{align*}\n"
  }
}

/// A formula in LaTeX, and how strongly its outermost operator binds.
private struct Formula {
  /// Characters of a line before a sum goes on below.
  static let lineWidth = 72

  var text: String
  var precedence = Writing.atom
  /// The summands of a sum with their signs, so that a long one can be broken between them.
  var terms: [String] = []
  /// Whether it is a constant.
  var isNumber = false
  /// About as many characters as are seen.
  let width: Int

  init(text: String, precedence: Int = Writing.atom, terms: [String] = []) {
    self.text = text
    self.precedence = precedence
    self.terms = terms
    width = Self.width(text)
    if width > Self.lineWidth, terms.count > 1 {
      let lines = Self.lines(terms).joined(separator: " \\\\\n&")
      self.text = "\\begin{aligned}[t] &\(lines) \\end{aligned}"
    }
  }

  /// With brackets where the operator around it binds more strongly.
  func enclosed(below precedence: Int) -> String {
    self.precedence < precedence ? "\\left(\(text)\\right)" : text
  }

  /// Summands put together into lines.
  static func lines(_ terms: [String]) -> [String] {
    var lines: [String] = []
    var used = 0
    for term in terms {
      let width = width(term)
      if let last = lines.last, used + width < lineWidth {
        lines[lines.count - 1] = "\(last) + \(term)"
      } else {
        lines.append(lines.isEmpty ? term : "{} + \(term)")
        used = 0
      }
      used += width + 3
    }
    return lines
  }

  /// Commands that are seen count as one, braces and marks as none.
  private static func width(_ text: String) -> Int {
    let unseen: Set = ["left", "right", "mathrm", "begin", "end"]
    var width = 0
    var command: String?
    for character in text {
      if let name = command {
        if character.isLetter {
          command = name + String(character)
          continue
        }
        if !unseen.contains(name) { width += 1 }
        command = nil
        if name.isEmpty { continue }
      }
      switch character {
      case "\\": command = ""
      case "{", "}", "_", "^", " ": break
      default: width += 1
      }
    }
    return command == nil ? width : width + 1
  }
}

private struct LaTeXWriter {
  private let graph: Graph
  private var formulas: [Formula] = []
  private var statements: [String] = []

  init(_ graph: Graph) { self.graph = graph }

  mutating func lines() -> [String] {
    for index in graph.nodes.indices {
      var formula = formula(of: index)
      if let name = graph.nodes[index].name, !graph.nodes[index].isAtom {
        state(target: Self.variable(name), formula)
        formula = Formula(text: Self.variable(name))
      }
      formulas.append(formula)
    }
    for state in graph.states where graph.nodes[state.next].name != "\(state.name)'" {
      self.state(target: Self.variable("\(state.name)'"), formulas[state.next])
    }
    return statements
  }

  /// Adds a statement; a long sum goes on below.
  private mutating func state(target: String, _ formula: Formula) {
    guard formula.terms.count > 1, formula.width > Formula.lineWidth else {
      statements.append("\(target) &= \(formula.text)")
      return
    }
    let lines = Formula.lines(formula.terms).joined(separator: " \\\\\n&\\qquad ")
    statements.append("\(target) &= \(lines)")
  }

  private func formula(of index: Int) -> Formula {
    let node = graph.nodes[index]
    switch node.kind {
    case .input: return Formula(text: "x_t")
    case .state(let state):
      return Formula(text: Self.subscripted(graph.states[state].name, "t-1"))
    case .constant(let value):
      var formula = Formula(text: number(value), precedence: value < 0 ? 1 : Writing.atom)
      formula.isNumber = true
      return formula
    case .parameter(let parameter):
      return Formula(text: Self.array(graph.parameters[parameter].name))
    case .operation(let operation): return apply(operation, node.operands.map { formulas[$0] })
    case .affine(let products, let bias):
      var terms = zip(products, node.operands).map { product, operand in
        Self.array(graph.parameters[product.parameter].name, isTransposed: product.isTransposed)
          + " " + formulas[operand].enclosed(below: Writing.atom)
      }
      if let bias { terms.append(Self.array(graph.parameters[bias].name)) }
      return Formula(
        text: terms.joined(separator: " + "), precedence: terms.count > 1 ? 1 : 2, terms: terms)
    }
  }

  private func apply(_ operation: Operation, _ operands: [Formula]) -> Formula {
    let notation = operation.notation
    // What is a sum of products without being an operator, like blend.
    let isComposite = notation.precedence == nil && notation.latex.contains("\\odot")
    if isComposite,
      zip(operands, operands.indices).contains(where: {
        $0.width > 8 && Self.isRepeated($1, in: notation.latex)
      })
    {
      // Said twice inside each other a formula would double at every level.
      let list = operands.map(\.text).joined(separator: ", ")
      return Formula(text: "\\mathrm{\(Self.escaped(operation.name))}\\left(\(list)\\right)")
    }
    var texts = operands.map { isComposite ? $0.enclosed(below: Writing.atom) : $0.text }
    var precedence = isComposite ? 1 : Writing.atom
    if let strength = notation.precedence, !notation.latex.hasPrefix("\\frac") {
      precedence = strength
      texts = operands.enumerated().map { index, operand in
        let needed = index > 0 && !operation.isCommutative ? strength + 1 : strength
        return operand.enclosed(below: needed)
      }
    }
    var terms: [String] = []
    if operation.name == "add" {
      terms = operands.flatMap { $0.terms.isEmpty ? [$0.text] : $0.terms }
    }
    let isScaled = operation.name == "multiply" && operands.contains(where: \.isNumber)
    return Formula(
      text: Self.filled(isScaled ? "{0} \\cdot {1}" : notation.latex, texts),
      precedence: precedence, terms: terms)
  }

  private static func isRepeated(_ operand: Int, in notation: String) -> Bool {
    notation.ranges(of: "{\(operand)}").count > 1
  }

  /// A notation with its placeholders replaced; what is put in is not searched.
  private static func filled(_ notation: String, _ operands: [String]) -> String {
    var out = ""
    var rest = notation[...]
    while let first = rest.first {
      if rest.hasPrefix("{*}") {
        out += operands.joined(separator: ", ")
        rest = rest.dropFirst(3)
      } else if first == "{", rest.dropFirst(2).first == "}",
        let index = rest.dropFirst().first?.wholeNumberValue, operands.indices.contains(index)
      {
        out += operands[index]
        rest = rest.dropFirst(3)
      } else {
        out.append(first)
        rest = rest.dropFirst()
      }
    }
    return out
  }

  /// A value of the step by the name that the equations give it; a primed one is a next state.
  static func variable(_ name: String) -> String {
    subscripted(name.last == "'" ? String(name.dropLast()) : name, "t")
  }

  private static func subscripted(_ name: String, _ time: String) -> String {
    "\(identifier(name))_{\(time)}"
  }

  /// One letter stays as it is, longer names are set upright.
  private static func identifier(_ name: String) -> String {
    name.count == 1 ? name : "\\mathrm{\(escaped(name))}"
  }

  /// `W[f, x]` becomes W with the subscript fx, `W[f, x].2` has a 2 above; a name of its own stays.
  private static func array(_ name: String, isTransposed: Bool = false) -> String {
    let top = isTransposed ? "\\top" : ""
    guard let open = name.firstIndex(of: "["), let close = name.lastIndex(of: "]") else {
      return identifier(name) + (isTransposed ? "^{\(top)}" : "")
    }
    let count = name[close...].dropFirst(2)
    let above = (count.isEmpty ? "" : "(\(count))") + top
    return "\(name[..<open])_{\(index(String(name[name.index(after: open)..<close])))}"
      + (above.isEmpty ? "" : "^{\(above)}")
  }

  /// `z, x` becomes zx, where all are one letter; else it is set upright with commas.
  private static func index(_ text: String) -> String {
    let parts = text.replacing(", ", with: "\n").split(separator: "\n")
    if parts.allSatisfy({ $0.first?.isLetter == true && ($0.count == 1 || $0.dropFirst() == "'") })
    {
      return parts.joined()
    }
    return "\\mathrm{\(escaped(text))}"
  }

  private static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "_", "&", "%", "$", "#", "{", "}": out += "\\\(character)"
      case "\\": out += "\\backslash "
      case "^": out += "\\hat{}"
      case "~": out += "\\sim "
      case "*": out += "\\cdot"
      case " ": out += "\\,"
      default: out.append(character)
      }
    }
    return out
  }
}
