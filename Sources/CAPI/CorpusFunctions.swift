import CRNNCell
import Kernels
import Training

/// Text as token ids.
final class CorpusObject: Handled {
  static let noun = "corpus"
  static let tag: UInt64 = 0x726E_6E63_6F72_7006

  let corpus: Corpus

  init(_ corpus: Corpus) { self.corpus = corpus }

  func split(_ split: Int32) throws(Failure) -> UnsafeBufferPointer<Int32> {
    switch split {
    case RNNCELL_SPLIT_TRAIN: return corpus.train
    case RNNCELL_SPLIT_VALID: return corpus.valid
    case RNNCELL_SPLIT_TEST: return corpus.test
    default: throw .invalid("split \(split) is none; pass one of RNNCELL_SPLIT_…, 0 to 2")
    }
  }
}

/// The unit of a constant of the header.
func unit(_ unit: Int32) throws(Failure) -> TextUnit {
  switch unit {
  case RNNCELL_UNIT_CHARACTER: return .character
  case RNNCELL_UNIT_WORD: return .word
  case RNNCELL_UNIT_BYTE: return .byte
  default: throw .invalid("unit \(unit) is none; pass one of RNNCELL_UNIT_…, 0 to 2")
  }
}

extension TextUnit {
  /// The constant of the header.
  var code: Int32 {
    switch self {
    case .character: RNNCELL_UNIT_CHARACTER
    case .word: RNNCELL_UNIT_WORD
    case .byte: RNNCELL_UNIT_BYTE
    }
  }
}

/// Where the text of a split comes from: a path, bytes in memory, or nowhere (nil).
private func source(
  _ path: UnsafePointer<CChar>?, _ text: UnsafePointer<CChar>?, _ count: Int, _ name: String
) throws(Failure) -> TextSource? {
  guard let text else {
    guard count == 0 else {
      throw .invalid("\(name)_text is NULL but \(name)_bytes is \(count); pass the text")
    }
    return try readOptional(path, "\(name)_path").map { .file($0) }
  }
  guard path == nil else {
    throw .invalid("the \(name) split has both a path and a text; pass one")
  }
  guard (0...Limits.bufferBytes).contains(count) else {
    throw Failure(.limit, "\(name)_bytes is \(UInt(bitPattern: count)), more than a text can have")
  }
  return .memory(UnsafeRawBufferPointer(start: text, count: count))
}

@_cdecl("rnncell_corpus_create") @implementation
public func rnncell_corpus_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ options: UnsafePointer<rnncell_corpus_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let options = try read(options, zero: rnncell_corpus_options())
    let train = try source(options.train_path, options.train_text, options.train_bytes, "train")
    let valid = try source(options.valid_path, options.valid_text, options.valid_bytes, "valid")
    let test = try source(options.test_path, options.test_text, options.test_bytes, "test")
    let unit = try unit(options.unit)
    guard let train else {
      throw .invalid("there is no training text; set train_path or train_text")
    }
    guard (valid == nil) == (test == nil) else {
      throw .invalid(
        "there is a \(valid == nil ? "test" : "valid") text without a "
          + "\(valid == nil ? "valid" : "test") text; pass both, or the training text alone")
    }
    guard options.limit >= 0 else { throw Failure(.limit, "limit is more than a text can have") }
    return CorpusObject(
      try Corpus(
        train: train, valid: valid, test: test, unit: unit,
        limit: options.limit == 0 ? nil : options.limit))
  }
}

@_cdecl("rnncell_corpus_free") @implementation
public func rnncell_corpus_free(_ corpus: OpaquePointer?) {
  Handle.free(corpus, as: CorpusObject.self)
}

@_cdecl("rnncell_corpus_describe") @implementation
public func rnncell_corpus_describe(
  _ out: UnsafeMutablePointer<rnncell_corpus_info>?, _ corpus: OpaquePointer?
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(corpus, as: CorpusObject.self)
    var info = rnncell_corpus_info()
    info.unit = Int64(object.corpus.vocabulary.unit.code)
    info.vocabulary_size = Int64(object.corpus.vocabulary.count)
    let corpus = object.corpus
    info.token_count = (
      Int64(corpus.train.count), Int64(corpus.valid.count), Int64(corpus.test.count)
    )
    info.digest = object.corpus.digest
    return info
  }
}

@_cdecl("rnncell_corpus_tokens") @implementation
public func rnncell_corpus_tokens(
  _ tokens: UnsafeMutablePointer<UnsafePointer<Int32>?>?, _ count: UnsafeMutablePointer<Int64>?,
  _ corpus: OpaquePointer?, _ split: Int32
) -> Int32 {
  status { () throws(Failure) in
    tokens?.pointee = nil
    count?.pointee = 0
    let tokens = try array(tokens, "tokens")
    let count = try array(count, "count")
    let buffer = try Handle.object(corpus, as: CorpusObject.self).split(split)
    tokens.pointee = buffer.baseAddress
    count.pointee = Int64(buffer.count)
  }
}

@_cdecl("rnncell_corpus_word") @implementation
public func rnncell_corpus_word(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ corpus: OpaquePointer?, _ id: Int64
) -> Int32 {
  writeBytes(text, capacity, needed) { () throws(Failure) in
    try word(try Handle.object(corpus, as: CorpusObject.self).corpus.vocabulary, id)
  }
}

/// The text of a token id that a C program passed; nothing for byte 0, which would end the text.
func word(_ vocabulary: Vocabulary, _ id: Int64) throws(Failure) -> [UInt8] {
  guard id >= 0, id < vocabulary.count else {
    throw .invalid("token id \(id) is out of range; the vocabulary has \(vocabulary.count) tokens")
  }
  if vocabulary.unit == .byte { return id == 0 ? [] : [UInt8(id)] }
  return Array(vocabulary.text(Int(id)).utf8)
}
