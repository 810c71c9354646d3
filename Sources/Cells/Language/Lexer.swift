import Kernels

/// A place in a text: 1-based line, and column in characters.
package struct Place: Hashable, Sendable {
  package var line: Int
  package var column: Int

  /// A parse failure here: `3:14: message`.
  package func failure(_ message: String) -> Failure {
    Failure(.parse, "\(line):\(column): \(message)", line: line, column: column)
  }

  package init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

/// One word, number or sign of the equations.
struct Token: Hashable, Sendable {
  enum Kind: Hashable, Sendable {
    /// A name, with its prime if it has one.
    case name(String)
    case number(Double)
    /// One of + - * / ( ) , = in ASCII.
    case symbol(UInt8)
    /// A line's end outside brackets, or `;`.
    case separator
    case end
  }
  var kind: Kind
  var place: Place

  /// How it is named in messages.
  var description: String {
    switch kind {
    case .name(let name): "'\(name)'"
    case .number(let value): "the number \(number(value))"
    case .symbol(let symbol): "'\(UnicodeScalar(symbol))'"
    case .separator: "the end of the line"
    case .end: "the end of the text"
    }
  }
}

/// Bounds on a cell, so that no text can exhaust memory or stack.
package enum CellLimits {
  /// Bytes of a text.
  package static let bytes = 1 << 16
  package static let nameBytes = 64
  /// Brackets and signs inside each other.
  package static let nesting = 48
  /// Operations on a path through one statement.
  package static let depth = 200
  package static let statements = 1024
  package static let nodes = 4096
  package static let operands = 64
  package static let states = 32
  package static let parameters = 1024

  /// Refuses a text of too many bytes.
  ///
  /// - Parameter what: of it as errors name it, "the recipe".
  package static func check(_ what: String, bytes count: Int) throws(Failure) {
    guard count <= bytes else {
      throw Failure(.limit, "\(what) has \(count) bytes, which is over the limit of \(bytes)")
    }
  }
}

/// Cuts a text into tokens.
///
/// `#` starts a comment; line ends inside brackets do not count.
func tokens(of text: String) throws(Failure) -> [Token] {
  let bytes = Array(text.utf8)
  try CellLimits.check("the text of the equations", bytes: bytes.count)
  var lexer = Lexer(bytes: bytes)
  var tokens: [Token] = []
  repeat { tokens.append(try lexer.next()) } while tokens.last?.kind != .end
  return tokens
}

private struct Lexer {
  let bytes: [UInt8]
  var position = 0
  var place = Place(line: 1, column: 1)
  var openBrackets = 0

  init(bytes: [UInt8]) { self.bytes = bytes }

  var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  mutating func advance() {
    if bytes[position] == UInt8(ascii: "\n") {
      place = Place(line: place.line + 1, column: 1)
    } else if bytes[position] & 0xC0 != 0x80 {
      // Bytes that continue a UTF-8 character do not count.
      place.column += 1
    }
    position += 1
  }

  mutating func next() throws(Failure) -> Token {
    while let byte = current {
      let start = place
      switch byte {
      case UInt8(ascii: "\n"), UInt8(ascii: ";"):
        advance()
        if openBrackets == 0 { return Token(kind: .separator, place: start) }
        if byte == UInt8(ascii: ";") {
          throw start.failure("';' inside brackets; close them first")
        }
      case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"):
        advance()
      case UInt8(ascii: "#"):
        while let next = current, next != UInt8(ascii: "\n") { advance() }
      case UInt8(ascii: "("):
        openBrackets += 1
        advance()
        return Token(kind: .symbol(byte), place: start)
      case UInt8(ascii: ")"):
        openBrackets = max(0, openBrackets - 1)
        advance()
        return Token(kind: .symbol(byte), place: start)
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "*"), UInt8(ascii: "/"),
        UInt8(ascii: ","), UInt8(ascii: "="):
        advance()
        return Token(kind: .symbol(byte), place: start)
      case _ where isLetter(byte):
        return try name(from: start)
      case _ where isDigit(byte) || byte == UInt8(ascii: "."):
        return try numeral(from: start)
      default:
        throw start.failure(unexpected(byte))
      }
    }
    return Token(kind: .end, place: place)
  }

  private mutating func name(from start: Place) throws(Failure) -> Token {
    let first = position
    while let byte = current, isLetter(byte) || isDigit(byte) { advance() }
    if current == UInt8(ascii: "'") { advance() }
    if current == UInt8(ascii: "'") {
      throw place.failure("a name takes one prime at most; it means the next state")
    }
    let name = String(decoding: bytes[first..<position], as: UTF8.self)
    guard position - first <= CellLimits.nameBytes else {
      throw start.failure(
        "the name '\(name.prefix(16))…' is longer than \(CellLimits.nameBytes) bytes; shorten it")
    }
    if current == UInt8(ascii: "."), position + 1 < bytes.count, isLetter(bytes[position + 1]) {
      while let byte = current, isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: ".") {
        advance()
      }
      let path = String(decoding: bytes[first..<position], as: UTF8.self)
      let last = path.split(separator: ".").last ?? ""
      throw start.failure("'\(path.prefix(60))': names have no dots; write \(last.prefix(40))")
    }
    return Token(kind: .name(name), place: start)
  }

  private mutating func numeral(from start: Place) throws(Failure) -> Token {
    let first = position
    while let byte = current {
      let previous = position > first ? bytes[position - 1] : 0
      let isSignOfExponent =
        (byte == UInt8(ascii: "+") || byte == UInt8(ascii: "-"))
        && (previous == UInt8(ascii: "e") || previous == UInt8(ascii: "E"))
      guard isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: ".") || isSignOfExponent else {
        break
      }
      advance()
    }
    let text = String(decoding: bytes[first..<position], as: UTF8.self)
    guard text.utf8.allSatisfy({ isDigit($0) || "+-.eE".utf8.contains($0) }),
      let value = Double(text)
    else {
      throw start.failure("'\(text.prefix(40))' is not a number; write it as 2, 0.5 or 1e-3")
    }
    guard value.magnitude <= Double(Float.greatestFiniteMagnitude) else {
      throw start.failure("the number \(text.prefix(40)) is too large for 32-bit arithmetic")
    }
    return Token(kind: .number(value), place: start)
  }

  /// Says what an unusable character is, and what was probably meant.
  private func unexpected(_ byte: UInt8) -> String {
    if byte == 0 { return "a zero byte; the equations must be plain text" }
    let tail = String(decoding: bytes[position..<min(position + 4, bytes.count)], as: UTF8.self)
    guard byte > 0x20, byte != 0x7F, let character = tail.first else {
      return "a control character (\(byte)); the equations must be plain text"
    }
    let meant: [Character: String] = [
      "×": "*", "·": "*", "⊙": "*", "∗": "*", "−": "-", "–": "-", "’": "'", "′": "'", "÷": "/",
      "σ": "sigmoid", "[": "(", "{": "(", "]": ")", "}": ")", "^": "square(a) for a * a",
      "²": "square(a)", "@": "product(a), which has its matrix within",
    ]
    if let sign = meant[character] { return "unexpected '\(character)'; write \(sign)" }
    if character == "'" { return "a prime belongs right after a name, as in h'" }
    return "unexpected '\(character)'; names are made of the letters a-z, digits and _"
  }
}

private func isLetter(_ byte: UInt8) -> Bool {
  (byte | 0x20) >= UInt8(ascii: "a") && (byte | 0x20) <= UInt8(ascii: "z")
    || byte == UInt8(ascii: "_")
}

private func isDigit(_ byte: UInt8) -> Bool {
  byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
}

/// The shortest text that reads back as the same number; whole numbers without a point.
package func number(_ value: Double) -> String {
  let text = "\(value)"
  return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}

/// Whether a name could stand in equations: letters, digits and `_`, not starting with a digit.
func isIdentifier(_ name: String) -> Bool {
  let bytes = Array(name.utf8)
  return !bytes.isEmpty && bytes.count <= CellLimits.nameBytes && isLetter(bytes[0])
    && bytes.allSatisfy { isLetter($0) || isDigit($0) }
}
