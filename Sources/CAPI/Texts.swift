import Glibc
import Kernels
import Synchronization

/// C strings that live as long as their owner: what a `const char *` in a struct points to.
final class Texts: Sendable {
  private struct Stored: @unchecked Sendable {
    var strings: [String: UnsafeMutablePointer<CChar>] = [:]
  }

  private let stored = Mutex(Stored())

  /// Strings that live for ever.
  static let forever = Texts()
  static var empty: UnsafePointer<CChar> { forever[""] }

  deinit {
    stored.withLock { stored in
      for string in stored.strings.values { free(string) }
    }
  }

  /// The C string of a text; the same text has the same address.
  subscript(text: String) -> UnsafePointer<CChar> {
    let address = stored.withLock { stored in
      if let known = stored.strings[text] { return UInt(bitPattern: known) }
      guard let made = strdup(text) else { return UInt(bitPattern: Texts.noMemory) }
      stored.strings[text] = made
      return UInt(bitPattern: made)
    }
    return UnsafePointer(bitPattern: address) ?? UnsafePointer(Texts.noMemory)
  }

  /// What is shown where there is no memory for a text.
  private nonisolated(unsafe) static let noMemory: UnsafeMutablePointer<CChar> = {
    let text = UnsafeMutablePointer<CChar>.allocate(capacity: 1)
    text.pointee = 0
    return text
  }()
}

/// Most bytes of a text argument.
private let textLimit = 1 << 24

/// Reads a text argument.
///
/// - Throws: `.invalidArgument` for NULL or text that is not UTF-8, `.limit` for one without an end.
func read(_ text: UnsafePointer<CChar>?, _ name: String) throws(Failure) -> String {
  guard let text else { throw .invalid("\(name) is NULL; pass a text that ends in NUL") }
  let count = strnlen(text, textLimit)
  guard count < textLimit else {
    throw Failure(.limit, "\(name) is longer than \(textLimit) bytes; pass a shorter text")
  }
  let bytes = UnsafeRawBufferPointer(start: text, count: count)
  guard let string = String(validating: bytes, as: UTF8.self) else {
    throw .invalid("\(name) is not valid UTF-8; pass UTF-8")
  }
  return string
}

/// Reads a text argument that may be NULL.
func readOptional(_ text: UnsafePointer<CChar>?, _ name: String) throws(Failure) -> String? {
  text == nil ? nil : try read(text, name)
}

/// Hands a text out: `(char *text, size_t capacity, size_t *needed)` of the header.
func write(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ make: () throws(Failure) -> String
) -> Int32 {
  writeBytes(text, capacity, needed) { () throws(Failure) in Array(try make().utf8) }
}

/// Hands bytes out as a text.
func writeBytes(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ make: () throws(Failure) -> [UInt8]
) -> Int32 {
  status { () throws(Failure) in
    needed?.pointee = 0
    guard capacity >= 0 else {
      throw Failure(.limit, "a capacity of \(UInt(bitPattern: capacity)) bytes cannot be")
    }
    guard text != nil || capacity == 0 else {
      throw .invalid("text is NULL but its capacity is \(capacity); pass 0 to learn what is needed")
    }
    if capacity > 0 { text?.pointee = 0 }
    let made = try make()
    needed?.pointee = made.count + 1
    guard let text else { return }
    guard capacity > made.count else {
      throw .invalid(
        "the text needs \(made.count + 1) bytes, not \(capacity); pass a larger buffer")
    }
    for (index, byte) in made.enumerated() { text[index] = CChar(bitPattern: byte) }
    text[made.count] = 0
  }
}
