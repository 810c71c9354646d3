import Cells
import Execution
import Kernels

/// A language model's training on the text of a corpus, by truncated backpropagation through time.
///
/// The state is carried from segment to segment and starts each epoch at zero.
final class TextTask: TrainingTask {
  private let languageModel: LanguageModel
  private let corpus: Corpus
  private let options: TrainingOptions
  private let run: ModelRun
  private let kernels: KernelTable
  private let segments: Segments
  private var scorer: Scorer?
  /// Random segments, and the epoch that they are of.
  private var cuts: [Range<Int>] = []
  private var epochOfCuts = 0

  var model: any TrainableModel { languageModel }
  var carriedBatch: Int { options.batch }

  /// - Throws: `.state` for a corpus with another vocabulary; `.invalidArgument` for a text too short
  ///   for the options; `.limit`, `.outOfMemory`.
  init(
    _ model: LanguageModel, _ corpus: Corpus, gradients: ParameterBuffer,
    _ options: TrainingOptions, kernels: KernelTable
  ) throws(Failure) {
    guard corpus.vocabulary == model.vocabulary else {
      throw Failure(
        .state,
        "the corpus has another vocabulary (\(corpus.vocabulary.count) tokens) than the model "
          + "(\(model.vocabulary.count)); use the corpus that the model was made for")
    }
    languageModel = model
    self.corpus = corpus
    self.options = options
    self.kernels = kernels
    segments = try Segments(corpus.train, batch: options.batch, steps: options.truncation)
    let longest = options.hasRandomTruncation ? segments.longestRandom : options.truncation
    run = try ModelRun(
      model, gradients: gradients, steps: longest, batch: options.batch,
      masksRecurrence: options.recurrentDropout > 0, kernels: kernels)
    run.unroll.activityPenalty = options.activityPenalty
  }

  var agreements: [(name: String, value: String)] {
    [
      ("batch", String(options.batch)), ("truncation", String(options.truncation)),
      ("corpus", corpus.digestText),
    ] + (options.hasRandomTruncation ? [("random_truncation", String(options.seed))] : [])
  }

  func updates(epoch: Int) -> Int { segments(epoch).count }

  func lossesAndGradient(_ place: TrainingPlace, _ team: Team) throws(Failure) -> UpdateLoss {
    run.forgetWords(team)
    let range = segments(place.epoch)[place.index]
    try run.unroll.prepare(steps: range.count, lengths: nil)
    segments.read(range, to: run)
    run.unroll.dropout = options.dropout(
      update: place.update, drawsZoneout: model.network.wiring.zoneout > 0)
    run.wordDropout = (options.embeddingDropout, stableHash([options.seed, UInt64(place.update)]))
    let tokens = options.batch * range.count
    let scale = 1 / Float(options.sumsOverSteps ? options.batch : tokens)
    let sum = try run.lossesAndGradient(scale: scale, team)
    return UpdateLoss(
      sum: sum, terms: tokens, tokens: tokens,
      rateFactor: options.sumsOverSteps ? 1 : Double(range.count) / Double(options.truncation))
  }

  /// The segments of an epoch.
  private func segments(_ epoch: Int) -> [Range<Int>] {
    guard options.hasRandomTruncation else { return segments.all }
    if epoch != epochOfCuts {
      epochOfCuts = epoch
      cuts = segments.random(seed: stableHash([options.seed, UInt64(epoch)]))
    }
    return cuts
  }

  /// Run in as many pieces as training has sequences.
  func validLoss(_ team: Team) throws(Failure) -> Double? {
    let tokens = corpus.valid
    guard tokens.count >= 2 else { return nil }
    if scorer == nil {
      scorer = try Scorer(
        languageModel, batch: options.batch, predictions: tokens.count - 1, kernels: kernels)
    }
    return try scorer?.loss(tokens, team)
  }

  func clearState() { run.unroll.zeroState() }
  func carryState() { run.unroll.carryState() }
  func loadState(_ source: UnsafePointer<Float>) { run.unroll.loadState(source) }
  func storeState(_ destination: UnsafeMutablePointer<Float>) { run.unroll.storeState(destination) }
}

extension Trainer {
  /// A training of a language model on the training split of a corpus.
  ///
  /// - Throws: `.state` for a corpus with another vocabulary; `.invalidArgument` for options that
  ///   cannot be, or a text too short for them; `.limit`, `.outOfMemory`.
  package convenience init(
    _ model: LanguageModel, _ corpus: Corpus, _ options: TrainingOptions,
    kernels: KernelTable = .current
  ) throws(Failure) {
    try self.init(
      { gradients, options throws(Failure) in
        try TextTask(model, corpus, gradients: gradients, options, kernels: kernels)
      }, weights: model.weights, options, kernels: kernels)
  }
}

extension LanguageModel {
  /// Trains on the training split of a corpus; the validation split is scored after each epoch.
  ///
  /// - Throws: what `Trainer` throws.
  package func fit(
    _ corpus: Corpus, _ options: TrainingOptions,
    progress: (TrainingProgress) -> Bool = { _ in false }
  ) throws(Failure) {
    try Trainer(self, corpus, options).run(progress: progress)
  }
}
