import Cells
import Execution
import Glibc
import Kernels

/// Trains a model by truncated backpropagation through time; can stop and carry on at any update.
///
/// The state is carried from segment to segment and starts each epoch at zero. Weights are the same
/// bits for any number of threads, and whether a training was interrupted or not.
package final class Trainer {
  package let model: LanguageModel
  package let options: TrainingOptions
  let corpus: Corpus
  let optimizer: any Optimizer
  let run: ModelRun
  /// Of the epoch with the least validation loss, where patience needs it.
  let best: ParameterBuffer?
  /// What a checkpoint must carry beside arrays.
  var counters = Counters()
  /// The carried state as a checkpoint gave it, until the next update has made a newer one.
  var restoredState: Buffer<Float>?

  private let gradients: ParameterBuffer
  private let weightUpdate: WeightUpdate
  private let segments: Segments
  private let kernels: KernelTable
  private let team: Team
  private var scorer: Scorer?
  private let start = monotonicSeconds()
  private var epochStart = monotonicSeconds()
  /// The sum of the losses of the last updates, and their count.
  private var recent = (loss: 0.0, updates: 0)
  /// Tokens of this epoch that were trained on by this object.
  private var ownTokens = 0

  struct Counters: Equatable {
    /// Updates of this training.
    var updates = 0
    /// The sum of the losses since the epoch began, in nats.
    var epochLoss = 0.0
    var bestLoss = Double.infinity
    /// Epochs since the best one.
    var staleEpochs = 0
  }

  /// - Throws: `.state` for a corpus with another vocabulary; `.invalidArgument` for options that
  ///   cannot be, or a text too short for them; `.limit`, `.outOfMemory`.
  package init(
    _ model: LanguageModel, _ corpus: Corpus, _ options: TrainingOptions,
    kernels: KernelTable = .current
  ) throws(Failure) {
    let options = try options.checked()
    guard corpus.vocabulary == model.vocabulary else {
      throw Failure(
        .state,
        "the corpus has another vocabulary (\(corpus.vocabulary.count) tokens) than the model "
          + "(\(model.vocabulary.count)); use the corpus that the model was made for")
    }
    self.model = model
    self.corpus = corpus
    self.options = options
    self.kernels = kernels
    segments = try Segments(corpus.train, batch: options.batch, steps: options.truncation)
    gradients = try ParameterBuffer(model.weights.layout)
    optimizer = try Optimizers.named(options.optimizer).init(model.weights.layout)
    weightUpdate = try WeightUpdate(
      optimizer, floatCount: gradients.values.count, kernels: kernels)
    run = try ModelRun(
      model, gradients: gradients, steps: options.truncation, batch: options.batch,
      kernels: kernels)
    best = options.patience > 0 ? try ParameterBuffer(model.weights.layout) : nil
    team = try Team(threads: options.threads)
    run.unroll.zeroState()
  }

  /// The mean training loss, nats per token, of the updates since this was last called, or since the
  /// trainer was made; NaN for none.
  package func takeMeanLoss() -> Double {
    defer { recent = (0, 0) }
    return recent.loss / Double(recent.updates * tokensPerUpdate)
  }

  /// Of an epoch.
  package var updatesPerEpoch: Int { segments.count }
  /// Done in this training.
  package var updates: Int { counters.updates }
  /// Of this training, unless patience ends it early.
  package var totalUpdates: Int {
    let (all, overflow) = options.epochs.multipliedReportingOverflow(by: segments.count)
    return min(options.updates ?? .max, overflow ? .max : all)
  }
  /// Whether nothing is left to do.
  package var isFinished: Bool {
    counters.updates >= totalUpdates
      || (options.patience > 0 && counters.staleEpochs >= options.patience)
  }
  private var tokensPerUpdate: Int { options.batch * options.truncation }

  /// Trains until `updates` are done in this training, or it is finished.
  ///
  /// - Parameter progress: hears every `reportEvery` updates and after each epoch; true stops.
  /// - Throws: `.cancelled` when told to stop, with all work kept; `.diverged` for a loss or gradient
  ///   that is not finite, with the weights as they were before that update; `.io`.
  package func train(
    updates: Int, progress: (TrainingProgress) -> Bool = { _ in false }
  ) throws(Failure) {
    while counters.updates < updates, !isFinished {
      let epoch = counters.updates / segments.count + 1
      try update(epoch: epoch)
      let isEpochDone = counters.updates % segments.count == 0
      var stops = false
      if isEpochDone {
        let row = try finishEpoch(epoch)
        if let path = options.checkpoint { try saveCheckpoint(to: path) }
        stops = progress(row)
      } else if counters.updates % options.reportEvery == 0 {
        stops = progress(try self.progress(epoch: epoch))
      }
      if stops {
        if let path = options.checkpoint { try saveCheckpoint(to: path) }
        throw Failure(
          .cancelled,
          "training was stopped after update \(counters.updates); what was learned is kept")
      }
    }
  }

  /// Ends a training: an epoch under way gets its row in the history, and where patience counts, the
  /// model gets its best weights.
  package func finish() throws(Failure) {
    let done = counters.updates % segments.count
    if done != 0, options.validates {
      var row = try progress(epoch: counters.updates / segments.count + 1)
      row.validLoss = try validLoss() ?? .nan
      take(row.validLoss)
      model.history.append(row)
    }
    if let best, counters.bestLoss < .infinity { model.weights.copy(from: best) }
  }

  /// One segment forward and backward, and a step of the optimiser.
  private func update(epoch: Int) throws(Failure) {
    let segment = counters.updates % segments.count
    if segment == 0 {
      run.unroll.zeroState()
      counters.epochLoss = 0
      epochStart = monotonicSeconds()
      ownTokens = 0
    }
    run.forgetWords(team)
    segments.read(segment, words: run.words, targets: run.targets)
    if options.dropout > 0 {
      run.unroll.dropout = Dropout(
        rate: options.dropout, isVariational: options.isVariational,
        seed: stableHash([options.seed, UInt64(counters.updates), 0xD209]))
    }
    let scale = 1 / Float(options.sumsOverSteps ? options.batch : tokensPerUpdate)
    let loss = try run.lossesAndGradient(scale: scale, team)
    let norm = weightUpdate.norm(gradients, team)
    let rate = try options.rate(epoch: epoch)
    guard loss.isFinite, norm.isFinite else {
      throw Failure(
        .diverged,
        "update \(counters.updates + 1) diverged: loss \(loss / Double(tokensPerUpdate)), gradient "
          + "norm \(norm), learning rate \(rate); use a smaller learning rate or clip (the weights "
          + "are those before that update)")
    }
    weightUpdate.apply(
      gradients, norm: norm, clip: options.clip, to: model.weights, number: counters.updates + 1,
      learningRate: rate, team)
    run.unroll.carryState()
    restoredState = nil
    counters.updates += 1
    counters.epochLoss += loss
    recent.loss += loss
    recent.updates += 1
    ownTokens += tokensPerUpdate
    model.updates += 1
    model.tokens += tokensPerUpdate
  }

  private func finishEpoch(_ epoch: Int) throws(Failure) -> TrainingProgress {
    var row = try progress(epoch: epoch)
    if options.validates, let loss = try validLoss() {
      row.validLoss = loss
      take(loss)
    }
    row.seconds = monotonicSeconds() - start
    model.history.append(row)
    return row
  }

  /// Keeps the weights where the validation loss is the least so far.
  private func take(_ validLoss: Double) {
    guard validLoss < counters.bestLoss else {
      counters.staleEpochs += 1
      return
    }
    counters.bestLoss = validLoss
    counters.staleEpochs = 0
    best?.copy(from: model.weights)
  }

  /// The loss on the validation split, run in as many pieces as training has sequences; nil where the
  /// split is too small to have one.
  private func validLoss() throws(Failure) -> Double? {
    let tokens = corpus.valid
    guard tokens.count >= 2 else { return nil }
    if scorer == nil {
      scorer = try Scorer(
        model, batch: options.batch, predictions: tokens.count - 1, kernels: kernels)
    }
    return try scorer?.loss(tokens, team)
  }

  private func progress(epoch: Int) throws(Failure) -> TrainingProgress {
    let now = monotonicSeconds()
    let done = (counters.updates - 1) % segments.count + 1
    return TrainingProgress(
      epoch: epoch, update: model.updates,
      updates: model.updates + (totalUpdates - counters.updates), tokens: model.tokens,
      trainLoss: counters.epochLoss / Double(done * tokensPerUpdate), validLoss: .nan,
      learningRate: try options.rate(epoch: epoch),
      tokensPerSecond: Double(ownTokens) / max(now - epochStart, 1e-9), seconds: now - start)
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
    let trainer = try Trainer(self, corpus, options)
    if options.resumes, let path = options.checkpoint, access(path, F_OK) == 0 {
      try trainer.loadCheckpoint(from: path)
    }
    try trainer.train(updates: trainer.totalUpdates, progress: progress)
    if trainer.updates % trainer.updatesPerEpoch != 0, let path = options.checkpoint {
      try trainer.saveCheckpoint(to: path)
    }
    try trainer.finish()
  }
}

/// Seconds of a clock that never goes back.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
