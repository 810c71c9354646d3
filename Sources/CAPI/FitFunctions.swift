import CRNNCell
import Kernels
import Training

extension TrainingOptions {
  /// Reads the options of the header.
  init(_ options: rnncell_fit_options) throws(Failure) {
    self.init()
    optimizer = try readOptional(options.optimizer, "optimizer") ?? "adam"
    checkpoint = try readOptional(options.checkpoint, "checkpoint")
    // Updates alone are a bound of their own.
    epochs = try positive(
      options.epochs, default: options.updates > 0 ? 1 << 30 : 1, "epochs", limit: 1 << 30)
    updates = options.updates == 0 ? nil : try positive(options.updates, "updates", limit: 1 << 40)
    batch = try positive(options.batch, default: 32, "batch", limit: Limits.batch)
    truncation = try positive(options.truncation, default: 35, "truncation", limit: Limits.steps)
    patience = try count(options.patience, "patience", limit: 1 << 30)
    reportEvery = try positive(options.report_every, default: 50, "report_every", limit: 1 << 40)
    threads = try threadCount(options.threads)
    seed = options.seed
    learningRate = try number(
      options.learning_rate, default: try Optimizers.named(optimizer).standardLearningRate,
      "learning_rate", in: 0...1e6)
    clip = try number(options.clip, default: 5, "clip", in: 0...Double.infinity)
    isVariational = try flag(options.variational, "variational")
    sumsOverSteps = try flag(options.reduction, "reduction")
    shuffles = !(try flag(options.keep_order, "keep_order"))
    resumes = try flag(options.resume, "resume")
    guard !resumes || checkpoint != nil else {
      throw .invalid("resume is 1 but checkpoint is NULL; name the file to resume from")
    }
    schedule = try Schedule(options)
    optimizerSettings = try OptimizerSettings(options)
    averaging = try WeightAverage.Rule(options)
    try readRegularization(options)
  }

  private mutating func readRegularization(_ options: rnncell_fit_options) throws(Failure) {
    func rate(_ value: Double, _ name: String) throws(Failure) -> Double {
      try number(value, default: 0, name, in: 0...0.999)
    }
    func special(_ value: Double, _ name: String) throws(Failure) -> Double? {
      value.isNaN ? 0 : value == 0 ? nil : try rate(value, name)
    }
    dropout = try rate(options.dropout, "dropout")
    inputDropout = try special(options.input_dropout, "input_dropout")
    hiddenDropout = try special(options.hidden_dropout, "hidden_dropout")
    outputDropout = try special(options.output_dropout, "output_dropout")
    embeddingDropout = try rate(options.embedding_dropout, "embedding_dropout")
    recurrentDropout = try rate(options.recurrent_dropout, "recurrent_dropout")
    weightDropout = try rate(options.weight_dropout, "weight_dropout")
    activationPenalty = try number(
      options.activation_penalty, default: 0, "activation_penalty", in: 0...1e6)
    temporalPenalty = try number(
      options.temporal_penalty, default: 0, "temporal_penalty", in: 0...1e6)
    hasRandomTruncation = try flag(options.random_truncation, "random_truncation")
  }
}

extension Schedule {
  fileprivate init(_ options: rnncell_fit_options) throws(Failure) {
    self.init()
    let name = try readOptional(options.schedule, "schedule") ?? Shape.step.rawValue
    guard let shape = Shape(rawValue: name) else {
      throw .invalid(
        "there is no schedule '\(name.prefix(40))'; there are "
          + Shape.allCases.map(\.rawValue).joined(separator: ", "))
    }
    self.shape = shape
    decay = try number(options.decay, default: 1, "decay", in: 0...1)
    decayAfter = try positive(options.decay_after, default: 1, "decay_after", limit: 1 << 30)
    decayEvery = try positive(options.decay_every, default: 1, "decay_every", limit: 1 << 30)
    warmup = try count(options.warmup, "warmup", limit: 1 << 40)
    finalFactor = try number(options.final_factor, default: 0, "final_factor", in: 0...1)
  }
}

extension OptimizerSettings {
  fileprivate init(_ options: rnncell_fit_options) throws(Failure) {
    self.init()
    momentum = try number(options.momentum, default: 0, "momentum", in: 0...0.9999)
    isNesterov = try flag(options.nesterov, "nesterov")
    weightDecay = try number(options.weight_decay, default: 0, "weight_decay", in: 0...1e6)
    beta1 = try number(options.beta1, default: 0.9, "beta1", in: 0...0.9999999)
    beta2 = try number(options.beta2, default: 0.999, "beta2", in: 0...0.9999999)
    epsilon = try number(options.epsilon, default: 1e-8, "epsilon", in: 0...1e6)
    smoothing = try number(options.smoothing, default: 0.99, "smoothing", in: 0...0.9999999)
  }
}

extension WeightAverage.Rule {
  /// nil where no mean is wanted.
  fileprivate init?(_ options: rnncell_fit_options) throws(Failure) {
    let decay = try number(options.average, default: 0, "average", in: 0...0.9999999)
    let interval = try count(options.average_interval, "average_interval", limit: 1 << 30)
    guard decay == 0 || interval == 0 else {
      throw .invalid("average and average_interval are both given; pass one of them")
    }
    if decay > 0 {
      self = .moving(decay: decay)
    } else if interval > 0 {
      self = .triggered(interval: interval)
    } else {
      return nil
    }
  }
}

extension rnncell_progress {
  fileprivate init(_ progress: TrainingProgress) {
    self.init()
    size = MemoryLayout<rnncell_progress>.size
    epoch = Int64(progress.epoch)
    update = Int64(progress.update)
    updates = Int64(progress.updates)
    tokens = Int64(progress.tokens)
    train_loss = progress.trainLoss
    valid_loss = progress.validLoss
    learning_rate = progress.learningRate
    tokens_per_second = progress.tokensPerSecond
    seconds = progress.seconds
  }
}

extension rnncell_progress_callback? {
  /// Tells it of progress; whether it says stop.
  func hears(_ progress: TrainingProgress, _ user: UnsafeMutableRawPointer?) -> Bool {
    guard let self else { return false }
    var row = rnncell_progress(progress)
    return self(&row, user) != 0
  }
}

@_cdecl("rnncell_model_fit") @implementation
public func rnncell_model_fit(
  _ model: OpaquePointer?, _ corpus: OpaquePointer?,
  _ options: UnsafePointer<rnncell_fit_options>?, _ callback: rnncell_progress_callback?,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  status { () throws(Failure) in
    let model = try ModelObject.language(model)
    let corpus = try Handle.object(corpus, as: CorpusObject.self).corpus
    let options = try TrainingOptions(try read(options, zero: rnncell_fit_options()))
    try model.fit(corpus, options) { callback.hears($0, user) }
  }
}

@_cdecl("rnncell_model_history") @implementation
public func rnncell_model_history(
  _ out: UnsafeMutablePointer<rnncell_progress>?, _ model: OpaquePointer?, _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let model = try Handle.object(model, as: ModelObject.self).model
    return rnncell_progress(try element(model.history, index, "epochs in the history"))
  }
}
