import Kernels

/// Where the text of a split comes from.
package enum TextSource: @unchecked Sendable {
  case file(String)
  /// Bytes that live as long as the call.
  case memory(UnsafeRawBufferPointer)
}

/// Text as token ids in three splits, with the vocabulary of the first.
package final class Corpus: Sendable {
  package let vocabulary: Vocabulary
  /// Of all tokens and the vocabulary; the same on every machine.
  package let digest: UInt64
  private let splits: [Buffer<Int32>]

  /// The ids of a split, which live as long as the corpus.
  package var train: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(splits[0].all) }
  package var valid: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(splits[1].all) }
  package var test: UnsafeBufferPointer<Int32> { UnsafeBufferPointer(splits[2].all) }

  /// Reads the splits; the training text alone is split 90/5/5 by position, at the end of a line of
  /// words or of a character.
  ///
  /// - Parameter limit: bytes of each text to use, or nil for all.
  /// - Throws: `.io` for a file that cannot be read, `.format` for text that is not UTF-8 where the unit
  ///   needs it, `.invalidArgument` for a split with fewer than two tokens and for one of `valid` and
  ///   `test` without the other.
  package init(
    train: TextSource, valid: TextSource? = nil, test: TextSource? = nil, unit: TextUnit,
    limit: Int? = nil
  ) throws(Failure) {
    guard (valid == nil) == (test == nil) else {
      throw .invalid(
        "a corpus needs both a validation and a test text, or neither; pass both, or the training "
          + "text alone")
    }
    var names = ["the training text", "the validation text", "the test text"]
    var loaded: [LoadedText] = []
    for (source, name) in zip([train, valid, test], names) {
      guard let source else { continue }
      loaded.append(try LoadedText(source, unit: unit, limit: limit, name))
    }
    var texts = loaded.map(\.text)
    if loaded.count == 1 {
      let all = texts[0]
      let first = all.cut(near: all.bytes.count / 10 * 9, after: 0, unit: unit)
      let second = all.cut(near: first + (all.bytes.count - first) / 2, after: first, unit: unit)
      let cuts = [0..<first, first..<second, second..<all.bytes.count]
      texts = cuts.map { Text(UnsafeBufferPointer(rebasing: all.bytes[$0])) }
      names = ["the first 90 %", "the next 5 %", "the last 5 %"].map { "\($0) of the text" }
    }
    vocabulary = try Vocabulary(of: texts[0], unit: unit)
    var digest = Digest()
    digest.add(unit.rawValue.utf8)
    for token in vocabulary.tokens { digest.add(token.utf8) }
    var splits: [Buffer<Int32>] = []
    for (text, name) in zip(texts, names) {
      let ids = try vocabulary.encode(text, name)
      guard ids.count >= 2 else {
        throw .invalid(
          "\(name) has \(ids.count) \(unit.rawValue)s, and a loss needs at least 2; use a longer text"
        )
      }
      for id in ids.all { digest.add(UInt64(UInt32(bitPattern: id))) }
      digest.add(UInt64(ids.count))
      splits.append(ids)
    }
    self.splits = splits
    self.digest = digest.value
    withExtendedLifetime(loaded) {}
  }

  /// FNV-1a over words of 64 bits.
  private struct Digest {
    var value: UInt64 = 0xCBF2_9CE4_8422_2325
    mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x0000_0100_0000_01B3 }
    mutating func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { add(UInt64(byte)) }
      add(UInt64(0x100))
    }
  }

  /// A text and what keeps its bytes alive.
  private struct LoadedText {
    let text: Text
    private let file: Buffer<UInt8>?

    init(_ source: TextSource, unit: TextUnit, limit: Int?, _ name: String) throws(Failure) {
      let most = max(limit ?? .max, 0)
      // One byte more tells whether the limit cuts a character or a line.
      let wanted = most == .max ? most : most + 1
      var bytes: UnsafeBufferPointer<UInt8>
      var name = name
      switch source {
      case .file(let path):
        let read = try FileContents.read(path, limit: wanted)
        file = read
        bytes = read.bytes
        name += " '\(path.shown)'"
      case .memory(let memory):
        file = nil
        bytes = UnsafeBufferPointer(rebasing: memory.bindMemory(to: UInt8.self).prefix(wanted))
      }
      if bytes.count > most {
        let end = Text(bytes).cut(near: most, after: 0, unit: unit)
        bytes = UnsafeBufferPointer(rebasing: bytes[..<end])
      }
      let text = Text(bytes)
      if unit != .byte { try text.checkUTF8(name) }
      self.text = text
    }
  }
}
