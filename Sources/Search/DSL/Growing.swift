import Cells
import Kernels

/// Grows terms from h_t, an empty place at a time, until every leaf is a source.
///
/// The rules are those of Schrimpf et al. 2017, arXiv:1712.07316: at most 21 symbols and 8 levels, no operator
/// straight on itself, gates are sigmoids, x_t and h_tm1 occur.
package struct Growing: Sendable {
  package static let nodes = 21
  package static let depth = 8

  /// What may be used.
  private let symbols: [Symbol]
  private let nodes: Int
  private let depth: Int

  package init(_ space: SearchSpace) {
    symbols = Symbol.allCases.filter { symbol in
      switch symbol {
      case .empty: false
      case .memory, .nextMemory: space.states ?? 2 > 1
      default: symbol.operation.map { space.allows($0.name) } ?? true
      }
    }
    nodes = min(Self.nodes, space.nodes ?? Self.nodes)
    depth = min(Self.depth, space.depth ?? Self.depth)
  }

  /// The first empty place in reading order, and what is around it.
  package struct Place: Sendable {
    /// The operands to go down, from the root.
    package var path: [Int]
    /// Above it, marks left out; nil at the root.
    var above: Symbol?
    /// Whether the mark of the memory stands straight above.
    var isMarked: Bool
    var isGate: Bool
    var level: Int
  }

  package static func place(in term: Term) -> Place? {
    var path: [Int] = []
    func find(_ term: Term, _ above: Symbol?, _ isMarked: Bool, _ isGate: Bool, _ level: Int)
      -> Place?
    {
      if term.symbol == .empty {
        return Place(path: path, above: above, isMarked: isMarked, isGate: isGate, level: level)
      }
      let isMark = term.symbol == .nextMemory
      for (index, operand) in term.operands.enumerated() {
        path.append(index)
        if let place = find(
          operand, isMark ? above : term.symbol, isMark,
          term.symbol == .gate && index == 2, isMark ? level : level + 1)
        {
          return place
        }
        path.removeLast()
      }
      return nil
    }
    return find(term, nil, false, false, 1)
  }

  /// What may fill the first empty place; empty where the rules cannot be kept any more.
  package func choices(for term: Term, at place: Place) -> [Symbol] {
    if place.isGate { return symbols.filter { $0 == .sigmoid } }
    let open = term.emptyCount
    // What each other empty place needs at the least: a gate its sigmoid too, a term of x its matrix.
    let spare = nodes - (term.count - open) - (open - 1) - pendingGates(in: term)
    let needsInput = !term.contains(.input)
    let needsHidden = !term.contains(.hidden)
    let isLast = open == 1
    return symbols.filter { symbol in
      // Symbols that it takes, with the least below it.
      let size = symbol == .nextMemory ? 1 : 1 + symbol.arity + (symbol == .gate ? 1 : 0)
      guard size <= spare else { return false }
      if symbol.arity > 0, symbol != .nextMemory {
        guard place.level + (symbol == .gate ? 2 : 1) <= depth else { return false }
        guard symbol != place.above || symbol.arity > 1 else { return false }
      }
      switch symbol {
      // A source is no output, x_t may have another size than h, and c_t must be made before c_tm1 is
      // read.
      case .input: return place.above == .matrix && !(isLast && needsHidden)
      case .hidden: return place.above != nil && !place.isMarked && !(isLast && needsInput)
      case .memory:
        return place.above != nil && term.contains(.nextMemory)
          && !(isLast && (needsInput || needsHidden))
      case .nextMemory:
        return place.above != nil && place.above != .matrix && !term.contains(.nextMemory)
      case .matrix: return true
      // The last place of a term without x_t leads to it.
      default:
        guard isLast, needsInput, symbol.arity == 1 else { return true }
        return place.level + 2 <= depth && spare >= size + 1
      }
    }
  }

  /// Gates that are empty yet, each of which takes two symbols.
  private func pendingGates(in term: Term) -> Int {
    (term.symbol == .gate && term.operands[2].symbol == .empty ? 1 : 0)
      + term.operands.reduce(0) { $0 + pendingGates(in: $1) }
  }

  /// The term with a symbol at the place, above empty ones.
  package static func filling(_ term: Term, at place: Place, with symbol: Symbol) -> Term {
    func fill(_ term: Term, _ path: ArraySlice<Int>) -> Term {
      guard let index = path.first else { return .open(symbol) }
      var term = term
      term.operands[index] = fill(term.operands[index], path.dropFirst())
      return term
    }
    return fill(term, place.path[...])
  }

  /// The choices by which a complete term grows: the term before each, its place, and the symbol.
  package static func steps(of term: Term) -> [(term: Term, place: Place, symbol: Symbol)] {
    func at(_ path: [Int]) -> Term { path.reduce(term) { $0.operands[$1] } }
    var steps: [(Term, Place, Symbol)] = []
    var grown = Term.empty
    while let place = place(in: grown) {
      let symbol = at(place.path).symbol
      // A term with empty places grows no further there.
      guard symbol != .empty else { break }
      steps.append((grown, place, symbol))
      grown = filling(grown, at: place, with: symbol)
    }
    return steps
  }

  /// Grows a term; each symbol is chosen by weights that the caller gives.
  ///
  /// - Throws: `.state` when none of 100 tries keeps the rules, and what `weights` throws.
  package func grow(
    _ choices: inout Choices,
    weights: (Term, Place, [Symbol]) throws(Failure) -> [Double]
  ) throws(Failure) -> Term {
    for _ in 0..<100 {
      var term = Term.empty
      while let place = Self.place(in: term) {
        let legal = self.choices(for: term, at: place)
        guard !legal.isEmpty else { break }
        let symbol = legal[choices.weighted(try weights(term, place, legal))]
        term = Self.filling(term, at: place, with: symbol)
      }
      if isComplete(term) { return term }
    }
    throw Failure(.state, "no grown term kept the rules")
  }

  /// Whether nothing is empty, and x_t and h_tm1 occur.
  package func isComplete(_ term: Term) -> Bool {
    term.emptyCount == 0 && term.contains(.input) && term.contains(.hidden)
  }

  /// Random growth, which prefers symbols by their frequency.
  package func random(_ choices: inout Choices) throws(Failure) -> Term {
    try grow(&choices) { _, _, legal in legal.map(\.frequency) }
  }
}
