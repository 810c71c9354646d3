import Cells
import Execution
import Glibc
import Kernels

/// How a model learns.
package struct TrainingOptions: Sendable {
  /// A name of `Optimizers.all`.
  package var optimizer = Adam.name
  /// nil for that of the optimiser.
  package var learningRate: Double?
  /// How the rate changes from update to update.
  package var schedule = Schedule()
  /// Constants of the optimiser.
  package var optimizerSettings = OptimizerSettings()
  /// Which means of the weights are evaluated, and kept in the end; nil for the weights themselves.
  package var averaging: WeightAverage.Rule?
  /// Epochs in all.
  package var epochs = 1
  /// Updates in all, where that is less than the epochs; nil for no bound.
  package var updates: Int?
  /// B, sequences trained together.
  package var batch = 32
  /// T, steps of a segment of backpropagation.
  package var truncation = 35
  /// Largest norm of the whole gradient; infinity for none.
  package var clip = 5.0
  /// Probability to drop a unit of a layer's input or of the last output, where nothing else is said.
  package var dropout = 0.0
  /// The same of the first layer's input, between layers, and of the last output; nil for `dropout`.
  package var inputDropout: Double?
  package var hiddenDropout: Double?
  package var outputDropout: Double?
  /// Probability to drop a token from the vocabulary for one update (Gal and Ghahramani 2016,
  /// arXiv:1512.05287, section 4.2).
  package var embeddingDropout = 0.0
  /// Of the states that matrices read, with one mask for all time steps (ibid., section 4.1).
  package var recurrentDropout = 0.0
  /// Of single weights of the matrices that read a state (Merity and others 2018, arXiv:1708.02182).
  package var weightDropout = 0.0
  /// Factors of the penalties on the size of the last outputs and on their change from step to step
  /// (Merity and others 2017, arXiv:1708.01009).
  package var activationPenalty = 0.0
  package var temporalPenalty = 0.0
  /// Whether segments have random lengths about the truncation (Merity and others 2018, section 5).
  package var hasRandomTruncation = false
  /// One dropout mask for all steps of a segment (Gal and Ghahramani 2016, arXiv:1512.05287).
  package var isVariational = false
  /// Whether the loss that is differentiated is the sum over the steps of a segment and the mean
  /// over the batch; else it is the mean over both.
  package var sumsOverSteps = false
  /// Whether sequences come in another order in each epoch.
  package var shuffles = true
  /// Ends after so many epochs without a better validation loss, and takes the weights of the best
  /// epoch; 0 for never.
  package var patience = 0
  /// Whether the validation split is scored after each epoch.
  package var validates = true
  /// Updates between two calls of the progress callback.
  package var reportEvery = 50
  package var threads = standardThreads
  /// Of the dropout masks.
  package var seed: UInt64 = 0
  /// A file that is written after each epoch and when training is cancelled; nil for none.
  package var checkpoint: String?
  /// Whether to carry on from `checkpoint`, if that file is there.
  package var resumes = false

  package init() {}

  /// The learning rate of an update of an epoch, from 1, after so many updates of those of the whole
  /// training.
  package func rate(epoch: Int, update: Int, of total: Int) -> Double {
    let standard = (try? Optimizers.named(optimizer))?.standardLearningRate ?? 0
    return (learningRate ?? standard) * schedule.factor(epoch: epoch, update: update, of: total)
  }

  /// What is dropped in an update; nil for nothing.
  ///
  /// - Parameter drawsZoneout: whether the seed is needed for zoneout.
  package func dropout(update: Int, drawsZoneout: Bool) -> Dropout? {
    var drop = Dropout(
      rate: dropout, isVariational: isVariational,
      seed: stableHash([seed, UInt64(update), 0xD209]))
    drop.input = inputDropout ?? dropout
    drop.hidden = hiddenDropout ?? dropout
    drop.output = outputDropout ?? dropout
    drop.recurrent = recurrentDropout
    drop.weight = weightDropout
    let rates = [drop.input, drop.hidden, drop.output, drop.recurrent, drop.weight]
    return drawsZoneout || rates.contains { $0 > 0 } ? drop : nil
  }

  /// Penalties on the outputs; nil for none.
  package var activityPenalty: ActivityPenalty? {
    activationPenalty > 0 || temporalPenalty > 0
      ? ActivityPenalty(activation: activationPenalty, temporal: temporalPenalty) : nil
  }

  /// - Throws: `.invalidArgument` for what no training can be.
  func checked() throws(Failure) -> TrainingOptions {
    _ = try Optimizers.named(optimizer)
    try schedule.check()
    try optimizerSettings.check()
    try averaging?.check()
    let rate = learningRate ?? 0
    for (name, value, range) in [
      ("batch", batch, 1...Limits.batch), ("truncation", truncation, 1...Limits.steps),
      ("epochs", epochs, 1...(1 << 30)), ("updates", updates ?? 1, 1...(1 << 40)),
      ("patience", patience, 0...(1 << 30)),
      ("report_every", reportEvery, 1...(1 << 40)), ("threads", threads, 1...threadLimit),
    ] where !range.contains(value) {
      throw .invalid("\(name) \(value) is not from \(range.lowerBound) to \(range.upperBound)")
    }
    guard rate >= 0, rate.isFinite else {
      throw .invalid("learning_rate \(rate) is not a number from 0 up")
    }
    guard clip > 0 else {
      throw .invalid("clip \(clip) is not positive; use infinity for no clipping")
    }
    for (name, rate) in [
      ("dropout", dropout), ("input_dropout", inputDropout ?? 0),
      ("hidden_dropout", hiddenDropout ?? 0), ("output_dropout", outputDropout ?? 0),
      ("embedding_dropout", embeddingDropout), ("recurrent_dropout", recurrentDropout),
      ("weight_dropout", weightDropout),
    ] where !(rate >= 0 && rate < 1) {
      throw .invalid("\(name) \(rate) is not from 0 to below 1")
    }
    for (name, factor) in [
      ("activation_penalty", activationPenalty), ("temporal_penalty", temporalPenalty),
    ] where !(factor >= 0 && factor.isFinite) {
      throw .invalid("\(name) \(factor) is not a number from 0 up")
    }
    guard !resumes || checkpoint != nil else {
      throw .invalid("there is no checkpoint to resume from; name the file")
    }
    return self
  }
}

/// What a progress callback is told, and a row of the history.
package struct TrainingProgress: Sendable {
  /// From 1.
  package var epoch: Int
  /// Updates of the weights since the model was made.
  package var update: Int
  /// What `update` will be at the end of the fit, unless it stops early.
  package var updates: Int
  /// Trained on since the model was made.
  package var tokens: Int
  /// Mean since the epoch began, nats per token.
  package var trainLoss: Double
  /// At the end of an epoch; NaN before.
  package var validLoss: Double
  package var learningRate: Double
  /// Since the epoch began, or since it was resumed.
  package var tokensPerSecond: Double
  /// Of this fit so far.
  package var seconds: Double

  package init(
    epoch: Int, update: Int, updates: Int, tokens: Int, trainLoss: Double, validLoss: Double,
    learningRate: Double, tokensPerSecond: Double, seconds: Double
  ) {
    self.epoch = epoch
    self.update = update
    self.updates = updates
    self.tokens = tokens
    self.trainLoss = trainLoss
    self.validLoss = validLoss
    self.learningRate = learningRate
    self.tokensPerSecond = tokensPerSecond
    self.seconds = seconds
  }
}
