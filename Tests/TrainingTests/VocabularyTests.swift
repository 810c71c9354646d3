import Kernels
import Support
import Testing
import Training

@Suite struct VocabularyTests {
  /// A vocabulary of a text, by way of a corpus that has it three times.
  private static func vocabulary(_ text: String, _ unit: TextUnit) throws -> Vocabulary {
    try withBytes(text.utf8) {
      try Corpus(train: .memory($0), valid: .memory($0), test: .memory($0), unit: unit).vocabulary
    }
  }

  /// The tokens of a text, of a vocabulary that has them all.
  private static func tokens(_ text: String, _ unit: TextUnit) throws -> [String] {
    let vocabulary = try vocabulary(text + " filler filler\n", unit)
    return try vocabulary.encode(text).map { vocabulary.text(Int($0)) }
  }

  static let words: [(String, [String])] = [
    ("", []), ("a", ["a", "<eos>"]), ("a b\n", ["a", "b", "<eos>"]), ("\n", ["<eos>"]),
    (" a  b \n c \n", ["a", "b", "<eos>", "c", "<eos>"]),
    ("a\n\n\nb\n", ["a", "<eos>", "<eos>", "<eos>", "b", "<eos>"]),
    ("a\r\nb\r\n", ["a", "<eos>", "b", "<eos>"]),
    ("a\tb\u{B}c\u{C}d\re", ["a", "b", "c", "d", "e", "<eos>"]),
    ("a\n  ", ["a", "<eos>"]), ("  ", []), ("  \n", ["<eos>"]),
    ("a\nb", ["a", "<eos>", "b", "<eos>"]),
    // A no-break space is part of a word, as is NUL.
    ("a\u{A0}b c\0d\n", ["a\u{A0}b", "c\0d", "<eos>"]),
    ("<eos> <unk>\n", ["<eos>", "<unk>", "<eos>"]),
  ]

  @Test("words are split at white space, with <eos> for each new line", arguments: words)
  func checkWords(text: String, expected: [String]) throws {
    #expect(try Self.tokens(text, .word) == expected)
  }

  static let characters: [(String, [String])] = [
    ("", []), ("ab\n", ["a", "b", "\n"]), ("aé😀é", ["a", "é", "😀", "é"]),
    (
      "\0\u{7F}\u{80}\u{7FF}\u{800}\u{FFFF}\u{10000}\u{10FFFF}",
      ["\0", "\u{7F}", "\u{80}", "\u{7FF}", "\u{800}", "\u{FFFF}", "\u{10000}", "\u{10FFFF}"]
    ),
    ("\r\n", ["\r", "\n"]),
  ]

  @Test("characters are Unicode scalars", arguments: characters)
  func checkCharacters(text: String, expected: [String]) throws {
    #expect(try Self.tokens(text, .character) == expected)
  }

  @Test("a composed and a decomposed é are different tokens though Swift calls them equal")
  func canonicalEquivalence() throws {
    let characters = try Self.vocabulary("\u{E9}e\u{301}\u{E9}", .character)
    #expect(try characters.encode("\u{E9}e\u{301}").count == 3)
    #expect(try Set(characters.encode("\u{E9}e\u{301}")).count == 3)
    let words = try Self.vocabulary("caf\u{E9} cafe\u{301}\n", .word)
    #expect(try Set(words.encode("caf\u{E9} cafe\u{301}\n")).count == 3)
    #expect(
      try Vocabulary(unit: .word, tokens: ["\u{E9}"])
        != Vocabulary(unit: .word, tokens: ["e\u{301}"]))
  }

  @Test("bytes are their own ids")
  func bytes() throws {
    let vocabulary = try Self.vocabulary("ab", .byte)
    #expect(vocabulary.count == 256)
    #expect(vocabulary.unknown == nil)
    let all = (0..<256).map { UInt8($0) }
    #expect(try withBytes(all) { try vocabulary.encode($0) } == (0..<256).map { Int32($0) })
    #expect(vocabulary.text([0x68, 0xC3, 0xA9]) == "hé")
  }

  @Test(
    "frequent tokens come first, equally frequent ones by their bytes, and the unknown one last")
  func order() throws {
    let words = try Self.vocabulary("b c a b\nZ é b\n", .word)
    #expect(words.tokens == ["b", "<eos>", "Z", "a", "c", "é", "<unk>"])
    #expect(words.unknown == 6)
    let known = try Self.vocabulary("a <unk> <unk> b\n", .word)
    #expect(known.tokens == ["<unk>", "<eos>", "a", "b"])
    #expect(known.unknown == 0)
    let characters = try Self.vocabulary("abba b", .character)
    #expect(characters.tokens == ["b", "a", " ", "\u{FFFD}"])
    #expect(characters.unknown == 3)
  }

  @Test("what the vocabulary lacks becomes its unknown token, or is refused by name")
  func unknown() throws {
    let words = try Self.vocabulary("a b\n", .word)
    #expect(
      try words.encode("a x b\n").map { words.text(Int($0)) } == ["a", "<unk>", "b", "<eos>"])
    let characters = try Self.vocabulary("ab", .character)
    #expect(
      try characters.encode("aéb").map { characters.text(Int($0)) } == ["a", "\u{FFFD}", "b"])
    let closed = try Vocabulary(unit: .word, tokens: ["a", "<eos>"])
    let failure = #expect(throws: Failure.self) { try closed.encode("a a zebra\n") }
    #expect(failure?.kind == .invalidArgument)
    #expect(failure?.message.contains("'zebra', token 2") == true, "\(failure?.message ?? "")")
  }

  static let malformed: [([UInt8], Int)] = [
    ([0x80], 0), ([0x61, 0xC0, 0x80], 1), ([0xC1, 0xBF], 0), ([0xE0, 0x9F, 0xBF], 0),
    ([0x61, 0x62, 0xED, 0xA0, 0x80], 2), ([0xF0, 0x8F, 0xBF, 0xBF], 0),
    ([0xC3, 0xA9, 0xF4, 0x90, 0x80, 0x80], 2), ([0xF5, 0x80, 0x80, 0x80], 0), ([0xFF], 0),
    ([0x61, 0xC3], 1), ([0x61, 0xE2, 0x82], 1), ([0x61, 0xF0, 0x9F, 0x98], 1), ([0xC3, 0x28], 0),
  ]

  @Test("what is not UTF-8 is refused with the place of its first byte", arguments: malformed)
  func checkMalformed(bytes: [UInt8], offset: Int) throws {
    for unit in [TextUnit.character, .word] {
      let vocabulary = try Self.vocabulary("ab ab\n", unit)
      let failure = #expect(throws: Failure.self) {
        try withBytes(bytes) { try vocabulary.encode($0) }
      }
      #expect(failure?.kind == .format)
      #expect(
        failure?.message.contains("byte \(offset) is \(bytes[offset])") == true,
        "\(failure?.message ?? "")")
    }
  }

  @Test("random bytes are taken exactly where Swift takes them for UTF-8", arguments: 1...20)
  func randomBytes(seed: UInt64) throws {
    var random = TestRandom(seed: seed)
    let characters = try Self.vocabulary("ab", .character)
    let interesting: [UInt8] = [
      0x00, 0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0, 0xC2, 0xDF, 0xE0, 0xE1, 0xEC,
      0xED,
      0xEE, 0xEF, 0xF0, 0xF1, 0xF3, 0xF4, 0xF5, 0xFF,
    ]
    for _ in 0..<500 {
      let bytes = (0..<Int.random(in: 0...6, using: &random)).map { _ in random.pick(interesting) }
      let expected = String(validating: bytes, as: UTF8.self)?.unicodeScalars.count
      let found = try? withBytes(bytes) { try characters.encode($0).count }
      #expect(found == expected, "\(bytes)")
    }
  }

  static let bad: [(TextUnit, [String], Failure.Kind)] = [
    (.word, [], .invalidArgument), (.word, ["a", "b", "a"], .invalidArgument),
    (.word, ["a b"], .invalidArgument), (.word, ["a\n"], .invalidArgument),
    (.word, [""], .invalidArgument), (.character, ["ab"], .invalidArgument),
    (.character, ["e\u{301}"], .invalidArgument), (.character, [""], .invalidArgument),
    (.byte, ["\0", "\u{1}"], .invalidArgument),
    (.byte, (0..<256).map { String(UnicodeScalar(UInt8(255 - $0))) }, .invalidArgument),
  ]

  @Test("tokens that make no vocabulary are refused", arguments: bad)
  func refused(unit: TextUnit, tokens: [String], kind: Failure.Kind) {
    let failure = #expect(throws: Failure.self) { try Vocabulary(unit: unit, tokens: tokens) }
    #expect(failure?.kind == kind)
  }

  /// No argument of the test above, as the runner prints each whole: 20 MB of log.
  @Test("more tokens than the limit are refused") func tooMany() {
    let tokens = Array(repeating: "a", count: Vocabulary.limit + 1)
    refused(unit: .character, tokens: tokens, kind: .limit)
  }

  @Test("a vocabulary made again of its tokens is the same", arguments: TextUnit.allCases)
  func again(unit: TextUnit) throws {
    let first = try Self.vocabulary("one two two é\n", unit)
    let second = try Vocabulary(unit: unit, tokens: first.tokens)
    #expect(first == second)
    #expect(first.unknown == second.unknown)
    #expect(try first.encode("two é x\n") == second.encode("two é x\n"))
  }

  @Test("token ids outside the vocabulary have no text")
  func outside() throws {
    let vocabulary = try Self.vocabulary("a b\n", .word)
    for id in [-1, 4, Int.max, Int.min] { #expect(vocabulary.text(id) == "") }
    #expect(vocabulary.text([-1, 0, Int32.max, Int32.min]) == "\n")
  }

  @Test("random words are numbered as by a dictionary, and their text comes back", arguments: 1...5)
  func reference(seed: UInt64) throws {
    var random = TestRandom(seed: seed)
    let letters = Array("abcdefgh").map { String($0) } + ["é", "語", "😀"]
    // More than the table's first 512 places, so that it grows.
    let lexicon = (0..<3000).map { _ in
      (0..<Int.random(in: 1...5, using: &random)).map { _ in random.pick(letters) }.joined()
    }
    let lines = (0..<800).map { _ in
      (0..<Int.random(in: 0...12, using: &random)).map { _ in random.pick(lexicon) }
    }
    let text = lines.map { $0.joined(separator: " ") + "\n" }.joined()
    var counts: [[UInt8]: Int] = [:]
    for line in lines { for word in line + ["<eos>"] { counts[Array(word.utf8), default: 0] += 1 } }
    let order = counts.sorted { a, b in
      a.value != b.value ? a.value > b.value : a.key.lexicographicallyPrecedes(b.key)
    }
    let vocabulary = try Self.vocabulary(text, .word)
    #expect(
      vocabulary.tokens == order.map { String(decoding: $0.key, as: UTF8.self) } + ["<unk>"])
    let ids = Dictionary(uniqueKeysWithValues: order.enumerated().map { ($1.key, Int32($0)) })
    let expected = lines.flatMap { line in (line + ["<eos>"]).map { ids[Array($0.utf8)] ?? -1 } }
    #expect(try vocabulary.encode(text) == expected)
    #expect(vocabulary.text(expected) == text)
  }
}

/// Calls the body with bytes in memory.
func withBytes<R>(
  _ bytes: some Sequence<UInt8>, _ body: (UnsafeRawBufferPointer) throws -> R
) rethrows -> R {
  try Array(bytes).withUnsafeBytes(body)
}
