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

  /// The tokens of a text of words or characters, which is UTF-8.
  func tokens(_ unit: TextUnit) -> TokenIterator { TokenIterator(bytes, unit) }

  /// How many tokens a text has, which is UTF-8 where the unit needs it.
  func tokenCount(_ unit: TextUnit) -> Int {
    guard unit != .byte else { return bytes.count }
    var count = 0
    var tokens = tokens(unit)
    while tokens.next() != nil { count &+= 1 }
    return count
  }

  /// Where to cut at or before a byte: between scalars, and for words behind a line, or between two words
  /// where no line ends within a twentieth of the text.
  func cut(near position: Int, after low: Int, unit: TextUnit) -> Int {
    let place = min(max(position, low), bytes.count)
    switch unit {
    case .byte: return place
    case .character:
      var cut = place
      // A scalar has at most three bytes behind its first; more are no UTF-8, which is refused later.
      while cut > low, place - cut < 3, cut < bytes.count, bytes[cut] & 0xC0 == 0x80 { cut -= 1 }
      return cut
    case .word:
      let nearest = max(low, place - max(bytes.count / 20, 256))
      var cut = place
      while cut > nearest, bytes[cut - 1] != 0x0A { cut -= 1 }
      if cut > nearest { return cut }
      cut = place
      while cut > low, bytes[cut - 1] > 0x20 { cut -= 1 }
      return cut
    }
  }
}
