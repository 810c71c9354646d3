import Cells
import Kernels

/// What a study is; it cannot change once it has begun.
package struct StudySettings: Equatable, Sendable {
  package var strategy = Auto.name
  package var preset = Preset.scaled
  package var seed: UInt64 = 0
  /// Levels of successive halving.
  package var rungs = 1
  /// Of how many proposals one goes on to the next rung, which trains this many times as long.
  package var eta = 3
  /// Training updates in all when the last rung ends.
  package var updates = 0
  /// Scores count in the order of proposals, so that a run repeats.
  package var deterministic = false
  /// How many asks a deterministic study looks ahead.
  ///
  /// What it asks depends on the results of all but the last `window` asks. At least the number of
  /// workers keeps them all busy.
  package var window = 8
  /// Whether proposals rise, and have children, by the front of loss, learned numbers and seconds of a
  /// step on which they stand, and not by the loss alone.
  package var front = false
  /// Whether LSTM and GRU are measured too.
  package var controls = false
  /// Layers of the model whose cells may differ; 1: all have the same cell.
  package var mixedLayers = 1
  /// What may be proposed.
  package var space = SearchSpace()
  /// What is trained on: its name and a hash; empty where a program scores for itself.
  package var corpus = ""
  /// The models that are trained; nil where a program scores for itself.
  package var sizes: EvaluationSizes?
  /// Everything else that a score depends on, with the sizes, in words.
  package var evaluation = ""

  package init() {}

  /// Training updates in all when a rung ends: the last divided by eta for each rung before it.
  package func updates(rung: Int) -> Int {
    var count = updates
    for _ in 0..<max(0, rungs - 1 - rung) { count /= max(1, eta) }
    return updates == 0 ? 0 : max(1, count)
  }

  /// The settings as a JSON object, for people and tools.
  package var json: String {
    JSON.object(table.map { JSON.Member($0.name, .string($0.value)) }).text
  }

  /// Names and values, as the database keeps them.
  var table: [(name: String, value: String)] {
    let sizes = sizes.map { sizes in
      [
        ("hidden_size", String(sizes.hiddenSize)), ("layers", String(sizes.layers)),
        ("embedding_size", String(sizes.embeddingSize ?? sizes.hiddenSize)),
        ("parameters", sizes.parameters.map { String($0) } ?? ""), ("batch", String(sizes.batch)),
        ("truncation", String(sizes.truncation)), ("learning_rate", String(sizes.learningRate)),
      ]
    }
    return [
      ("strategy", strategy), ("preset", preset.rawValue), ("seed", String(seed)),
      ("rungs", String(rungs)),
      ("eta", String(eta)), ("updates", String(updates)),
      ("deterministic", deterministic ? "1" : "0"), ("window", String(window)),
      ("controls", controls ? "1" : "0"), ("front", front ? "1" : "0"), ("space", space.text),
      ("corpus", corpus),
    ] + (sizes ?? []) + [("evaluation", evaluation), ("mixed_layers", String(mixedLayers))]
  }

  /// - Throws: `.invalidArgument` for what no study can be.
  func checked() throws(Failure) -> StudySettings {
    let type = try Strategies.type(named: strategy)
    guard type.sizes(preset) != nil else {
      throw .invalid(
        "the strategy '\(strategy)' has no preset '\(preset.rawValue)'; it has "
          + Preset.allCases.filter { type.sizes($0) != nil }.map(\.rawValue).joined(separator: ", ")
      )
    }
    guard !type.needsCorpus || !corpus.isEmpty else {
      throw .invalid(
        "the strategy '\(type.name)' trains networks of its own on a corpus; open the study with "
          + "one, or use another strategy")
    }
    _ = try space.checked()
    guard !(front && deterministic) else {
      throw .invalid(
        "a front of measured seconds is not the same from run to run; leave out front, or "
          + "deterministic")
    }
    func names(_ holds: (any Strategy.Type) -> Bool) -> String {
      Strategies.all.filter(holds).map { $0.name }.joined(separator: ", ")
    }
    guard mixedLayers == 1 || type.mixesLayers else {
      throw .invalid(
        "the strategy '\(strategy)' has the same cell in all layers; leave out mixed_layers, or use "
          + names { $0.mixesLayers })
    }
    guard space.start.isEmpty || type.takesStarts else {
      throw .invalid(
        "the strategy '\(strategy)' begins with no cells of yours; leave out start, or use "
          + names { $0.takesStarts })
    }
    let sizes = sizes ?? EvaluationSizes()
    let embedding = sizes.embeddingSize ?? sizes.hiddenSize
    guard corpus.isEmpty || space.directInput || embedding.isMultiple(of: space.newBlocks) else {
      throw .invalid(
        "\(space.newBlocks) blocks do not divide the embedding's \(embedding) numbers; give an embedding_size "
          + "that is a multiple of it, direct_input, or fewer max_blocks")
    }
    guard sizes.learningRate > 0, sizes.learningRate <= 1000 else {
      throw .invalid("learning_rate \(sizes.learningRate) is not above 0 and up to 1000")
    }
    for (name, value, range) in [
      ("rungs", rungs, 1...10), ("eta", eta, 2...100), ("window", window, 1...1024),
      ("updates", updates, 0...Limits.steps), ("mixed_layers", mixedLayers, 1...Limits.layers),
      ("hidden_size", sizes.hiddenSize, 1...Limits.size),
      ("layers", sizes.layers, 1...Limits.layers),
      ("embedding_size", sizes.embeddingSize ?? 1, 1...Limits.size),
      ("parameters", sizes.parameters ?? 1, 1...1 << 40), ("batch", sizes.batch, 1...Limits.batch),
      ("truncation", sizes.truncation, 1...Limits.steps),
    ] where !range.contains(value) {
      throw .invalid("\(name) \(value) is not from \(range.lowerBound) to \(range.upperBound)")
    }
    return self
  }

  init(table: [(name: String, value: String)]) throws(Failure) {
    func text(_ name: String) throws(Failure) -> String {
      guard let found = table.first(where: { $0.name == name }) else {
        throw Failure(.format, "the study has no setting '\(name)'; it was not written by rnncell")
      }
      return found.value
    }
    func number(_ name: String) throws(Failure) -> Int {
      let text = try text(name)
      guard let value = Int(text) else {
        throw Failure(.format, "the study's \(name) is '\(text.prefix(32))', no whole number")
      }
      return value
    }
    strategy = try text("strategy")
    guard let preset = Preset(rawValue: try text("preset")) else {
      throw Failure(.format, "the study's preset '\(try text("preset").prefix(32))' is not known")
    }
    self.preset = preset
    let seedText = try text("seed")
    guard let seed = UInt64(seedText) else {
      throw Failure(.format, "the study's seed is '\(seedText.prefix(32))', no whole number")
    }
    self.seed = seed
    rungs = try number("rungs")
    eta = try number("eta")
    updates = try number("updates")
    deterministic = try number("deterministic") == 1
    window = try number("window")
    controls = try number("controls") == 1
    front = try number("front") == 1
    space = try SearchSpace(text: try text("space"))
    corpus = try text("corpus")
    evaluation = try text("evaluation")
    // Not there in a study that is older.
    if table.contains(where: { $0.name == "mixed_layers" }) {
      mixedLayers = try number("mixed_layers")
    }
    if table.contains(where: { $0.name == "hidden_size" }) {
      var sizes = EvaluationSizes()
      sizes.hiddenSize = try number("hidden_size")
      sizes.layers = try number("layers")
      sizes.embeddingSize = try number("embedding_size")
      sizes.parameters = try text("parameters").isEmpty ? nil : number("parameters")
      sizes.batch = try number("batch")
      sizes.truncation = try number("truncation")
      sizes.updates = updates
      let rate = try text("learning_rate")
      guard let value = Double(rate) else {
        throw Failure(.format, "the study's learning_rate is '\(rate.prefix(32))', no number")
      }
      sizes.learningRate = value
      self.sizes = sizes
    }
  }
}
