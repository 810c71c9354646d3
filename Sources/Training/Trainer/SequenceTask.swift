import Cells
import Execution
import Kernels

/// A sequence model's training on sequences: in each epoch all of them once, in an order of its own.
///
/// Backpropagation goes through whole sequences, whose cost is in proportion to their lengths.
final class SequenceTask: TrainingTask {
  private let sequenceModel: SequenceModel
  private let data: SequenceData
  private let options: TrainingOptions
  private let run: SequenceModelRun
  private let scorer: SequenceScorer?
  /// The epoch that `order` is of.
  private var epoch = 0
  private var order: [Int] = []

  var model: any TrainableModel { sequenceModel }
  let agreements: [(name: String, value: String)]

  /// - Throws: `.invalidArgument` for data that does not fit the model.
  init(
    _ model: SequenceModel, _ data: SequenceData, valid: SequenceData?,
    gradients: ParameterBuffer, _ options: TrainingOptions, kernels: KernelTable
  ) throws(Failure) {
    try data.check(model.shape, needsTargets: true)
    sequenceModel = model
    self.data = data
    self.options = options
    let batch = min(options.batch, data.count)
    run = try SequenceModelRun(
      model, gradients: gradients, steps: data.lengths.max() ?? 1, batch: batch,
      masksRecurrence: options.recurrentDropout > 0, kernels: kernels)
    run.unroll.activityPenalty = options.activityPenalty
    scorer = try valid.map { valid throws(Failure) in
      try SequenceScorer(model, valid, batch: options.batch, needsTargets: true, kernels: kernels)
    }
    agreements = [
      ("batch", String(options.batch)), ("seed", String(options.seed)),
      ("sequences", String(data.digest(model.shape), radix: 16)),
    ]
  }

  private var batch: Int { min(options.batch, data.count) }

  func updates(epoch: Int) -> Int { (data.count + batch - 1) / batch }

  func lossesAndGradient(_ place: TrainingPlace, _ team: Team) throws(Failure) -> UpdateLoss {
    if epoch != place.epoch { shuffle(place.epoch) }
    let first = place.index * batch
    let sequences = order[first..<min(first + batch, data.count)]
    let steps = sequences.reduce(0) { $0 + data.lengths[$1] }
    let terms = sequenceModel.shape.isPerStep ? steps : sequences.count
    run.unroll.dropout = options.dropout(
      update: place.update, drawsZoneout: model.network.wiring.zoneout > 0)
    let scale = 1 / Float(options.sumsOverSteps ? sequences.count : terms)
    let sum = try run.losses(data, sequences, scale: scale, team)
    return UpdateLoss(sum: sum, terms: terms, tokens: steps)
  }

  /// Fisher and Yates's shuffle, which follows from the seed and the epoch.
  private func shuffle(_ epoch: Int) {
    self.epoch = epoch
    order = Array(0..<data.count)
    guard options.shuffles else { return }
    let random = Philox(seed: stableHash([options.seed, UInt64(epoch)]), purpose: 0x6F72_6465)
    for index in order.indices.dropFirst().reversed() {
      let other = Int(Double(random.uniform(UInt64(index))) * Double(index + 1))
      order.swapAt(index, min(other, index))
    }
  }

  func validLoss(_ team: Team) throws(Failure) -> Double? { try scorer?.loss(team) }

  // Every sequence starts from zero.
  let carriedBatch = 0
  func clearState() {}
  func carryState() {}
  func loadState(_ source: UnsafePointer<Float>) {}
  func storeState(_ destination: UnsafeMutablePointer<Float>) {}
}

extension Trainer {
  /// A training of a sequence model.
  ///
  /// - Parameter valid: scored after each epoch; nil for none.
  /// - Throws: `.invalidArgument` for options that cannot be or data that does not fit the model;
  ///   `.limit`, `.outOfMemory`.
  package convenience init(
    _ model: SequenceModel, _ data: SequenceData, valid: SequenceData?,
    _ options: TrainingOptions, kernels: KernelTable = .current
  ) throws(Failure) {
    try self.init(
      { gradients, options throws(Failure) in
        try SequenceTask(
          model, data, valid: valid, gradients: gradients, options, kernels: kernels)
      }, weights: model.weights, options, kernels: kernels)
  }
}

extension SequenceModel {
  /// Trains on sequences with their targets; what `valid` holds is scored after each epoch.
  ///
  /// - Throws: what `Trainer` throws.
  package func fit(
    _ data: SequenceData, valid: SequenceData?, _ options: TrainingOptions,
    progress: (TrainingProgress) -> Bool = { _ in false }
  ) throws(Failure) {
    try Trainer(self, data, valid: valid, options).run(progress: progress)
  }
}
