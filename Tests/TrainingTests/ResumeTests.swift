import Cells
import Execution
import Glibc
import Kernels
import Support
import Testing
import Training

@Suite("Checkpoints and model files")
struct ResumeTests {
  static func options(_ optimizer: String, threads: Int) -> TrainingOptions {
    var options = TinyModel.options
    options.optimizer = optimizer
    options.learningRate = optimizer == "sgd" ? 0.5 : 0.01
    options.dropout = 0.2
    options.schedule.decay = 0.7
    options.patience = 5
    options.threads = threads
    return options
  }

  /// Everything in a checkpoint but the history, which tells how long things took.
  static func contents(_ bytes: [UInt8]) throws -> [String: [String]] {
    let file = try SafeTensors(parsing: bytes)
    var contents = file.metadata.filter { $0.key != "history" }.mapValues { [$0] }
    for tensor in file.tensors {
      contents[tensor.name] = tensor.values.array.map { "\($0.bitPattern)" }
    }
    return contents
  }

  @Test(
    "A training that is interrupted at any update ends with the same bits as one that is not",
    arguments: Optimizers.all.map { $0.name }, 1...3)
  func resume(optimizer: String, threads: Int) throws {
    let corpus = try TinyModel.corpus(30)
    let tiny = TinyModel(cells: ["lstm", "gru"], isTied: optimizer == "sgd")
    var options = Self.options(optimizer, threads: threads)
    switch optimizer {
    case "sgd":
      options.optimizerSettings.momentum = 0.5
      options.averaging = .triggered(interval: 1)
      options.epochs = 6
    case "rmsprop":
      options.hasRandomTruncation = true
      options.recurrentDropout = 0.2
    case "adamw":
      options.averaging = .moving(decay: 0.9)
      options.schedule.shape = .cosine
      options.schedule.warmup = 5
    default: break
    }
    let whole = try tiny.make(corpus)
    let trainer = try Trainer(whole, corpus, options)
    let epoch = trainer.updatesPerEpoch
    #expect(epoch > 10)
    try trainer.train()
    let end = try Self.contents(trainer.checkpoint())
    for stop in [0, 1, 7, epoch - 1, epoch, epoch + 3, 2 * epoch + 1] {
      let first = try tiny.make(corpus)
      let before = try Trainer(first, corpus, options)
      try before.train(updates: stop)
      let snapshot = try before.checkpoint()
      // Other starting weights, and other threads.
      var other = tiny
      other.seed = 99
      let second = try other.make(corpus)
      var changed = options
      changed.threads = 4 - threads
      let after = try Trainer(second, corpus, changed)
      try after.restore(snapshot)
      #expect(try after.checkpoint() == snapshot, "stop \(stop)")
      try after.train()
      #expect(bits(second) == bits(whole), "stop \(stop)")
      #expect(second.history.map(\.trainLoss) == whole.history.map(\.trainLoss))
      #expect(second.history.map(\.validLoss) == whole.history.map(\.validLoss))
      #expect(second.tokens == whole.tokens && second.updates == whole.updates)
      #expect(try Self.contents(after.checkpoint()) == end, "stop \(stop)")
    }
  }

  @Test("A fit that is cancelled and resumed from its file ends with the bits of a whole one")
  func file() throws {
    let corpus = try TinyModel.corpus(30)
    let file = TemporaryFile("resume.safetensors")
    var options = Self.options("adam", threads: 2)
    options.patience = 1
    options.epochs = 6
    let whole = try TinyModel().make(corpus)
    try whole.fit(corpus, options)
    options.checkpoint = file.path
    options.resumes = true
    options.reportEvery = 5
    var fits = 0
    var model = try TinyModel().make(corpus)
    while fits < 100 {
      fits += 1
      // Only the first begins where the whole one does.
      model = try TinyModel(seed: fits == 1 ? 5 : 99).make(corpus)
      var calls = 0
      do {
        try model.fit(corpus, options) { _ in
          calls += 1
          return calls == 4
        }
        break
      } catch {
        #expect(error.kind == .cancelled)
      }
    }
    #expect(fits > 2 && fits < 100)
    #expect(bits(model) == bits(whole))
    #expect(model.history.map(\.validLoss) == whole.history.map(\.validLoss))
    // The file is a model too: that of the last update, not of the best epoch.
    #expect(try LanguageModel(loading: file.path).updates == model.updates)
  }

  @Test("A model that is saved and loaded is the same", arguments: 0..<4)
  func model(index: Int) throws {
    let corpus = try TinyModel.corpus(30)
    let model = try LanguageModelTests.models[index].make(corpus)
    try model.fit(corpus, TinyModel.options)
    let file = TemporaryFile("model-\(index).safetensors")
    try model.save(to: file.path)
    let loaded = try LanguageModel(loading: file.path)
    #expect(bits(loaded) == bits(model))
    #expect(loaded.shape.cells == model.shape.cells)
    #expect(loaded.vocabulary == model.vocabulary)
    #expect(loaded.isTied == model.isTied)
    #expect(loaded.updates == model.updates && loaded.tokens == model.tokens)
    #expect(loaded.history.map(\.validLoss) == model.history.map(\.validLoss))
    #expect(loaded.history.map(\.seconds) == model.history.map(\.seconds))
    #expect(
      try loaded.generate("the ", count: 20, seed: 1) == model.generate("the ", count: 20, seed: 1))
  }

  @Test("A checkpoint of something else is refused, and nothing is changed")
  func refusals() throws {
    let corpus = try TinyModel.corpus(30)
    let other = try TinyModel.corpus(31)
    let options = TinyModel.options
    func trainer(
      _ corpus: Corpus, _ options: TrainingOptions, _ tiny: TinyModel = TinyModel()
    ) throws -> Trainer { try Trainer(try tiny.make(corpus), corpus, options) }
    let good = try trainer(corpus, options)
    try good.train(updates: 2)
    let snapshot = try good.checkpoint()
    var sgd = options
    sgd.optimizer = "sgd"
    var batch = options
    batch.batch = 4
    var truncation = options
    truncation.truncation = 6
    let others: [(String, Trainer)] = [
      ("cells", try trainer(corpus, options, TinyModel(cells: ["gru"]))),
      ("sizes", try trainer(corpus, options, TinyModel(hiddenSize: 13))),
      ("corpus", try trainer(other, options)), ("optimizer", try trainer(corpus, sgd)),
      ("batch", try trainer(corpus, batch)), ("truncation", try trainer(corpus, truncation)),
    ]
    for (word, trainer) in others {
      let before = bits(try #require(trainer.model as? LanguageModel))
      let failure = #expect(throws: Failure.self, "\(word)") { try trainer.restore(snapshot) }
      #expect(failure?.kind == .state)
      #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")")
      #expect(bits(try #require(trainer.model as? LanguageModel)) == before)
      #expect(trainer.updates == 0)
    }
    let fresh = try trainer(corpus, options)
    for count in [0, 7, 8, 100, snapshot.count / 2, snapshot.count - 1] {
      let failure = #expect(throws: Failure.self) {
        try fresh.restore(Array(snapshot.prefix(count)))
      }
      #expect(failure?.kind == .format)
    }
    #expect(bits(try #require(fresh.model as? LanguageModel)) == bits(try TinyModel().make(corpus)))
  }
}
