import Cells
import Execution
import Glibc
import Kernels
import Training

/// How a network of shared weights learns.
package struct SharedSettings: Sendable {
  package var controller = ControllerSettings()
  /// The controller learns after so many updates of the shared weights, so many times.
  package var weightUpdates = 10
  package var controllerUpdates = 1
  /// Arcs that are scored at the end of a stage, beside the calibrations.
  package var scored = 48
  /// Of these, the best that are scored again, on as much text as cells are; 0 for none.
  ///
  /// Only they count then.
  package var scoredAgain = 0
  /// The bound of the norm of a carried hidden state: relu and identity let it grow.
  package var stateNorm = 25.0
  package init() {}

  /// What a preset sets.
  ///
  /// The papers' ENAS has 2,000 updates of its controller for an epoch of 415 of the weights (929,000
  /// words in batches of 64 x 35); Li and Talwalkar score 2,000 arcs, and the best 20 again.
  init(_ preset: Preset, hasController: Bool) {
    guard preset == .paper else { return }
    controller = .paper
    controllerUpdates = 48
    if !hasController { (scored, scoredAgain) = (2000, 20) }
  }
}

/// The training of weights that all arcs of so many nodes share.
///
/// Each update trains one arc, drawn uniformly (Li and Talwalkar 2019, arXiv:1902.07638) or by a
/// controller that learns in turns with the weights (ENAS, Pham et al. 2018, arXiv:1802.03268), whose reward for
/// an arc is c / perplexity on a segment of the validation split, with c = 0.8 sqrt(V), the 80 of the
/// paper for 10,000 words. In the end arcs are scored with the shared weights, and the scores are what it
/// measures. Used by one thread at a time.
final class SharedStage {
  private let corpus: Corpus
  private let sizes: EvaluationSizes
  private let options: TrainingOptions
  private let settings: SharedSettings
  private let nodes: Int
  private let activations: [String]
  private let shape: ModelShape
  private let segments: Segments
  private let team: Team
  private let shared: SharedWeights
  private let controller: Controller?
  /// Of everything that is drawn; the first stage's, so that stages that carry on differ.
  private let seed: UInt64
  private var updates = 0
  /// Run through for training, for rewards and for scores.
  private var tokens = 0
  /// Updates that were left out because a gradient was not finite.
  private var skipped = 0
  private var state: [Float]
  private var recent = (loss: 0.0, updates: 0)

  init(
    _ evaluator: LanguageModelEvaluator, _ task: EvaluationTask, nodes: Int, activations: [String],
    hasController: Bool
  ) throws(Failure) {
    corpus = evaluator.corpus
    sizes = evaluator.sizes
    settings = SharedSettings(task.preset, hasController: hasController)
    self.nodes = nodes
    self.activations = activations
    options = LanguageModelEvaluator.options(sizes, updates: max(1, task.updates))
    segments = try Segments(corpus.train, batch: sizes.batch, steps: sizes.truncation)
    team = try Team(threads: task.threads)
    let file = try task.snapshot.map { bytes throws(Failure) in try SafeTensors(parsing: bytes) }
    if let text = file?.metadata["seed"] {
      guard let stored = UInt64(text) else {
        throw Failure(.format, "the shared weights' seed '\(text.prefix(32))' is no number")
      }
      seed = stored
    } else {
      seed = task.seed
    }
    // All arcs have as many learned values, so that one size does for all.
    var choices = Choices(seed: 0, 0)
    var shape = LanguageModelEvaluator.shape(
      try Arc.random(nodes: nodes, of: activations, &choices).cell(), corpus, sizes)
    shape.hiddenSize = try shape.hiddenSize(nearestTo: evaluator.parameterCount)
    self.shape = shape
    shared = SharedWeights(seed: seed)
    controller =
      hasController
      ? try Controller(
        nodes: nodes, activations: activations, seed: stableHash([seed, 0xC7]),
        settings.controller) : nil
    state = [Float](repeating: 0, count: sizes.layers * sizes.batch * shape.hiddenSize)
    if let file { try restore(file) }
  }

  /// Trains up to the task's updates, and scores arcs.
  func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score {
    let start = monotonicSeconds()
    var curve: [CurvePoint] = []
    var entropy = 0.0
    let every = max(1, task.updates / LanguageModelEvaluator.curvePoints)
    while updates < task.updates {
      if shouldStop() { throw Failure(.cancelled, "the search was stopped") }
      try trainOnce()
      if controller != nil, updates % settings.weightUpdates == 0 {
        for _ in 0..<settings.controllerUpdates { entropy = try trainController() }
      }
      if updates % every == 0 || updates == task.updates {
        curve.append(
          CurvePoint(updates: updates, trainLoss: recent.loss / Double(max(1, recent.updates))))
        recent = (0, 0)
      }
    }
    var measured = try losses(of: candidates(), scoringTokens, shouldStop)
    if settings.scoredAgain > 0 {
      let best = measured.sorted { ($0.value, $0.key) < ($1.value, $1.key) }
      let arcs = best.prefix(settings.scoredAgain).compactMap { Arc(text: $0.key) }
      let others = Arc.calibrations(nodes: nodes, of: activations).filter { !arcs.contains($0) }
      measured = try losses(of: arcs + others, sizes.validTokens, shouldStop)
    }
    guard let best = measured.values.min() else {
      throw Failure(.diverged, "the shared weights score no arc; use a smaller learning rate")
    }
    if !curve.isEmpty { curve[curve.count - 1].loss = best }
    measured["skipped updates"] = Double(skipped)
    if controller != nil { measured["entropy"] = entropy }
    return Score(
      loss: best, tokens: tokens, seconds: monotonicSeconds() - start,
      parameterCount: try shape.parameterCount, curve: curve, snapshot: try snapshot(),
      measured: measured)
  }

  // MARK: - The shared weights

  /// One update of the weights of one arc.
  private func trainOnce() throws(Failure) {
    var choices = Choices(seed: seed, 0x5A, UInt64(updates))
    let arc =
      try controller?.sample(1, &choices).first?.arc
      ?? Arc.random(nodes: nodes, of: activations, &choices)
    let segment = updates % segments.count
    if segment == 0 { clearState() }
    let model = try shared.model(of: arc, shape(of: arc))
    let gradients = try ParameterBuffer(model.weights.layout)
    let run = try ModelRun(
      model, gradients: gradients, steps: sizes.truncation, batch: sizes.batch, kernels: .current)
    run.unroll.zeroState()
    state.withUnsafeBufferPointer { if let base = $0.baseAddress { run.unroll.loadState(base) } }
    segments.read(segment, to: run)
    let count = sizes.batch * sizes.truncation
    let loss = try run.lossesAndGradient(scale: 1 / Float(count), team)
    let update = try WeightUpdate(
      try Optimizers.named(options.optimizer).init(ParameterLayout()),
      floatCount: gradients.values.count)
    let norm = update.norm(gradients, team)
    updates += 1
    tokens += count
    guard loss.isFinite, norm.isFinite else {
      // One arc that explodes costs its update, not the weights of all others.
      skipped += 1
      clearState()
      return
    }
    recent.loss += loss / Double(count)
    recent.updates += 1
    try shared.update(
      model, of: arc, gradients, norm: norm, clip: options.clip, learningRate: sizes.learningRate,
      optimizer: Optimizers.named(options.optimizer))
    run.unroll.carryState()
    state.withUnsafeMutableBufferPointer {
      if let base = $0.baseAddress { run.unroll.storeState(base) }
    }
    boundState()
  }

  private func shape(of arc: Arc) throws(Failure) -> ModelShape {
    var shape = shape
    shape.cells = Array(repeating: try arc.cell(), count: sizes.layers)
    return shape
  }

  private func clearState() { for index in state.indices { state[index] = 0 } }

  /// Keeps the norm of each sequence's state below the bound.
  private func boundState() {
    let size = shape.hiddenSize
    for start in stride(from: 0, to: state.count, by: size) {
      var square = 0.0
      for index in start..<start + size { square += Double(state[index]) * Double(state[index]) }
      let norm = square.squareRoot()
      guard norm > settings.stateNorm else { continue }
      let scale = Float(settings.stateNorm / norm)
      for index in start..<start + size { state[index] *= scale }
    }
  }

  // MARK: - The controller

  /// One update of the controller; gives the mean entropy of its arcs.
  private func trainController() throws(Failure) -> Double {
    guard let controller else { return 0 }
    var choices = Choices(seed: seed, 0xC0, UInt64(controller.updates))
    let samples = try controller.sample(settings.controller.batch, &choices)
    let count = sizes.batch * sizes.truncation
    let spare = max(0, corpus.valid.count - count - 1)
    let offset = choices.below(spare + 1)
    let scale = 0.8 * Double(corpus.vocabulary.count).squareRoot()
    let rewards = samples.map { sample in
      // An arc that explodes is worth nothing.
      (try? loss(of: sample.arc, count, offset: offset)).map { scale * exp(-$0) } ?? 0
    }
    return try controller.learn(samples, rewards: rewards)
  }

  /// Two segments of training, or the validation tokens if they are fewer.
  private var scoringTokens: Int {
    min(2 * sizes.batch * sizes.truncation, sizes.validTokens)
  }

  /// The losses of arcs by their texts; an arc whose loss is not finite has none.
  private func losses(
    of arcs: [Arc], _ count: Int, _ shouldStop: () -> Bool
  ) throws(Failure) -> [String: Double] {
    var losses: [String: Double] = [:]
    for arc in arcs {
      if shouldStop() { throw Failure(.cancelled, "the search was stopped") }
      losses[arc.text] = try? loss(of: arc, count, offset: 0)
    }
    return losses
  }

  /// The loss of an arc with the shared weights, nats per token, on a piece of the validation split.
  private func loss(of arc: Arc, _ count: Int, offset: Int) throws(Failure) -> Double {
    let end = min(offset + count + 1, corpus.valid.count)
    let text = UnsafeBufferPointer(rebasing: corpus.valid[min(offset, end - 2)..<end])
    let model = try shared.model(of: arc, shape(of: arc))
    tokens += text.count - 1
    return try Scorer(model, batch: sizes.batch, predictions: text.count - 1).loss(text, team)
  }

  /// Arcs to score: what the controller draws, or random ones, and those that all studies score.
  private func candidates() throws(Failure) -> [Arc] {
    var choices = Choices(seed: seed, 0xCA, UInt64(updates))
    var arcs = Arc.calibrations(nodes: nodes, of: activations)
    let drawn =
      try controller?.sample(settings.scored, &choices).map(\.arc)
      ?? (0..<settings.scored).map { _ in Arc.random(nodes: nodes, of: activations, &choices) }
    for arc in drawn where !arcs.contains(arc) { arcs.append(arc) }
    return arcs
  }

  // MARK: - Snapshots

  private func snapshot() throws(Failure) -> [UInt8] {
    var file = SafeTensors()
    file.metadata["seed"] = String(seed)
    file.metadata["counters"] = "\(updates) \(tokens) \(skipped)"
    file.metadata["network"] = network
    let copy = try Buffer<Float>(count: state.count)
    for (index, value) in state.enumerated() { copy[index] = value }
    file.add("state", shape: [state.count], values: copy)
    try shared.write(to: &file)
    try controller?.write(to: &file)
    let bytes = try file.contents()
    return withExtendedLifetime(bytes) { Array(bytes.all) }
  }

  /// What must agree to go on.
  private var network: String {
    "\(nodes) nodes, \(activations), \(shape.hiddenSize) hidden, \(corpus.digestText)"
  }

  private func restore(_ file: SafeTensors) throws(Failure) {
    let counters = (file.metadata["counters"] ?? "").split(separator: " ").compactMap { Int($0) }
    guard file.metadata["network"] == network, counters.count == 3,
      counters.allSatisfy(Limits.counts.contains)
    else { throw Failure(.format, "the snapshot is none of these shared weights") }
    let stored = try file.tensor("state", shape: [state.count])
    state = Array(stored.values.all)
    try shared.read(from: file)
    try controller?.read(from: file)
    (updates, tokens, skipped) = (counters[0], counters[1], counters[2])
  }
}
