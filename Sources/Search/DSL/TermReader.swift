import Cells
import Kernels

/// Reads terms of the language of Schrimpf et al., `Gate3(Tanh(MM(x_t)), h_tm1, Sigmoid(MM(h_tm1)))`.
struct TermReader {
  private let characters: [Character]
  private var position = 0
  /// Deeper terms would cost a stack, and are no cells.
  private static let maxDepth = 64

  init(_ text: String) { characters = Array(text) }

  mutating func term(depth: Int) throws(Failure) -> Term {
    let start = skipped()
    var name = ""
    while position < characters.count, isWord(characters[position]) {
      name.append(characters[position])
      position += 1
    }
    guard depth < Self.maxDepth else {
      throw failure("the term is deeper than \(Self.maxDepth) symbols", at: start)
    }
    guard let symbol = Symbol(rawValue: name) else {
      let names = Symbol.allCases.map(\.rawValue)
      // x for x_t, h for h_tm1.
      let meant =
        names.first { $0.hasPrefix(name.lowercased() + "_") } ?? nearest(to: name, among: names)
      let hint = meant.map { "did you mean '\($0)'?" }
      throw failure(
        name.isEmpty
          ? "a symbol was expected"
          : "'\(name.prefix(40))' is no symbol; \(hint ?? "there are \(names.joined(separator: ", "))")",
        at: start)
    }
    guard symbol.arity > 0 else { return Term(symbol) }
    var operands: [Term] = []
    for place in 0..<symbol.arity {
      try expect(place == 0 ? "(" : ",", symbol)
      operands.append(try term(depth: depth + 1))
    }
    try expect(")", symbol)
    return Term(symbol, operands)
  }

  mutating func end() throws(Failure) {
    let start = skipped()
    if start < characters.count {
      throw failure("'\(characters[start])' comes after the end of the term", at: start)
    }
  }

  private mutating func expect(_ character: Character, _ symbol: Symbol) throws(Failure) {
    let start = skipped()
    guard start < characters.count, characters[start] == character else {
      throw failure(
        "'\(character)' was expected: \(symbol.rawValue) takes \(symbol.arity) "
          + "operand\(symbol.arity == 1 ? "" : "s")", at: start)
    }
    position += 1
  }

  /// Where the next thing is that is not blank.
  private mutating func skipped() -> Int {
    while position < characters.count, characters[position].isWhitespace { position += 1 }
    return position
  }

  private func isWord(_ character: Character) -> Bool {
    character.isLetter || character.isNumber || character == "_"
  }

  private func failure(_ message: String, at place: Int) -> Failure {
    let before = characters[..<min(place, characters.count)]
    let line = 1 + before.count { $0.isNewline }
    let start = before.lastIndex { $0.isNewline }.map { $0 + 1 } ?? 0
    return Place(line: line, column: 1 + before.count - start).failure(message)
  }
}
