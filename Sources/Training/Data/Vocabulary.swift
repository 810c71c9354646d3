import Kernels

/// The tokens that a model knows; a token's id is its index.
package struct Vocabulary: Equatable, Sendable {
  package let unit: TextUnit
  /// The text of each token; of bytes, the scalar of the same number.
  package let tokens: [String]
  /// The id that stands for what is not in the vocabulary; nil for bytes.
  package let unknown: Int32?
  private let table: ByteTable
  /// Ids of the scalars below 128 by their number, so that these need no hashing; -1 for none.
  private let scalarIDs: [Int32]

  package var count: Int { tokens.count }

  /// Most tokens of a vocabulary.
  package static let limit = 1 << 22

  package static func == (a: Vocabulary, b: Vocabulary) -> Bool {
    a.unit == b.unit && a.count == b.count
      && zip(a.tokens, b.tokens).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
  }

  /// A vocabulary of given tokens.
  ///
  /// - Throws: `.invalidArgument` for tokens that are none of that unit or stand twice, or that are not
  ///   all 256 bytes; `.limit` for too many of them.
  package init(unit: TextUnit, tokens: [String]) throws(Failure) {
    guard !tokens.isEmpty, tokens.count <= Vocabulary.limit else {
      throw Failure(
        tokens.isEmpty ? .invalidArgument : .limit,
        "a vocabulary of \(tokens.count) tokens; use 1 to \(Vocabulary.limit)")
    }
    guard unit != .byte || tokens.count == 256 else {
      throw .invalid("a vocabulary of \(tokens.count) bytes; there are 256")
    }
    var table = ByteTable()
    var scalarIDs = [Int32](repeating: -1, count: 128)
    for (index, token) in tokens.enumerated() {
      let scalars = token.unicodeScalars
      let isFit =
        switch unit {
        case .word: !token.isEmpty && !token.utf8.contains { $0 == 0x20 || (9...13).contains($0) }
        case .character: scalars.count == 1
        case .byte: scalars.count == 1 && scalars.first?.value == UInt32(index)
        }
      guard isFit, Self.withBytes(token, { table.insert($0) }) == index else {
        throw .invalid(
          "token \(index), '\(token.prefix(40))', is no \(unit.rawValue) or stands twice")
      }
      if unit == .character, let value = scalars.first?.value, value < 128 {
        scalarIDs[Int(value)] = Int32(index)
      }
    }
    self.unit = unit
    self.tokens = tokens
    self.table = table
    self.scalarIDs = scalarIDs
    self.unknown = unit.unknownToken.flatMap { name in
      Self.withBytes(name) { table.find($0) }.map { Int32($0) }
    }
  }

  /// The tokens of a text, most frequent first and by their bytes where equally frequent; the unknown
  /// token last where the text lacks it.
  ///
  /// Of bytes: all 256.
  init(of text: Text, unit: TextUnit) throws(Failure) {
    guard unit != .byte else {
      try self.init(unit: .byte, tokens: (0..<256).map { String(UnicodeScalar(UInt8($0))) })
      return
    }
    var table = ByteTable()
    var counts: [Int] = []
    // Where ASCII characters are in the table, so that these need no hashing; -1 for nowhere yet.
    var places = [Int](repeating: -1, count: 128)
    var pieces = text.tokens(unit)
    while let token = pieces.next() {
      if unit == .character, token.count == 1, places[Int(token[0] & 127)] >= 0 {
        counts[places[Int(token[0] & 127)]] += 1
        continue
      }
      let index = table.insert(token)
      if unit == .character, token.count == 1 { places[Int(token[0] & 127)] = index }
      if index < counts.count {
        counts[index] += 1
        continue
      }
      guard counts.count < Vocabulary.limit - 1 else {
        throw Failure(
          .limit,
          "the text has more than \(Vocabulary.limit) different tokens; "
            + "use the unit 'character' or 'byte'")
      }
      counts.append(1)
    }
    let order = counts.indices.sorted { a, b in
      counts[a] != counts[b]
        ? counts[a] > counts[b] : table[a].lexicographicallyPrecedes(table[b])
    }
    var tokens = order.map { String(decoding: table[$0], as: UTF8.self) }
    if let unknown = unit.unknownToken, Self.withBytes(unknown, { table.find($0) }) == nil {
      tokens.append(unknown)
    }
    try self.init(unit: unit, tokens: tokens)
  }

  /// The text of one token.
  package func text(_ id: Int) -> String { tokens.indices.contains(id) ? tokens[id] : "" }

  /// The text of token ids: words with a space between and a new line for `<eos>`.
  package func text(_ ids: [Int32]) -> String {
    if unit == .byte {
      return String(decoding: ids.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }
    var text = ""
    for id in ids where id >= 0 && Int(id) < count {
      let token = tokens[Int(id)]
      if unit == .word, token == TextUnit.endOfLine {
        text += "\n"
      } else {
        if unit == .word, !text.isEmpty, text.utf8.last != 0x0A { text += " " }
        text += token
      }
    }
    return text
  }

  /// The token ids of a text; what the vocabulary lacks becomes its unknown token.
  ///
  /// - Throws: `.format` for text that is not UTF-8 where the unit needs it, `.invalidArgument` for a
  ///   token that the vocabulary lacks where it has no unknown one.
  package func encode(_ bytes: UnsafeRawBufferPointer) throws(Failure) -> [Int32] {
    try encode(Text(bytes.bindMemory(to: UInt8.self)), "the text").array
  }

  /// The token ids of a text, as for bytes.
  package func encode(_ text: String) throws(Failure) -> [Int32] {
    try withFailingBytes(of: Array(text.utf8)) { bytes throws(Failure) in
      try encode(Text(bytes), "the text").array
    }
  }

  /// The token ids of a text, which failures call `what`.
  func encode(_ text: Text, _ what: String) throws(Failure) -> Buffer<Int32> {
    if unit != .byte { try text.checkUTF8(what) }
    let ids = try Buffer<Int32>(count: text.tokenCount(unit))
    guard unit != .byte else {
      for (index, byte) in text.bytes.enumerated() { ids.base[index] = Int32(byte) }
      return ids
    }
    var count = 0
    var pieces = text.tokens(unit)
    while let token = pieces.next() {
      if unit == .character, token.count == 1, scalarIDs[Int(token[0] & 127)] >= 0 {
        ids.base[count] = scalarIDs[Int(token[0] & 127)]
      } else if let id = table.find(token).map({ Int32($0) }) ?? unknown {
        ids.base[count] = id
      } else {
        throw .invalid(
          "'\(String(decoding: token.prefix(40), as: UTF8.self))', token \(count) of \(what), is not "
            + "in the vocabulary, which has no unknown token; leave it out")
      }
      count &+= 1
    }
    return ids
  }

  private static func withBytes<R>(
    _ string: String, _ body: (UnsafeBufferPointer<UInt8>) -> R
  ) -> R {
    Array(string.utf8).withUnsafeBufferPointer(body)
  }
}

/// `withUnsafeBufferPointer` for a body that throws failures.
private func withFailingBytes<R>(
  of bytes: [UInt8], _ body: (UnsafeBufferPointer<UInt8>) throws(Failure) -> R
) throws(Failure) -> R {
  let result: Result<R, Failure> = bytes.withUnsafeBufferPointer { bytes in
    do throws(Failure) { return .success(try body(bytes)) } catch { return .failure(error) }
  }
  return try result.get()
}
