import Kernels

/// Bytes of text, checked and cut into pieces.
struct Text {
  let bytes: UnsafeBufferPointer<UInt8>

  init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

  /// - Throws: `.format` with the place of the first byte that is not UTF-8.
  func checkUTF8(_ what: String) throws(Failure) {
    var index = 0
    while index < bytes.count {
      if bytes[index] < 0x80 {
        index &+= 1
        continue
      }
      let length = scalarLength(at: index)
      guard length > 0 else {
        throw Failure(
          .format,
          "\(what) is not UTF-8: byte \(index) is \(bytes[index]); convert it, or use the unit 'byte'"
        )
      }
      index &+= length
    }
  }

  /// How many bytes a well-formed scalar takes (Unicode 15, table 3-7), or 0.
  private func scalarLength(at index: Int) -> Int {
    func next(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
      index + offset < bytes.count && range.contains(bytes[index + offset])
    }
    switch bytes[index] {
    case 0..<0x80: return 1
    case 0xC2...0xDF: return next(1) ? 2 : 0
    case 0xE0: return next(1, 0xA0...0xBF) && next(2) ? 3 : 0
    case 0xED: return next(1, 0x80...0x9F) && next(2) ? 3 : 0
    case 0xE1...0xEF: return next(1) && next(2) ? 3 : 0
    case 0xF0: return next(1, 0x90...0xBF) && next(2) && next(3) ? 4 : 0
    case 0xF1...0xF3: return next(1) && next(2) && next(3) ? 4 : 0
    case 0xF4: return next(1, 0x80...0x8F) && next(2) && next(3) ? 4 : 0
    default: return 0
    }
  }

  /// Calls the body with each word's or scalar's bytes, and for words with nil at the end of each line.
  func forEachToken(
    _ unit: TextUnit, _ body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Void
  ) throws(Failure) {
    guard unit == .character else { return try forEachWord(body) }
    var index = 0
    while index < bytes.count {
      let length = max(scalarLength(at: index), 1)
      try body(UnsafeBufferPointer(rebasing: bytes[index..<index + length]))
      index += length
    }
  }

  /// Calls the body with each word's bytes, and with nil at the end of each line.
  ///
  /// White space is ASCII's. A last line without a newline ends as well, unless it is empty.
  private func forEachWord(
    _ body: (UnsafeBufferPointer<UInt8>?) throws(Failure) -> Void
  ) throws(Failure) {
    var start = 0
    var lineStart = 0
    for index in 0...bytes.count {
      let byte = index < bytes.count ? bytes[index] : 0x0A
      guard byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) else { continue }
      if index > start { try body(UnsafeBufferPointer(rebasing: bytes[start..<index])) }
      start = index + 1
      if byte == 0x0A {
        if index < bytes.count || index > lineStart { try body(nil) }
        lineStart = index + 1
      }
    }
  }

  /// Where to cut near a byte: behind a line for words, between scalars for characters.
  func cut(near position: Int, after low: Int, unit: TextUnit) -> Int {
    var place = min(max(position, low), bytes.count)
    switch unit {
    case .byte: return place
    case .character:
      while place > low, place < bytes.count, bytes[place] & 0xC0 == 0x80 { place -= 1 }
      return place
    case .word:
      while place > low, bytes[place - 1] != 0x0A { place -= 1 }
      if place > low { return place }
      // No line ends there: between two words.
      place = min(max(position, low), bytes.count)
      while place > low, bytes[place - 1] > 0x20 { place -= 1 }
      return place
    }
  }
}
