import CRNNCell
import Testing

/// The message of the last failure on this thread.
func lastMessage() -> String { String(cString: rnncell_last_error(nil, nil)) }

/// Expects success, and shows the message otherwise.
func succeed(_ status: Int32, sourceLocation: SourceLocation = #_sourceLocation) {
  #expect(status == RNNCELL_OK, Comment(rawValue: lastMessage()), sourceLocation: sourceLocation)
}

/// Expects a status, and a message that holds a text.
func fail(
  _ status: Int32, _ expected: Int32, _ text: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(status == expected, Comment(rawValue: lastMessage()), sourceLocation: sourceLocation)
  #expect(!lastMessage().isEmpty, sourceLocation: sourceLocation)
  if !text.isEmpty {
    #expect(lastMessage().contains(text), sourceLocation: sourceLocation)
  }
}

/// A text by the two calls of the header: first its size, then itself.
func text(_ call: (UnsafeMutablePointer<CChar>?, Int, UnsafeMutablePointer<Int>?) -> Int32)
  -> String
{
  var needed = 0
  succeed(call(nil, 0, &needed))
  guard needed > 0 else { return "" }
  var bytes = [CChar](repeating: 1, count: needed)
  succeed(call(&bytes, needed, nil))
  #expect(bytes[needed - 1] == 0)
  return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Runs with a cell and gives it back.
func withCell(_ equations: String, _ body: (OpaquePointer) throws -> Void) throws {
  var cell: OpaquePointer?
  succeed(rnncell_cell_parse(&cell, equations))
  defer { rnncell_cell_free(cell) }
  try body(try #require(cell))
}

/// Runs with a published cell and gives it back.
func withStock(_ name: String, _ body: (OpaquePointer) throws -> Void) throws {
  var cell: OpaquePointer?
  succeed(rnncell_cell_stock(&cell, name))
  defer { rnncell_cell_free(cell) }
  try body(try #require(cell))
}
