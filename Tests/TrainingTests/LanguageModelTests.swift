import Cells
import Execution
import Kernels
import Support
import Testing
import Training

@Suite("Language models")
struct LanguageModelTests {
  static let models: [TinyModel] = [
    TinyModel(cells: ["lstm"], hiddenSize: 7, embeddingSize: 5),
    TinyModel(cells: ["gru", "darts_v2"], hiddenSize: 18),
    TinyModel(cells: ["elman"], hiddenSize: 17, isTied: true),
    TinyModel(cells: ["lstm", "lstm"], hiddenSize: 9, isTied: true),
  ]

  @Test("The loss is that of double precision, for one piece and for several", arguments: 0..<4)
  func loss(index: Int) throws {
    let corpus = try TinyModel.corpus(8)
    let model = try Self.models[index].make(corpus)
    let reference = ReferenceModel(model)
    let tokens = withExtendedLifetime(corpus) { Array(corpus.train.prefix(102)) }
    let expected = try reference.loss(tokens) / 101
    let loss = try tokens.withUnsafeBufferPointer { tokens in
      Result { try model.loss(tokens, threads: 2) }
    }.get()
    #expect(abs(loss - expected) < 1e-5)

    // 101 predictions in 4 pieces: 26, 25, 25 and 25.
    var sum = 0.0
    for range in [0...26, 26...51, 51...76, 76...101] {
      sum += try reference.loss(Array(tokens[range]))
    }
    let pieces = try tokens.withUnsafeBufferPointer { tokens in
      Result {
        try Scorer(model, batch: 4, predictions: 101).loss(tokens, try Team(threads: 1))
      }
    }.get()
    #expect(abs(pieces - sum / 101) < 1e-5)
  }

  @Test("The state is carried over many segments of an evaluation", arguments: [1, 3, 40])
  func segments(batch: Int) throws {
    let corpus = try TinyModel.corpus(80)
    let model = try TinyModel(cells: ["lstm", "elman"], hiddenSize: 19).make(corpus)
    // Each segment has 512 rows, so that one sequence and 40 alike take 3.
    let tokens = withExtendedLifetime(corpus) { Array(corpus.train.prefix(1400)) }
    #expect(tokens.count == 1400)
    let reference = ReferenceModel(model)
    var (sum, start) = (0.0, 0)
    for piece in 0..<batch {
      let end = start + 1399 / batch + (piece < 1399 % batch ? 1 : 0)
      sum += try reference.loss(Array(tokens[start...end]))
      start = end
    }
    #expect(start == 1399)
    let loss = try tokens.withUnsafeBufferPointer { tokens in
      Result {
        try Scorer(model, batch: batch, predictions: 1399).loss(tokens, try Team(threads: 2))
      }
    }.get()
    #expect(abs(loss - sum / 1399) < 1e-5)
  }

  @Test("Every parameter's gradient is that of finite differences", arguments: 0..<4)
  func gradients(index: Int) throws {
    let corpus = try TinyModel.corpus(8)
    let model = try Self.models[index].make(corpus)
    let (steps, batch) = (6, 3)
    let sequences = withExtendedLifetime(corpus) {
      (0..<batch).map { Array(corpus.train[$0 * 20...$0 * 20 + steps]) }
    }
    let gradients = try ParameterBuffer(model.weights.layout)
    let run = try ModelRun(
      model, gradients: gradients, steps: steps, batch: batch, kernels: .current)
    let team = try Team(threads: 2)
    // Twice: nothing of the first segment may be left in the second's gradient.
    for shift in [1, 0] {
      run.forgetWords(team)
      for step in 0..<steps {
        for b in 0..<batch {
          run.words[step * batch + b] = sequences[(b + shift) % batch][step]
          run.targets[step * batch + b] = sequences[(b + shift) % batch][step + 1]
        }
      }
      run.unroll.zeroState()
      _ = try run.lossesAndGradient(scale: 0.5, team)
    }
    var reference = ReferenceModel(model)
    func total() throws -> Double { try sequences.reduce(0) { $0 + (try reference.loss($1)) } }
    var random = TestRandom(seed: 11)
    for entry in model.weights.layout.entries {
      let found = gradients.read(entry)
      // Some elements at random, and the embedding of a word that stands there.
      var places = (0..<5).map { _ in Int.random(in: 0..<entry.count, using: &random) }
      if entry.columns > 1, entry.rows == model.vocabulary.count {
        places.append(Int(sequences[0][0]) * entry.columns)
      }
      for place in places {
        let value = reference.values[entry.name]![place]
        let h = 1e-5
        reference.values[entry.name]![place] = value + h
        let above = try total()
        reference.values[entry.name]![place] = value - h
        let below = try total()
        reference.values[entry.name]![place] = value
        let expected = 0.5 * (above - below) / (2 * h)
        #expect(
          abs(Double(found[place]) - expected) < 1e-4 * max(1, abs(expected)),
          "\(entry.name) element \(place)")
      }
    }
  }

  @Test(
    "The hidden size for a count of parameters is the nearest one", arguments: [1, 3000, 20_000])
  func sizes(target: Int) throws {
    let corpus = try TinyModel.corpus(8)
    for cells in [["lstm"], ["gru", "darts_v2"], ["elman"]] {
      for isTied in [false, true] {
        var shape = ModelShape(
          cells: try cells.map { try Cell.stock($0) }, vocabulary: corpus.vocabulary,
          hiddenSize: 1, embeddingSize: isTied ? nil : 10, isTied: isTied)
        let size = try shape.hiddenSize(nearestTo: target)
        shape.hiddenSize = size
        let count = try shape.parameterCount
        #expect(try LanguageModel(shape, seed: 1).weights.layout.parameterCount == count)
        for other in [size - 1, size + 1] where other > 0 {
          shape.hiddenSize = other
          #expect(abs(count - target) <= abs(try shape.parameterCount - target))
        }
      }
    }
  }

  @Test("Starting weights follow from the seed and keep to their range")
  func initialization() throws {
    let corpus = try TinyModel.corpus(8)
    var tiny = TinyModel()
    let (a, b) = (try tiny.make(corpus), try tiny.make(corpus))
    tiny.seed = 6
    let other = try tiny.make(corpus)
    #expect(bits(a) == bits(b))
    #expect(bits(a) != bits(other))
    let small = try LanguageModel(
      a.shape, seed: 1, initialization: Initialization(range: 0.04, forgetBias: .none))
    for entry in small.weights.layout.entries {
      let values = small.weights.read(entry)
      #expect(values.allSatisfy { abs($0) <= 0.04 })
      #expect(values.contains { abs($0) > 0.01 }, "\(entry.name)")
    }
  }

  @Test("Sizes that do not fit are refused with both values")
  func refusals() throws {
    let corpus = try TinyModel.corpus(8)
    let tied = TinyModel(hiddenSize: 12, embeddingSize: 10, isTied: true)
    let failure = #expect(throws: Failure.self) { try tied.make(corpus) }
    #expect(failure?.kind == .invalidArgument)
    #expect(failure?.message.contains("10") == true && failure?.message.contains("12") == true)
    for size in [0, -1, 1 << 20] {
      #expect(throws: Failure.self) { try TinyModel(hiddenSize: size).make(corpus) }
    }
    #expect(throws: Failure.self) { try TinyModel(cells: []).make(corpus) }
    let model = try TinyModel().make(corpus)
    for tokens: [Int32] in [[], [0], [0, -1], [0, Int32(corpus.vocabulary.count)]] {
      let failure = #expect(throws: Failure.self) {
        try tokens.withUnsafeBufferPointer { tokens in
          Result { try model.loss(tokens, threads: 1) }
        }.get()
      }
      #expect(failure?.kind == .invalidArgument)
    }
  }

  @Test("Generated text follows from the seed, and a low temperature takes the likeliest token")
  func generation() throws {
    let corpus = try TinyModel.corpus(60)
    let model = try TinyModel(hiddenSize: 24).make(corpus)
    var options = TinyModel.options
    options.epochs = 30
    try model.fit(corpus, options)
    let text = try model.generate("the cat ", count: 60, seed: 3)
    #expect(text.unicodeScalars.count == 60)
    #expect(try model.generate("the cat ", count: 60, seed: 3) == text)
    #expect(try model.generate("the cat ", count: 60, seed: 4) != text)
    let likely = try model.generate("the cat s", count: 10, temperature: 0, seed: 1)
    #expect(try model.generate("the cat s", count: 10, temperature: 1e-3, seed: 2) == likely)
    #expect(likely.hasPrefix("ees the "))
    #expect(try model.generate("", count: 5, seed: 1).unicodeScalars.count == 5)
    #expect(try model.generate("a", count: 0, seed: 1).isEmpty)
    for (count, temperature) in [(-1, 1.0), (5, -1), (5, .nan), (5, .infinity)] {
      let failure = #expect(throws: Failure.self) {
        try model.generate("a", count: count, temperature: temperature, seed: 1)
      }
      #expect(failure?.kind == .invalidArgument)
    }
  }

  @Test("The bare network has the cells and a copy of the weights")
  func bareNetwork() throws {
    let corpus = try TinyModel.corpus(8)
    let model = try TinyModel(cells: ["lstm", "gru"]).make(corpus)
    let (network, weights) = try model.bareNetwork()
    #expect(network.cells == model.network.cells)
    #expect(!weights.layout.entries.isEmpty)
    for entry in weights.layout.entries {
      let own = try #require(model.weights.layout[entry.name])
      #expect(weights.read(entry) == model.weights.read(own))
      #expect(entry.name.hasPrefix("layers."))
    }
  }
}
