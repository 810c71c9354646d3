import Cells
import Execution
import Kernels
import Support
import Training

/// A small model of the letters of a text, and the text as a corpus.
struct TinyModel {
  var cells = ["lstm"]
  var hiddenSize = 12
  var embeddingSize: Int?
  var isTied = false
  var wiring = Wiring()
  var seed: UInt64 = 5
  var initialization = Initialization()

  func make(_ corpus: Corpus) throws -> LanguageModel {
    try LanguageModel(
      ModelShape(
        cells: try cells.map { try Cell.stock($0) }, vocabulary: corpus.vocabulary,
        hiddenSize: hiddenSize, embeddingSize: embeddingSize, isTied: isTied, wiring: wiring),
      seed: seed, initialization: initialization)
  }

  /// Sentences of few words in an order that can be learned.
  static func text(_ sentences: Int, seed: UInt64 = 1) -> String {
    var random = TestRandom(seed: seed)
    return (0..<sentences).map { _ in
      let who = random.pick(["the cat", "a dog", "my bird"])
      return "\(who) \(random.pick(["sees", "hears"])) the \(random.pick(["sun", "rain"])).\n"
    }.joined()
  }

  static func corpus(_ sentences: Int = 60) throws -> Corpus {
    try Corpus.of(text(sentences), unit: .character)
  }

  /// Options under which the tiny model learns.
  static var options: TrainingOptions {
    var options = TrainingOptions()
    options.batch = 5
    options.truncation = 7
    options.epochs = 3
    options.learningRate = 0.01
    options.threads = 1
    return options
  }
}

extension Corpus {
  /// A corpus of a text in memory, split by position.
  static func of(_ text: String, unit: TextUnit) throws(Failure) -> Corpus {
    var text = text
    let result = text.withUTF8 { bytes in
      Result { () throws(Failure) in
        try Corpus(train: .memory(UnsafeRawBufferPointer(bytes)), unit: unit)
      }
    }
    return try result.get()
  }
}

/// The bits of all weights.
func bits(_ model: LanguageModel) -> [UInt32] { model.weights.values.array.map(\.bitPattern) }

/// A file in the temporary directory that is removed when the test is done.
final class TemporaryFile {
  let path: String
  init(_ name: String) { path = "\(temporaryDirectory)/rnncell-\(getpid())-\(name)" }
  deinit { unlink(path) }
}

import Glibc

private let temporaryDirectory = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
