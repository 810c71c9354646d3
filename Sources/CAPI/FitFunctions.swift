import CRNNCell
import Kernels
import Training

extension TrainingOptions {
  /// Reads the options of the header.
  fileprivate init(_ options: rnncell_fit_options) throws(Failure) {
    self.init()
    optimizer = try readOptional(options.optimizer, "optimizer") ?? "adam"
    checkpoint = try readOptional(options.checkpoint, "checkpoint")
    epochs = try positive(options.epochs, default: 1, "epochs", limit: 1 << 30)
    updates = options.updates == 0 ? nil : try positive(options.updates, "updates", limit: 1 << 40)
    batch = try positive(options.batch, default: 32, "batch", limit: Limits.batch)
    truncation = try positive(options.truncation, default: 35, "truncation", limit: Limits.steps)
    schedule.decayAfter = try positive(
      options.decay_after, default: 1, "decay_after", limit: 1 << 30)
    patience = try count(options.patience, "patience", limit: 1 << 30)
    reportEvery = try positive(options.report_every, default: 50, "report_every", limit: 1 << 40)
    threads = try threadCount(options.threads)
    seed = options.seed
    learningRate = try number(
      options.learning_rate, default: optimizer == "sgd" ? 1 : 0.002, "learning_rate", in: 0...1e6)
    schedule.decay = try number(options.decay, default: 1, "decay", in: 0...1)
    clip = try number(options.clip, default: 5, "clip", in: 0...Double.infinity)
    dropout = try number(options.dropout, default: 0, "dropout", in: 0...0.999)
    isVariational = try flag(options.variational, "variational")
    sumsOverSteps = try flag(options.reduction, "reduction")
    resumes = try flag(options.resume, "resume")
    guard !resumes || checkpoint != nil else {
      throw .invalid("resume is 1 but checkpoint is NULL; name the file to resume from")
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

@_cdecl("rnncell_model_fit") @implementation
public func rnncell_model_fit(
  _ model: OpaquePointer?, _ corpus: OpaquePointer?,
  _ options: UnsafePointer<rnncell_fit_options>?, _ callback: rnncell_progress_callback?,
  _ user: UnsafeMutableRawPointer?
) -> Int32 {
  status { () throws(Failure) in
    let model = try Handle.object(model, as: ModelObject.self).model
    let corpus = try Handle.object(corpus, as: CorpusObject.self).corpus
    let options = try TrainingOptions(try read(options, zero: rnncell_fit_options()))
    try model.fit(corpus, options) { progress in
      guard let callback else { return false }
      var row = rnncell_progress(progress)
      return callback(&row, user) != 0
    }
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
