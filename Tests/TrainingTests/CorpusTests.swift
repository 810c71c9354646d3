import Glibc
import Kernels
import Support
import Testing
import Training

@Suite struct CorpusTests {
  private static func corpus(
    _ text: String, _ unit: TextUnit, limit: Int? = nil
  ) throws -> Corpus {
    try withBytes(text.utf8) { try Corpus(train: .memory($0), unit: unit, limit: limit) }
  }

  private static func corpus(_ texts: [String], _ unit: TextUnit) throws -> Corpus {
    try withBytes(texts[0].utf8) { train in
      try withBytes(texts[1].utf8) { valid in
        try withBytes(texts[2].utf8) { test in
          try Corpus(
            train: .memory(train), valid: .memory(valid), test: .memory(test), unit: unit)
        }
      }
    }
  }

  private static func texts(_ corpus: Corpus) -> [String] {
    [\.train, \.valid, \.test].map { corpus.vocabulary.text(tokens(corpus, $0)) }
  }

  @Test(
    "a text alone is split 90/5/5 by position, and no byte is lost", arguments: [40, 1000, 1237])
  func positions(count: Int) throws {
    let text = String((0..<count).map { Character(UnicodeScalar(UInt8(97 + $0 * $0 % 23))) })
    for unit in [TextUnit.byte, .character] {
      let corpus = try Self.corpus(text, unit)
      let counts = [corpus.train.count, corpus.valid.count, corpus.test.count]
      #expect(counts[0] == count / 10 * 9)
      #expect(abs(counts[1] - counts[2]) <= 1)
      #expect(counts.reduce(0, +) == count)
      let all = tokens(corpus, \.train) + tokens(corpus, \.valid) + tokens(corpus, \.test)
      if unit == .byte { #expect(all == text.utf8.map { Int32($0) }) }
    }
  }

  @Test("characters of several bytes are not cut", arguments: 30...60)
  func wholeCharacters(count: Int) throws {
    // Training holds all characters, so that none is unknown.
    let text = String(repeating: "é😀語a", count: count)
    #expect(Self.texts(try Self.corpus(text, .character)).joined() == text)
  }

  @Test("words are split behind a line")
  func lines() throws {
    let text = (0..<400).map { "line \($0 % 7) here\n" }.joined()
    let splits = Self.texts(try Self.corpus(text, .word))
    #expect(splits.joined() == text)
    #expect(splits.map { $0.split(separator: "\n").count } == [360, 20, 20])
  }

  @Test(
    "a long line is split between words, also behind a short first line", arguments: ["", "id\n"])
  func longLine(first: String) throws {
    let text = first + String(repeating: "over and ", count: 10_000) + "\n"
    let corpus = try Self.corpus(text, .word)
    let counts = [corpus.train.count, corpus.valid.count, corpus.test.count]
    #expect(abs(counts[0] - 18_000) < 10)
    #expect(abs(counts[1] - 1000) < 10)
    #expect(abs(counts[2] - 1000) < 10)
    #expect(corpus.vocabulary.count == (first.isEmpty ? 4 : 5), "\(corpus.vocabulary.tokens)")
  }

  @Test("the vocabulary is that of the training text alone")
  func trainingOnly() throws {
    let words = try Self.corpus(["a b\n", "a new b\n", "novel\n"], .word)
    #expect(words.vocabulary.tokens == ["<eos>", "a", "b", "<unk>"])
    #expect(tokens(words, \.valid) == [1, 3, 2, 0])
    #expect(tokens(words, \.test) == [3, 0])
    let characters = try Self.corpus(["ab", "aéb", "cc"], .character)
    #expect(tokens(characters, \.valid) == [0, 2, 1])
    #expect(tokens(characters, \.test) == [2, 2])
  }

  @Test("files give the same corpus as memory")
  func files() throws {
    let folder = try ScratchFolder()
    let texts = ["some words here\nand here\n", "some here\n", "and words\n"]
    let paths = try texts.enumerated().map { try folder.file("\($0).txt", $1) }
    for unit in TextUnit.allCases {
      let read = try Corpus(
        train: .file(paths[0]), valid: .file(paths[1]), test: .file(paths[2]), unit: unit)
      let memory = try Self.corpus(texts, unit)
      #expect(read.vocabulary == memory.vocabulary)
      #expect(read.digest == memory.digest)
      #expect(tokens(read, \.train) == tokens(memory, \.train))
      #expect(tokens(read, \.test) == tokens(memory, \.test))
    }
  }

  static let limits: [(TextUnit, String, Int, String)] = [
    (.byte, "abcdefgh", 5, "abcde"), (.byte, "abcd", 4, "abcd"), (.byte, "abcd", 400, "abcd"),
    (.character, "aéb", 2, "a"), (.character, "aéb", 3, "aé"), (.character, "ab😀", 5, "ab"),
    (.character, "ab😀", 6, "ab😀"), (.word, "a b\nc d\n", 4, "a b\n"),
    (.word, "a b\nc d\n", 7, "a b\n"), (.word, "a b\nc d\n", 8, "a b\nc d\n"),
    (.word, "long words", 7, "long\n"),
  ]

  @Test("a limit uses so many bytes and cuts no token", arguments: limits)
  func limit(unit: TextUnit, text: String, limit: Int, expected: String) throws {
    let folder = try ScratchFolder()
    let path = try folder.file("text", text)
    let other = try folder.file("other", "ab")
    func train(_ source: TextSource) throws -> String {
      let corpus = try Corpus(
        train: source, valid: .file(other), test: .file(other), unit: unit, limit: limit)
      return corpus.vocabulary.text(tokens(corpus, \.train))
    }
    func check(_ source: TextSource) throws {
      guard expected.count > 1 else {
        let failure = #expect(throws: Failure.self) { try train(source) }
        #expect(failure?.message.contains("the training text has 1") == true)
        return
      }
      #expect(try train(source) == expected)
    }
    try check(.file(path))
    try withBytes(text.utf8) { try check(.memory($0)) }
  }

  @Test(
    "the digest is the same in every process, and changes with any split, the unit and the text")
  func digest() throws {
    let base = ["abc abc\n", "ab\n", "bc\n"]
    #expect(String(try Self.corpus(base, .character).digest, radix: 16) == "366a2ccf1c657470")
    var digests: Set<UInt64> = []
    var variants = TextUnit.allCases.map { (base, $0) }
    for split in 0..<3 {
      var other = base
      other[split] = split == 0 ? "abc acb\n" : "ba\n"
      variants.append((other, .character))
    }
    // The same tokens with another boundary.
    variants.append((["abc abc\na", "b\n", "bc\n"], .character))
    for (texts, unit) in variants { digests.insert(try Self.corpus(texts, unit).digest) }
    #expect(digests.count == variants.count)
  }

  static let tooLittle: [([String], TextUnit, String)] = [
    ([""], .word, "the first 90 % of the text has 0 words"),
    ([""], .byte, "the first 90 % of the text has 0 bytes"),
    (["abc"], .character, "the first 90 % of the text has 0 characters"),
    (["aaaaaaaaaaaaaa"], .word, "has 0 words"),
    ([String(repeating: "a", count: 20)], .byte, "the next 5 % of the text has 1 bytes"),
    (["a b\n", "", "a\n"], .word, "the validation text has 0 words"),
    (["a b\n", "a\n", "\n"], .word, "the test text has 1 words"),
    (["a", "ab", "ab"], .character, "the training text has 1 characters"),
  ]

  @Test("a text that is too short for a loss is refused by its name", arguments: tooLittle)
  func checkTooLittle(texts: [String], unit: TextUnit, message: String) throws {
    let failure = #expect(throws: Failure.self) {
      if texts.count == 1 {
        _ = try Self.corpus(texts[0], unit)
      } else {
        _ = try Self.corpus(texts, unit)
      }
    }
    #expect(failure?.kind == .invalidArgument)
    #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
  }

  @Test("a limit of nothing, or less, leaves no text", arguments: [0, -1, Int.min])
  func noText(limit: Int) {
    #expect(throws: Failure.self) { try Self.corpus("abc abc abc\n", .word, limit: limit) }
  }

  @Test("text that is no UTF-8 is refused with its file and place, but not for bytes")
  func malformed() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("latin1.txt", Array("caf".utf8) + [0xE9] + Array(" au lait\n".utf8))
    let good = try folder.file("good.txt", "ab ab\n")
    for unit in [TextUnit.character, .word] {
      let failure = #expect(throws: Failure.self) {
        try Corpus(train: .file(good), valid: .file(path), test: .file(good), unit: unit)
      }
      #expect(failure?.kind == .format)
      #expect(
        failure?.message.contains("the validation text '\(path)' is not UTF-8: byte 3 is 233")
          == true,
        "\(failure?.message ?? "")")
    }
    _ = try Corpus(train: .file(good), valid: .file(path), test: .file(good), unit: .byte)
  }

  @Test("a validation text needs a test text, and the other way round")
  func half() throws {
    withBytes("ab ab\n".utf8) { text in
      for (valid, test) in [(TextSource.memory(text), nil), (nil, TextSource.memory(text))] {
        let failure = #expect(throws: Failure.self) {
          try Corpus(train: .memory(text), valid: valid, test: test, unit: .word)
        }
        #expect(failure?.kind == .invalidArgument)
      }
    }
  }

  @Test("a file that cannot be read is an I/O failure with its path and the reason")
  func unreadable() throws {
    let folder = try ScratchFolder()
    let missing = #expect(throws: Failure.self) {
      try Corpus(train: .file("\(folder.path)/none.txt"), unit: .word)
    }
    #expect(missing?.kind == .io)
    #expect(missing?.message.contains("\(folder.path)/none.txt': No such file") == true)
    let directory = #expect(throws: Failure.self) {
      try Corpus(train: .file(folder.path), unit: .word)
    }
    #expect(directory?.kind == .io)
    #expect(directory?.message.contains("is a directory") == true)
  }

  @Test("random texts of all units come back whole", arguments: 1...10)
  func random(seed: UInt64) throws {
    var random = TestRandom(seed: seed)
    let pieces = ["a", "b", "é", "語", "😀", " ", " ", "\n"]
    for _ in 0..<40 {
      let count = Int.random(in: 60...600, using: &random)
      let text = (0..<count).map { _ in random.pick(pieces) }.joined()
      let bytes = try Self.corpus(text, .byte)
      #expect(
        (tokens(bytes, \.train) + tokens(bytes, \.valid) + tokens(bytes, \.test)).map { UInt8($0) }
          == Array(text.utf8))
      let characters = try Self.corpus(text, .character)
      let total = characters.train.count + characters.valid.count + characters.test.count
      #expect(total == text.unicodeScalars.count)
    }
  }
}

/// A copy of a split, whose own memory lives only as long as its corpus.
private func tokens(
  _ corpus: Corpus, _ split: KeyPath<Corpus, UnsafeBufferPointer<Int32>>
) -> [Int32] {
  withExtendedLifetime(corpus) { Array(corpus[keyPath: split]) }
}
