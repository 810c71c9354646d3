import Kernels

extension JSON {
  /// Bounds on a text, so that a hostile one can exhaust neither memory nor stack.
  package enum Bounds {
    /// Arrays and objects inside each other.
    package static let depth = 64
    package static let bytes = 100 << 20
  }

  /// Reads a JSON text of UTF-8 bytes.
  ///
  /// Strict: no comments, no trailing commas, no duplicate names, no lone surrogates, nothing after
  /// the value.
  /// - Throws: `.parse` with line and column, or `.limit`.
  package init(parsing bytes: UnsafeBufferPointer<UInt8>) throws(Failure) {
    guard bytes.count <= Bounds.bytes else {
      throw Failure(
        .limit, "a JSON text of \(bytes.count) bytes is over the limit of \(Bounds.bytes) bytes")
    }
    var reader = JSONReader(bytes: bytes)
    self = try reader.document()
  }

  package init(parsing bytes: [UInt8]) throws(Failure) {
    let result = bytes.withUnsafeBufferPointer { buffer in
      Result { () throws(Failure) -> JSON in try JSON(parsing: buffer) }
    }
    self = try result.get()
  }

  package init(parsing text: String) throws(Failure) { try self.init(parsing: Array(text.utf8)) }
}

private struct JSONReader {
  let bytes: UnsafeBufferPointer<UInt8>
  var position = 0
  var depth = 0

  init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  var current: UInt8? { position < bytes.count ? bytes[position] : nil }

  /// A failure at the current byte; line and column are counted only now.
  func failure(_ message: String) -> Failure {
    var line = 1
    var column = 1
    for byte in bytes[..<min(position, bytes.count)] {
      if byte == UInt8(ascii: "\n") {
        line += 1
        column = 1
      } else if byte & 0xC0 != 0x80 {
        column += 1
      }
    }
    return Place(line: line, column: column).failure(message)
  }

  mutating func document() throws(Failure) -> JSON {
    let value = try self.value()
    skipSpace()
    guard position == bytes.count else { throw failure("text after the end of the JSON value") }
    return value
  }

  private mutating func skipSpace() {
    while let byte = current, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 {
      position += 1
    }
  }

  private mutating func accept(_ byte: UInt8) -> Bool {
    skipSpace()
    guard current == byte else { return false }
    position += 1
    return true
  }

  private mutating func value() throws(Failure) -> JSON {
    skipSpace()
    guard let byte = current else { throw failure("the JSON text ends too early") }
    switch byte {
    case UInt8(ascii: "{"): return try object()
    case UInt8(ascii: "["): return try array()
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try numeral()
    default: throw failure("expected a JSON value")
    }
  }

  private mutating func word(_ word: String, _ value: JSON) throws(Failure) -> JSON {
    for byte in word.utf8 {
      guard current == byte else { throw failure("expected '\(word)'") }
      position += 1
    }
    return value
  }

  private mutating func enter() throws(Failure) {
    position += 1
    depth += 1
    guard depth <= JSON.Bounds.depth else {
      throw failure("JSON nested deeper than \(JSON.Bounds.depth)")
    }
  }

  private mutating func array() throws(Failure) -> JSON {
    try enter()
    defer { depth -= 1 }
    var values: [JSON] = []
    if accept(UInt8(ascii: "]")) { return .array(values) }
    repeat { values.append(try value()) } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "]")) else { throw failure("expected ',' or ']'") }
    return .array(values)
  }

  private mutating func object() throws(Failure) -> JSON {
    try enter()
    defer { depth -= 1 }
    var members: [JSON.Member] = []
    var names: Set<String> = []
    if accept(UInt8(ascii: "}")) { return .object(members) }
    repeat {
      skipSpace()
      guard current == UInt8(ascii: "\"") else { throw failure("expected a name in quotes") }
      let name = try string()
      guard names.insert(name).inserted else {
        throw failure("the name \"\(name.prefix(64))\" stands twice in one object")
      }
      guard accept(UInt8(ascii: ":")) else { throw failure("expected ':'") }
      members.append(JSON.Member(name, try value()))
    } while accept(UInt8(ascii: ","))
    guard accept(UInt8(ascii: "}")) else { throw failure("expected ',' or '}'") }
    return .object(members)
  }

  private mutating func numeral() throws(Failure) -> JSON {
    let start = position
    if current == UInt8(ascii: "-") { position += 1 }
    let first = current
    guard digits() else { throw failure("expected a digit") }
    if first == UInt8(ascii: "0"), position - start > (bytes[start] == UInt8(ascii: "-") ? 2 : 1) {
      throw failure("a JSON number has no leading zero")
    }
    var isWhole = true
    if current == UInt8(ascii: ".") {
      isWhole = false
      position += 1
      guard digits() else { throw failure("expected a digit after the point") }
    }
    if let byte = current, byte | 0x20 == UInt8(ascii: "e") {
      isWhole = false
      position += 1
      if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
      guard digits() else { throw failure("expected a digit in the exponent") }
    }
    let text = String(decoding: bytes[start..<position], as: UTF8.self)
    if isWhole, let value = Int(text) { return .integer(value) }
    guard let value = Double(text), value.isFinite else {
      throw failure("the number \(text.prefix(40)) is out of range")
    }
    return .number(value)
  }

  private mutating func digits() -> Bool {
    let start = position
    while let byte = current, byte >= UInt8(ascii: "0"), byte <= UInt8(ascii: "9") { position += 1 }
    return position > start
  }

  private mutating func string() throws(Failure) -> String {
    position += 1
    var text: [UInt8] = []
    while let byte = current {
      switch byte {
      case UInt8(ascii: "\""):
        position += 1
        guard let string = String(validating: text, as: UTF8.self) else {
          throw failure("a string is not valid UTF-8")
        }
        return string
      case UInt8(ascii: "\\"):
        position += 1
        text.append(contentsOf: try escape())
      case 0..<0x20: throw failure("a control character in a string; write it as \\u00…")
      default:
        text.append(byte)
        position += 1
      }
    }
    throw failure("a string without its closing quote")
  }

  private mutating func escape() throws(Failure) -> [UInt8] {
    guard let byte = current else { throw failure("the JSON text ends in an escape") }
    position += 1
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
    case UInt8(ascii: "b"): return [8]
    case UInt8(ascii: "f"): return [12]
    case UInt8(ascii: "n"): return [10]
    case UInt8(ascii: "r"): return [13]
    case UInt8(ascii: "t"): return [9]
    case UInt8(ascii: "u"): break
    default: throw failure("unknown escape in a string")
    }
    var code = try hexadecimal()
    if code & 0xFC00 == 0xD800 {
      guard current == UInt8(ascii: "\\"), position + 1 < bytes.count,
        bytes[position + 1] == UInt8(ascii: "u")
      else { throw failure("half of a surrogate pair") }
      position += 2
      let low = try hexadecimal()
      guard low & 0xFC00 == 0xDC00 else { throw failure("half of a surrogate pair") }
      code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
    }
    guard let scalar = UnicodeScalar(code) else { throw failure("half of a surrogate pair") }
    return Array(String(Character(scalar)).utf8)
  }

  private mutating func hexadecimal() throws(Failure) -> UInt32 {
    var code: UInt32 = 0
    for _ in 0..<4 {
      guard let byte = current, let digit = Character(UnicodeScalar(byte)).hexDigitValue else {
        throw failure("expected four hexadecimal digits")
      }
      code = code << 4 | UInt32(digit)
      position += 1
    }
    return code
  }
}
