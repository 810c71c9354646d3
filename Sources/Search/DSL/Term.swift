import Cells
import Kernels

/// A word of the language in which cells are grown.
///
/// It is that of Schrimpf et al. 2017, arXiv:1712.07316.
/// Left out are x_{t-1}, as a cell here has no input but x_t, and the positional encoding, as a cell
/// does not know which step it is at.
package enum Symbol: String, CaseIterable, Sendable {
  /// A place that is still empty.
  case empty = "_"
  // Sources.
  case input = "x_t"
  case hidden = "h_tm1"
  case memory = "c_tm1"
  // Core operators.
  case matrix = "MM"
  case sigmoid = "Sigmoid"
  case tanh = "Tanh"
  case relu = "ReLU"
  case add = "Add"
  case multiply = "Mult"
  case gate = "Gate3"
  // Extended operators.
  case subtract = "Sub"
  case divide = "Div"
  case sin = "Sin"
  case cos = "Cos"
  case layerNorm = "LayerNorm"
  case selu = "SeLU"
  /// Marks its operand as the next memory; computes nothing.
  case nextMemory = "c_t"

  /// Its place among all.
  package var number: Int { Self.numbers[self] ?? 0 }
  private static let numbers = Dictionary(
    uniqueKeysWithValues: allCases.enumerated().map { ($1, $0) })

  /// How often random growth takes it, beside others: matrices, gates and sources are what cells are
  /// made of.
  package var frequency: Double {
    switch self {
    case .input: 6
    case .matrix: 4
    case .memory: 3
    case .gate, .tanh, .hidden: 2
    case .add, .multiply, .sigmoid: 1.5
    case .nextMemory: 0.3
    default: 0.4
    }
  }

  /// Operands.
  package var arity: Int {
    switch self {
    case .empty, .input, .hidden, .memory: 0
    case .matrix, .sigmoid, .tanh, .relu, .sin, .cos, .layerNorm, .selu, .nextMemory: 1
    case .add, .multiply, .subtract, .divide: 2
    case .gate: 3
    }
  }

  /// Whether exchanging operands changes nothing.
  package var isCommutative: Bool { self == .add || self == .multiply }

  /// What computes it in a cell; nil for sources, matrices and marks.
  package var operation: Operation? {
    switch self {
    case .empty, .input, .hidden, .memory, .matrix, .nextMemory: nil
    case .sigmoid: .sigmoid
    case .tanh: .tanh
    case .relu: .relu
    case .add: .add
    case .multiply: .multiply
    case .gate: .blend
    case .subtract: .subtract
    case .divide: .divide
    case .sin: .sin
    case .cos: .cos
    case .layerNorm: .layerNorm
    case .selu: .selu
    }
  }
}

/// A cell, or a part of one, as a tree of symbols: what h_t is.
///
/// Its text is that of the paper, `Gate3(Tanh(MM(x_t)),h_tm1,Sigmoid(MM(h_tm1)))`, where Gate3(a, b, g) is
/// g * a + (1 - g) * b; `c_t(...)` around a value makes it the next memory, and `_` is an empty place.
package struct Term: Hashable, Sendable {
  package var symbol: Symbol
  package var operands: [Term]

  package init(_ symbol: Symbol, _ operands: [Term] = []) {
    self.symbol = symbol
    self.operands = operands
  }

  package static let empty = Term(.empty)

  /// A symbol above empty places.
  package static func open(_ symbol: Symbol) -> Term {
    Term(symbol, [Term](repeating: .empty, count: symbol.arity))
  }

  /// Symbols in it, marks not counted.
  package var count: Int {
    operands.reduce(symbol == .nextMemory ? 0 : 1) { $0 + $1.count }
  }

  /// Symbols on its longest way down, marks not counted.
  package var depth: Int {
    (symbol == .nextMemory ? 0 : 1) + (operands.map(\.depth).max() ?? 0)
  }

  package func contains(_ symbol: Symbol) -> Bool {
    self.symbol == symbol || operands.contains { $0.contains(symbol) }
  }

  /// Empty places.
  package var emptyCount: Int {
    symbol == .empty ? 1 : operands.reduce(0) { $0 + $1.emptyCount }
  }

  // MARK: - Text

  package var text: String {
    operands.isEmpty
      ? symbol.rawValue
      : symbol.rawValue + "(" + operands.map(\.text).joined(separator: ",") + ")"
  }

  /// Reads `text`; nil for anything else.
  package init?(text: String) {
    guard let term = try? Term(parsing: text) else { return nil }
    self = term
  }

  /// Reads a term as papers write it, with or without blanks.
  ///
  /// - Throws: `.parse` with line, column and what to do about it; `.limit` for a text over `CellLimits`.
  package init(parsing text: String) throws(Failure) {
    try CellLimits.check("the term", bytes: text.utf8.count)
    var reader = TermReader(text)
    self = try reader.term(depth: 0)
    try reader.end()
  }

  // MARK: - Cell

  /// The cell whose output it is.
  ///
  /// A sum of matrices is one map with one bias. Equal matrices in two places are two.
  /// - Throws: `.invalidArgument` for empty places or a memory that nothing makes, and what making
  ///   the cell throws.
  package func cell() throws(Failure) -> Cell {
    guard emptyCount == 0 else { throw .invalid("\(text.prefix(200)) has empty places; fill them") }
    guard contains(.nextMemory) || !contains(.memory) else {
      throw .invalid("\(text.prefix(200)) reads c_tm1 but marks no c_t")
    }
    var draft = Draft(stateCount: contains(.nextMemory) ? 2 : 1)
    draft.next[0] = node(in: &draft)
    return try draft.cell()
  }

  private func node(in draft: inout Draft) -> Int {
    switch symbol {
    case .empty, .input: return 0
    case .hidden: return 1
    case .memory: return 2
    case .nextMemory:
      let node = operands[0].node(in: &draft)
      draft.next[1] = node
      return node
    default: break
    }
    if let mapped {
      var nodes: [Int] = []
      for operand in mapped {
        let node = operand.node(in: &draft)
        // Two matrices of one vector are one.
        if !nodes.contains(node) { nodes.append(node) }
      }
      return draft.linear(nodes)
    }
    var nodes = operands.map { $0.node(in: &draft) }
    // Gate3 has its gate last, blend has it first.
    if symbol == .gate { nodes = [nodes[2], nodes[0], nodes[1]] }
    return draft.add(symbol.operation.map { .operation($0) } ?? .linear(hasBias: true), nodes)
  }

  /// What a sum of matrices maps; nil for anything else.
  private var mapped: [Term]? {
    switch symbol {
    case .matrix: return operands
    case .add:
      guard let left = operands[0].mapped, let right = operands[1].mapped else { return nil }
      return left + right
    default: return nil
    }
  }
}
