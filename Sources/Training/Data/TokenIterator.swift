/// The words or characters of a text one after another, as slices of its bytes.
///
/// Reading the Penn Treebank by a loop over it takes 0.25 s, of words and of characters alike; with a
/// closure called for each token it took 0.55 s and 0.95 s.
struct TokenIterator: IteratorProtocol {
  private let bytes: UnsafeBufferPointer<UInt8>
  private let unit: TextUnit
  private var index = 0
  /// Whether the line has a word so far.
  private var hasWord = false

  /// The text must be UTF-8.
  init(_ bytes: UnsafeBufferPointer<UInt8>, _ unit: TextUnit) {
    self.bytes = bytes
    self.unit = unit
  }

  mutating func next() -> UnsafeBufferPointer<UInt8>? {
    unit == .word ? nextWord() : nextCharacter()
  }

  private mutating func nextCharacter() -> UnsafeBufferPointer<UInt8>? {
    guard index < bytes.count else { return nil }
    let lead = bytes[index]
    let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
    let start = index
    index = min(index &+ length, bytes.count)
    return slice(start, index)
  }

  /// Words lie between ASCII white space.
  ///
  /// A last line without a newline ends as well, if it has a word.
  private mutating func nextWord() -> UnsafeBufferPointer<UInt8>? {
    while index < bytes.count {
      let start = index
      index &+= 1
      if bytes[start] == 0x0A {
        hasWord = false
        return Self.endOfLine
      }
      guard !Self.isSpace(bytes[start]) else { continue }
      while index < bytes.count, !Self.isSpace(bytes[index]) { index &+= 1 }
      hasWord = true
      return slice(start, index)
    }
    defer { hasWord = false }
    return hasWord ? Self.endOfLine : nil
  }

  private func slice(_ start: Int, _ end: Int) -> UnsafeBufferPointer<UInt8> {
    UnsafeBufferPointer(rebasing: bytes[start..<end])
  }

  private static func isSpace(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte >= 0x09 && byte <= 0x0D)
  }

  private static var endOfLine: UnsafeBufferPointer<UInt8> {
    let text = TextUnit.endOfLineText
    return UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
  }
}
