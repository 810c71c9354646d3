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
  var text: String
  var precedence = Writing.atom
  /// The summands of a sum, so that a long one can be broken between them.
  var terms: [String] = []

  /// With brackets where the operator around it binds more strongly.
  func enclosed(below precedence: Int) -> String {
    self.precedence < precedence ? "\\left(\(text)\\right)" : text
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

  /// Adds a statement, broken between summands into lines of about 100 characters.
  private mutating func state(target: String, _ formula: Formula) {
    var text = "\(target) &= "
    guard formula.terms.count > 1, formula.text.count > 120 else {
      statements.append(text + formula.text)
      return
    }
    var width = 0
    for (index, term) in formula.terms.enumerated() {
      if index > 0 {
        let isBreak = width + term.count > 110
        text += isBreak ? " \\\\\n&\\qquad + " : " + "
        if isBreak { width = 0 }
      }
      text += term
      width += term.count
    }
    statements.append(text)
  }

  private func formula(of index: Int) -> Formula {
    let node = graph.nodes[index]
    switch node.kind {
    case .input: return Formula(text: "x_t")
    case .state(let state):
      return Formula(text: Self.subscripted(graph.states[state].name, "t-1"))
    case .constant(let value):
      return Formula(text: number(value), precedence: value < 0 ? 1 : Writing.atom)
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
    var texts = operands.map { isComposite ? $0.enclosed(below: Writing.atom) : $0.text }
    var precedence = isComposite ? 1 : Writing.atom
    if let strength = notation.precedence, !notation.latex.hasPrefix("\\frac") {
      precedence = strength
      texts = operands.enumerated().map { index, operand in
        let needed = index > 0 && !operation.isCommutative ? strength + 1 : strength
        return operand.enclosed(below: needed)
      }
    }
    var text = notation.latex.replacing("{*}", with: texts.joined(separator: ", "))
    for (index, operand) in texts.enumerated() {
      text = text.replacing("{\(index)}", with: operand)
    }
    var terms: [String] = []
    if operation.name == "add" {
      terms = operands.flatMap { $0.terms.isEmpty ? [$0.text] : $0.terms }
    }
    return Formula(text: text, precedence: precedence, terms: terms)
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

  /// `W[f, x]` becomes W with the subscript f, x; a name of its own stays.
  private static func array(_ name: String, isTransposed: Bool = false) -> String {
    let mark = isTransposed ? "^{\\top}" : ""
    guard let open = name.firstIndex(of: "["), name.last == "]" else {
      return identifier(name) + mark
    }
    let inside = name[name.index(after: open)...].dropLast()
    return "\(name[..<open])_{\\mathrm{\(escaped(String(inside)))}}\(mark)"
  }

  private static func escaped(_ text: String) -> String {
    var out = ""
    for character in text {
      switch character {
      case "_", "&", "%", "$", "#", "{", "}": out += "\\\(character)"
      case "\\": out += "\\backslash "
      case "^": out += "\\hat{}"
      case "~": out += "\\sim "
      case " ": out += "\\,"
      default: out.append(character)
      }
    }
    return out
  }
}

extension String {
  /// The text with every occurrence of a pattern replaced; what is put in is not searched again.
  func replacing(_ pattern: String, with text: String) -> String {
    var out = ""
    var rest = self[...]
    while let first = rest.first {
      if rest.hasPrefix(pattern) {
        out += text
        rest = rest.dropFirst(pattern.count)
      } else {
        out.append(first)
        rest = rest.dropFirst()
      }
    }
    return out
  }
}
