import Cells
import Kernels
import Testing

@Suite struct JSONTests {
  static let values: [(String, JSON)] = [
    ("null", .null), (" true ", .bool(true)), ("false", .bool(false)), ("-0", .integer(0)),
    ("9223372036854775807", .integer(.max)), ("9223372036854775808", .number(0x1p63)),
    ("-1.5e-3", .number(-0.0015)), ("\"\"", .string("")),
    (#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#, .string("a\"\\/\u{8}\u{C}\n\r\té😀")),
    ("[]", .array([])), ("{}", .object([])),
    (
      "[1, [2], {\"a\": null}]",
      .array([.integer(1), .array([.integer(2)]), .object([.init("a", .null)])])
    ),
    ("{\"b\": 1, \"a\": 2}", .object([.init("b", .integer(1)), .init("a", .integer(2))])),
  ]

  @Test("JSON values read, and read back from what is written", arguments: values)
  func value(text: String, expected: JSON) throws {
    let read = try JSON(parsing: text)
    #expect(read == expected)
    #expect(try JSON(parsing: read.text) == read)
  }

  static let bad: [(String, Int)] = [
    ("", 1), ("nul", 4), ("[1,]", 4), ("[1 2]", 4), ("{\"a\":1,}", 8), ("{a:1}", 2),
    ("{\"a\" 1}", 6),
    ("{\"a\":1,\"a\":2}", 11), ("01", 3), ("-", 2), ("1.", 3), ("1e", 3), ("1e999", 6), ("+1", 1),
    ("NaN", 1),
    ("'a'", 1), ("\"a", 3), ("\"\\x\"", 4), ("\"\\ud800\"", 8), ("\"\\udc00\"", 8),
    ("\"\\u12g4\"", 6),
    ("\"a\u{1}\"", 3), ("1 2", 3), ("[", 2), ("{", 2), ("// a\n1", 1),
    (String(repeating: "[", count: 65), 66),
  ]

  @Test("what is not JSON is refused with its place", arguments: bad)
  func refused(text: String, column: Int) {
    let failure = #expect(throws: Failure.self) { try JSON(parsing: text) }
    #expect(failure?.kind == .parse)
    #expect(failure?.column == column, "\(failure?.message ?? "")")
  }

  @Test("invalid UTF-8 in a string is refused, and nesting of 64 is read")
  func bytes() throws {
    #expect(throws: Failure.self) { try JSON(parsing: [0x22, 0xC3, 0x22]) }
    let nested = String(repeating: "[", count: 64) + String(repeating: "]", count: 64)
    #expect(try JSON(parsing: nested).text == nested)
  }

  @Test("every truncation of a document is refused")
  func truncations() throws {
    let text = #"{"a": [1, -2.5e3, "x\u00e9", null, true], "b": {"c": false}}"#
    _ = try JSON(parsing: text)
    for length in 0..<text.utf8.count {
      #expect(throws: Failure.self) { try JSON(parsing: Array(text.utf8.prefix(length))) }
    }
  }
}
