import Execution
import Glibc
import Kernels
import Support
import Testing
import Training

@Suite("Training")
struct TrainerTests {
  @Test("A tiny text is learned by heart", arguments: ["adam", "sgd"])
  func overfits(optimizer: String) throws {
    let corpus = try TinyModel.corpus(60)
    let model = try TinyModel(hiddenSize: 24).make(corpus)
    var options = TinyModel.options
    options.optimizer = optimizer
    options.learningRate = optimizer == "sgd" ? 1 : 0.01
    options.epochs = 40
    let before = try model.loss(corpus.train, threads: 1)
    try model.fit(corpus, options)
    let after = try model.loss(corpus.train, threads: 1)
    withExtendedLifetime(corpus) {}
    // Of 8 choices with 2 or 3 outcomes in about 23 letters there are about 0.12 nats a letter.
    #expect(before > 2.5)
    #expect(after < 0.25, "\(optimizer): \(before) to \(after)")
    #expect(model.history.count == 40)
    #expect(model.history.map(\.epoch) == Array(1...40))
    #expect(abs((model.history.last?.trainLoss ?? 9) - after) < 0.1)
  }

  @Test("Segments are those of Zaremba's reader, whatever the order of the rows")
  func segments() throws {
    let tokens = (0..<23).map { Int32($0) }
    let model = try TinyModel().make(try TinyModel.corpus(30))
    let gradients = try ParameterBuffer(model.weights.layout)
    try tokens.withUnsafeBufferPointer { tokens in
      // Two streams of 11 tokens: (11 - 1) / 3 = 3 segments.
      let segments = try Segments(tokens, batch: 2, steps: 3)
      #expect(segments.count == 3)
      let run = try ModelRun(model, gradients: gradients, steps: 3, batch: 2, kernels: .current)
      segments.read(2, to: run)
      func read(_ buffer: Buffer<Int32>) -> [Int32] {
        (0..<6).map { buffer[run.unroll.rows.row($0 / 2, $0 % 2)] }
      }
      #expect(read(run.words) == [6, 17, 7, 18, 8, 19])
      #expect(read(run.targets) == [7, 18, 8, 19, 9, 20])
      let failure = #expect(throws: Failure.self) { try Segments(tokens, batch: 2, steps: 11) }
      #expect(failure?.message.contains("23") == true)
    }
  }

  @Test("Weights are the same bits for any number of threads", arguments: [false, true])
  func threads(isTied: Bool) throws {
    let corpus = try TinyModel.corpus(30)
    var results: [[UInt32]] = []
    var losses: [[Double]] = []
    for threads in 1...3 {
      let model = try TinyModel(cells: ["lstm", "gru"], isTied: isTied).make(corpus)
      var options = TinyModel.options
      options.threads = threads
      options.dropout = 0.3
      try model.fit(corpus, options)
      results.append(bits(model))
      losses.append(model.history.flatMap { [$0.trainLoss, $0.validLoss] })
    }
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
    #expect(losses[1] == losses[0])
    #expect(losses[2] == losses[0])
  }

  @Test("A mean over steps is a sum over steps with a learning rate that is larger by their number")
  func reduction() throws {
    let corpus = try TinyModel.corpus(20)
    var options = TinyModel.options
    options.optimizer = "sgd"
    options.clip = .infinity
    options.truncation = 8
    options.learningRate = 0.8
    let mean = try TinyModel().make(corpus)
    try mean.fit(corpus, options)
    options.sumsOverSteps = true
    options.learningRate = 0.1
    let sum = try TinyModel().make(corpus)
    try sum.fit(corpus, options)
    for (a, b) in zip(mean.weights.values.array, sum.weights.values.array) {
      #expect(abs(a - b) < 1e-4)
    }
    #expect(bits(mean) != bits(try TinyModel().make(corpus)))
  }

  @Test("Dropout changes training, plain and variational in different ways, but no evaluation")
  func dropout() throws {
    let corpus = try TinyModel.corpus(30)
    var seen: Set<[UInt32]> = []
    for (rate, isVariational) in [(0.0, false), (0.4, false), (0.4, true)] {
      let model = try TinyModel().make(corpus)
      var options = TinyModel.options
      options.dropout = rate
      options.isVariational = isVariational
      try model.fit(corpus, options)
      seen.insert(bits(model))
      let loss = try model.loss(corpus.valid, threads: 1)
      #expect(try model.loss(corpus.valid, threads: 1) == loss)
      // The trainer's own evaluation, in 5 pieces, is near that of one.
      #expect(abs((model.history.last?.validLoss ?? 9) - loss) < 0.5)
      let reference = ReferenceModel(model)
      let expected = try reference.loss(Array(corpus.valid)) / Double(corpus.valid.count - 1)
      #expect(abs(loss - expected) < 1e-4)
    }
    #expect(seen.count == 3)
    withExtendedLifetime(corpus) {}
  }

  @Test("Divergence is reported with its update, and leaves the weights of the update before")
  func divergence() throws {
    let corpus = try TinyModel.corpus(30)
    let model = try TinyModel().make(corpus)
    let trainer = try Trainer(model, corpus, TinyModel.options)
    try trainer.train(updates: 4)
    let good = bits(model)
    // A word's embedding that no sum survives.
    let entry = try #require(model.weights.layout["embedding.weight"])
    let poisoned = try ParameterBuffer(model.weights.layout)
    poisoned.copy(from: model.weights)
    for row in 0..<entry.rows { model.weights.values[entry.place(row, 0)] = .nan }
    model.weights.version &+= 1
    let bad = bits(model)
    let failure = #expect(throws: Failure.self) { try trainer.train(updates: 6) }
    #expect(failure?.kind == .diverged)
    #expect(failure?.message.contains("update 5") == true)
    #expect(failure?.message.contains("learning rate") == true)
    #expect(bits(model) == bad)
    #expect(trainer.updates == 4)
    model.weights.copy(from: poisoned)
    #expect(bits(model) == good)
  }

  @Test("A callback that says so cancels, and what was learned is kept")
  func cancel() throws {
    let corpus = try TinyModel.corpus(30)
    let model = try TinyModel().make(corpus)
    var options = TinyModel.options
    options.reportEvery = 2
    var heard: [Int] = []
    let failure = #expect(throws: Failure.self) {
      try model.fit(corpus, options) { progress in
        heard.append(progress.update)
        return progress.update >= 6
      }
    }
    #expect(failure?.kind == .cancelled)
    #expect(heard == [2, 4, 6])
    #expect(model.updates == 6)
    #expect(model.tokens == 6 * 5 * 7)
    let same = try TinyModel().make(corpus)
    try Trainer(same, corpus, options).train(updates: 6)
    #expect(bits(same) == bits(model))
  }

  @Test("Training ends after epochs without progress, with the weights of the best one")
  func patience() throws {
    let corpus = try TinyModel.corpus(12)
    let model = try TinyModel().make(corpus)
    var options = TinyModel.options
    options.optimizer = "sgd"
    options.clip = .infinity
    // Grows until the weights overshoot.
    options.learningRate = 0.5
    options.schedule.decay = 1.9
    options.epochs = 60
    options.patience = 3
    var byEpoch: [Int: [UInt32]] = [:]
    try? model.fit(corpus, options) { progress in
      if !progress.validLoss.isNaN { byEpoch[progress.epoch] = bits(model) }
      return false
    }
    let losses = model.history.map(\.validLoss)
    let best = try #require(losses.indices.min { losses[$0] < losses[$1] })
    #expect(losses.count == best + 1 + 3)
    #expect(losses.count < 60)
    #expect(bits(model) == byEpoch[best + 1])
  }

  @Test("Updates bound a fit, and an epoch under way still gets its row")
  func updates() throws {
    let corpus = try TinyModel.corpus(60)
    let model = try TinyModel().make(corpus)
    var options = TinyModel.options
    options.updates = 3
    try model.fit(corpus, options)
    #expect(model.updates == 3)
    #expect(model.history.count == 1)
    #expect(model.history[0].validLoss.isFinite)
    try model.fit(corpus, options)
    #expect(model.updates == 6)
    #expect(model.history.map(\.update) == [3, 6])
  }

  @Test("Options that cannot be are refused by name and value")
  func refusals() throws {
    let corpus = try TinyModel.corpus(30)
    let model = try TinyModel().make(corpus)
    let changes: [(String, (inout TrainingOptions) -> Void)] = [
      ("batch", { $0.batch = 0 }), ("batch", { $0.batch = -3 }),
      ("truncation", { $0.truncation = 0 }), ("epochs", { $0.epochs = 0 }),
      ("updates", { $0.updates = 0 }), ("threads", { $0.threads = 0 }),
      ("threads", { $0.threads = 100_000 }), ("learning_rate", { $0.learningRate = .nan }),
      ("learning_rate", { $0.learningRate = -1 }), ("decay", { $0.schedule.decay = .infinity }),
      ("clip", { $0.clip = 0 }), ("dropout", { $0.dropout = 1 }),
      ("adam", { $0.optimizer = "ada" }),
      ("patience", { $0.patience = -1 }), ("report_every", { $0.reportEvery = 0 }),
      ("tokens", { $0.batch = 1000 }), ("tokens", { $0.truncation = 100_000 }),
    ]
    for (word, change) in changes {
      var options = TinyModel.options
      change(&options)
      let failure = #expect(throws: Failure.self, "\(word)") { try model.fit(corpus, options) }
      #expect(failure?.kind == .invalidArgument)
      #expect(failure?.message.contains(word) == true, "\(failure?.message ?? "")")
    }
    let other = try Corpus.of("xyz xyz xyz xyz xyz xyz xyz xyz xyz xyz", unit: .character)
    let failure = #expect(throws: Failure.self) { try model.fit(other, TinyModel.options) }
    #expect(failure?.kind == .state)
    #expect(bits(model) == bits(try TinyModel().make(corpus)))
  }
}
