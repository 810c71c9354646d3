import Cells
import Execution
import Glibc
import Kernels

/// Trains a model by backpropagation through time; can stop and carry on at any update.
///
/// Weights are the same bits for any number of threads, and whether a training was interrupted or not.
package final class Trainer {
  package let options: TrainingOptions
  let task: any TrainingTask
  let optimizer: any Optimizer
  /// Of the epoch with the least validation loss, where patience needs it.
  let best: ParameterBuffer?
  /// Means of the weights, where they are wanted.
  let average: WeightAverage?
  /// What a checkpoint must carry beside arrays.
  var counters = Counters()
  /// The carried state as a checkpoint gave it, until the next update has made a newer one.
  var restoredState: Buffer<Float>?

  private let gradients: ParameterBuffer
  private let weightUpdate: WeightUpdate
  private let team: Team
  private let start = monotonicSeconds()
  private var epochStart = monotonicSeconds()
  /// The sum of the losses of the last updates, and what they are of.
  private var recent = UpdateLoss()
  /// Tokens of this epoch that were trained on by this object.
  private var ownTokens = 0

  struct Counters: Equatable {
    /// Updates of this training.
    var updates = 0
    /// Epochs that are done, and updates of the one under way.
    var epochs = 0
    var epochUpdates = 0
    /// Of the epoch under way or, when it is done, of the last one.
    var epochLoss = UpdateLoss()
    var bestLoss = Double.infinity
    /// Epochs since the best one.
    var staleEpochs = 0
  }

  /// - Throws: `.invalidArgument` for options that cannot be; `.limit`, `.outOfMemory`.
  init(
    _ task: (_ gradients: ParameterBuffer, _ options: TrainingOptions) throws(Failure) ->
      any TrainingTask,
    weights: ParameterBuffer, _ options: TrainingOptions, kernels: KernelTable
  ) throws(Failure) {
    let options = try options.checked()
    self.options = options
    gradients = try ParameterBuffer(weights.layout)
    self.task = try task(gradients, options)
    optimizer = try Optimizers.named(options.optimizer).init(
      weights.layout, options.optimizerSettings)
    weightUpdate = try WeightUpdate(
      optimizer, floatCount: gradients.values.count, kernels: kernels)
    best = options.patience > 0 ? try ParameterBuffer(weights.layout) : nil
    average = try options.averaging.map { rule throws(Failure) in
      try WeightAverage(rule, weights.layout)
    }
    team = try Team(threads: options.threads)
    self.task.clearState()
  }

  package var model: any TrainableModel { task.model }

  /// The mean training loss, nats per token, of the updates since this was last called, or since the
  /// trainer was made; NaN for none.
  package func takeMeanLoss() -> Double {
    defer { recent = UpdateLoss() }
    return recent.mean
  }

  /// Of the epoch under way.
  package var updatesPerEpoch: Int { task.updates(epoch: counters.epochs + 1) }
  /// Done in this training.
  package var updates: Int { counters.updates }
  /// Of this training, unless patience ends it early; where epochs differ in their updates, about so
  /// many.
  package var totalUpdates: Int {
    let left = max(0, options.epochs - counters.epochs)
    let (all, overflow) = left.multipliedReportingOverflow(by: updatesPerEpoch)
    let done = counters.updates - counters.epochUpdates
    return min(options.updates ?? .max, overflow ? .max : all &+ done)
  }
  /// Whether nothing is left to do.
  package var isFinished: Bool {
    counters.updates >= options.updates ?? .max || counters.epochs >= options.epochs
      || (options.patience > 0 && counters.staleEpochs >= options.patience)
  }

  /// Trains until `updates` are done in this training, or it is finished.
  ///
  /// - Parameter progress: hears every `reportEvery` updates and after each epoch; true stops.
  /// - Throws: `.cancelled` when told to stop, with all work kept; `.diverged` for a loss or gradient
  ///   that is not finite, with the weights as they were before that update; `.io`.
  package func train(
    updates: Int = .max, progress: (TrainingProgress) -> Bool = { _ in false }
  ) throws(Failure) {
    while counters.updates < updates, !isFinished {
      let updatesOfEpoch = updatesPerEpoch
      try update()
      var stops = false
      if counters.epochUpdates == updatesOfEpoch {
        let row = try finishEpoch()
        if let path = options.checkpoint { try saveCheckpoint(to: path) }
        stops = progress(row)
      } else if counters.updates % options.reportEvery == 0 {
        stops = progress(try self.progress(epoch: counters.epochs + 1))
      }
      if stops {
        if let path = options.checkpoint { try saveCheckpoint(to: path) }
        throw Failure(
          .cancelled,
          "training was stopped after update \(counters.updates); what was learned is kept")
      }
    }
  }

  /// Ends a training: an epoch under way gets its row in the history; the model gets the means of its
  /// weights, or its best ones, where these count.
  package func finish() throws(Failure) {
    if counters.epochUpdates != 0, options.validates {
      var row = try progress(epoch: counters.epochs + 1)
      row.validLoss = try validLoss() ?? .nan
      take(row.validLoss)
      model.history.append(row)
    }
    if let best, counters.bestLoss < .infinity {
      model.weights.copy(from: best)
    } else if let mean = average?.mean {
      model.weights.copy(from: mean)
    }
  }

  /// One segment or batch forward and backward, and a step of the optimiser.
  private func update() throws(Failure) {
    let place = TrainingPlace(
      epoch: counters.epochs + 1, index: counters.epochUpdates, update: counters.updates)
    if place.index == 0 {
      task.clearState()
      counters.epochLoss = UpdateLoss()
      epochStart = monotonicSeconds()
      ownTokens = 0
    }
    let loss = try task.lossesAndGradient(place, team)
    let norm = weightUpdate.norm(gradients, team)
    let rate = learningRate(at: place) * loss.rateFactor
    guard loss.sum.isFinite, WeightUpdate.canApply(norm: norm, clip: options.clip) else {
      throw Failure(
        .diverged,
        "update \(counters.updates + 1) diverged: loss \(loss.mean.isNaN ? .nan : loss.mean), gradient "
          + "norm \(norm.magnitude), learning rate \(rate); use a smaller learning rate or clip (the weights "
          + "are those before that update)")
    }
    weightUpdate.apply(
      gradients, norm: norm, clip: options.clip, to: model.weights, number: counters.updates + 1,
      learningRate: rate, team)
    average?.take(model.weights)
    task.carryState()
    restoredState = nil
    counters.updates += 1
    counters.epochUpdates += 1
    counters.epochLoss.add(loss)
    recent.add(loss)
    ownTokens += loss.tokens
    model.updates += 1
    model.tokens += loss.tokens
  }

  private func learningRate(at place: TrainingPlace) -> Double {
    options.rate(epoch: place.epoch, update: place.update, of: totalUpdates)
  }

  private func finishEpoch() throws(Failure) -> TrainingProgress {
    var row = try progress(epoch: counters.epochs + 1)
    counters.epochs += 1
    counters.epochUpdates = 0
    if options.validates, let loss = try validLoss() {
      row.validLoss = loss
      average?.hear(loss)
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
    best?.copy(from: average?.mean ?? model.weights)
  }

  /// The loss on the validation data with the means of the weights where there are any; nil where there
  /// is too little of it to have one.
  private func validLoss() throws(Failure) -> Double? {
    guard let average, let mean = average.mean else { return try task.validLoss(team) }
    let own = try ParameterBuffer(model.weights.layout)
    own.copy(from: model.weights)
    model.weights.copy(from: mean)
    defer { model.weights.copy(from: own) }
    return try task.validLoss(team)
  }

  private func progress(epoch: Int) throws(Failure) -> TrainingProgress {
    let now = monotonicSeconds()
    return TrainingProgress(
      epoch: epoch, update: model.updates,
      updates: model.updates + (totalUpdates - counters.updates), tokens: model.tokens,
      trainLoss: counters.epochLoss.mean, validLoss: .nan,
      learningRate: options.rate(epoch: epoch, update: counters.updates - 1, of: totalUpdates),
      tokensPerSecond: Double(ownTokens) / max(now - epochStart, 1e-9), seconds: now - start)
  }

  /// The whole training, from a checkpoint if there is one to resume from.
  func run(progress: (TrainingProgress) -> Bool) throws(Failure) {
    if let path = options.checkpoint { try FileContents.checkWritable(path) }
    if options.resumes, let path = options.checkpoint, access(path, F_OK) == 0 {
      try loadCheckpoint(from: path)
    }
    try train(progress: progress)
    if counters.epochUpdates != 0, let path = options.checkpoint { try saveCheckpoint(to: path) }
    try finish()
  }
}

/// Seconds of a clock that never goes back.
func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
