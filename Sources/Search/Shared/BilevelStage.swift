import Cells
import Execution
import Kernels
import Training

/// A supernet in training: weights, and the architecture parameters that mix its options.
///
/// In a mixture both follow the gradient of the same segment of the training text (WeNet, Huang and
/// Xiang 2019, arXiv:1904.03819). In a bilevel stage the weights learn on the first half of the training text
/// and the architecture parameters on the second, one step of these before each of the weights (DARTS, Liu
/// et al. 2018, arXiv:1806.09055): of first order, by the gradient at the weights as they are, or of second
/// order, by that through one step of gradient descent of the weights. Used by one thread at a time.
package final class BilevelStage {
  package let model: LanguageModel
  package private(set) var numbers: Relaxation
  package private(set) var updates = 0
  package let work: Work
  private let preset: Preset
  /// Sequences together: those of the study, or as many as half of a short text has.
  package let batch: Int
  private let sizes: EvaluationSizes
  private let corpus: Corpus
  /// What the weights learn from, and what the architecture parameters do; the same in a mixture.
  private let own: Part
  private let other: Part
  private let optimizer: Adam
  private let weightUpdate: WeightUpdate
  private let team: Team
  /// The weights as they were, and their direction; of second order alone.
  private let saved: ParameterBuffer?
  private var recent = (loss: 0.0, updates: 0)

  /// Of the gradient of the weights, as in all trainings of a study.
  static let clip = 5.0
  /// The step of the unrolled weights.
  ///
  /// It is gradient descent at the rate that is standard for it, as a step of Adam has no derivative
  /// that a product with a Hessian gives.
  static let unrolledRate = SGD.standardLearningRate
  /// How far from the weights the finite difference looks: r = 1e-2 / norm, as in the paper.
  static let reach = 1e-2

  /// A text that is read segment by segment, and what runs over it.
  private final class Part {
    let segments: Segments
    let gradients: ParameterBuffer
    let run: ModelRun
    /// The carried state that a snapshot gave, until the next update has made a newer one.
    var restored: Buffer<Float>?

    init(
      _ tokens: UnsafeBufferPointer<Int32>, _ model: LanguageModel, batch: Int, steps: Int
    ) throws(Failure) {
      segments = try Segments(tokens, batch: batch, steps: steps)
      gradients = try ParameterBuffer(model.weights.layout)
      run = try ModelRun(
        model, gradients: gradients, steps: steps, batch: batch, kernels: .current)
      run.unroll.zeroState()
    }

    /// Reads the segment of an update; an epoch begins with a state of zeros.
    func read(update: Int, _ team: Team) {
      let segment = update % segments.count
      if segment == 0 { run.unroll.zeroState() }
      run.forgetWords(team)
      segments.read(segment, to: run)
    }

    /// The mean loss; its gradient is left in `gradients`.
    func pass(_ team: Team) throws(Failure) -> Double {
      run.forgetWords(team)
      let count = run.words.count
      return try run.lossesAndGradient(scale: 1 / Float(count), team) / Double(count)
    }

    func carry() {
      run.unroll.carryState()
      restored = nil
    }

    func state(after updates: Int, count: Int) throws(Failure) -> Buffer<Float> {
      if let restored { return restored }
      let state = try Buffer<Float>(count: count)
      if updates % segments.count != 0 { run.unroll.storeState(state.base) }
      return state
    }
  }

  /// - Throws: `.invalidArgument` for a text too short for one segment of each half; `.outOfMemory`.
  package init(
    _ cell: Cell, _ work: Work, _ corpus: Corpus, _ sizes: EvaluationSizes, seed: UInt64,
    threads: Int, preset: Preset = .scaled
  ) throws(Failure) {
    self.work = work
    self.preset = preset
    self.sizes = sizes
    self.corpus = corpus
    model = try LanguageModel(LanguageModelEvaluator.shape(cell, corpus, sizes), seed: seed)
    let layout = model.weights.layout
    let all = corpus.train
    let isJoint = work == .mixture
    let half = all.count / 2
    let fitting = (isJoint ? all.count : half) / (sizes.truncation + 1)
    batch = max(1, min(sizes.batch, fitting))
    let first = isJoint ? all : UnsafeBufferPointer(rebasing: all[..<half])
    own = try Part(first, model, batch: batch, steps: sizes.truncation)
    other =
      isJoint
      ? own
      : try Part(
        UnsafeBufferPointer(rebasing: all[half...]), model, batch: batch, steps: sizes.truncation)
    numbers = Relaxation(layout, hasNone: !isJoint, seed: seed)
    optimizer = try Adam(layout)
    weightUpdate = try WeightUpdate(optimizer, floatCount: layout.floatCount)
    saved = work == .bilevel(order: 2) ? try ParameterBuffer(layout) : nil
    team = try Team(threads: threads)
    numbers.write(to: model.weights)
  }

  /// How the architecture parameters learn.
  ///
  /// In a mixture like the weights. Of a bilevel stage as in the paper; scaled, a search with less than 2,600
  /// updates, which are 50 epochs of half the Penn Treebank in batches of 256 x 35, takes steps that are
  /// larger by as much, up to ten times: a number goes as far as it could there.
  package var rates: Relaxation.Rates {
    guard work != .mixture else {
      return Relaxation.Rates(learningRate: sizes.learningRate, decay: 0, beta1: 0.9)
    }
    let scale = preset == .paper ? 1 : min(max(2600 / Double(max(1, sizes.updates)), 1), 10)
    return Relaxation.Rates(learningRate: 3e-3 * scale, decay: 1e-3, beta1: 0.5)
  }

  /// Tokens trained on up to now, of both halves.
  package var tokens: Int { updates * batch * sizes.truncation * (work == .mixture ? 1 : 2) }

  /// Sets the architecture parameters.
  package func set(alphas: [[Double]]) {
    numbers.alphas = alphas
    numbers.write(to: model.weights)
  }

  /// The mean training loss of the updates since this was last called; NaN for none.
  package func takeMeanLoss() -> Double {
    defer { recent = (0, 0) }
    return recent.loss / Double(recent.updates)
  }

  // MARK: - Training

  /// One update of weights and architecture parameters.
  ///
  /// - Throws: `.diverged` for a loss or a gradient that is not finite.
  package func update() throws(Failure) {
    read()
    let loss: Double
    if work == .mixture {
      loss = try own.pass(team)
      numbers.step(numbers.gradient(own.gradients), rates)
    } else {
      numbers.step(try alphaGradient(), rates)
      numbers.write(to: model.weights)
      loss = try own.pass(team)
    }
    numbers.clear(in: own.gradients)
    let norm = weightUpdate.norm(own.gradients, team)
    let isSound = numbers.alphas.allSatisfy { $0.allSatisfy(\.isFinite) }
    guard loss.isFinite, norm.isFinite, isSound else {
      throw Failure(.diverged, "update \(updates + 1) diverged: loss \(loss), norm \(norm)")
    }
    weightUpdate.apply(
      own.gradients, norm: norm, clip: Self.clip, to: model.weights, number: updates + 1,
      learningRate: sizes.learningRate, team)
    numbers.write(to: model.weights)
    own.carry()
    if other !== own { other.carry() }
    updates += 1
    recent.loss += loss
    recent.updates += 1
  }

  /// Reads the segments of the next update.
  package func read() {
    own.read(update: updates, team)
    if other !== own { other.read(update: updates, team) }
  }

  /// The loss on the part that the architecture parameters learn from; after `read`.
  package func architectureLoss() throws(Failure) -> Double { try other.pass(team) }

  /// The same with the weights after one step of gradient descent, which is taken back.
  package func unrolledLoss() throws(Failure) -> Double {
    let kept = try ParameterBuffer(model.weights.layout)
    kept.copy(from: model.weights)
    defer { model.weights.copy(from: kept) }
    try unroll()
    return try other.pass(team)
  }

  /// The gradient of the loss on the second half with respect to the architecture parameters.
  ///
  /// Of second order (equations 7 and 8 of the paper): with w' = w - e dL1/dw it is
  /// dL2(w', a)/da - e (dL1(w+, a)/da - dL1(w-, a)/da) / 2r, where w+- = w +- r dL2/dw'.
  package func alphaGradient() throws(Failure) -> [[Double]] {
    guard let saved else {
      _ = try other.pass(team)
      return numbers.gradient(other.gradients)
    }
    saved.copy(from: model.weights)
    defer { model.weights.copy(from: saved) }
    let rate = try unroll()
    _ = try other.pass(team)
    let direct = numbers.gradient(other.gradients)
    numbers.clear(in: other.gradients)
    let norm = weightUpdate.norm(other.gradients, team)
    guard norm > 0 else { return direct }
    let reach = Self.reach / norm
    var slopes: [[[Double]]] = []
    for sign in [1.0, -1.0] {
      model.weights.copy(from: saved)
      try model.weights.add(other.gradients, scale: sign * reach)
      _ = try own.pass(team)
      slopes.append(numbers.gradient(own.gradients))
    }
    return direct.indices.map { choice in
      direct[choice].indices.map { option in
        let difference = slopes[0][choice][option] - slopes[1][choice][option]
        return direct[choice][option] - rate * difference / (2 * reach)
      }
    }
  }

  /// Takes a step of gradient descent on the first half; returns its rate, with what clipping leaves.
  @discardableResult
  private func unroll() throws(Failure) -> Double {
    _ = try own.pass(team)
    numbers.clear(in: own.gradients)
    let norm = weightUpdate.norm(own.gradients, team)
    let rate = Self.unrolledRate * (norm > Self.clip ? Self.clip / norm : 1)
    try model.weights.add(own.gradients, scale: -rate)
    return rate
  }

  /// The mean loss on the start of the validation split.
  package func validLoss(shouldStop: () -> Bool) throws(Failure) -> Double {
    let valid = UnsafeBufferPointer(rebasing: corpus.valid.prefix(sizes.validTokens))
    return try Scorer(model, batch: sizes.batch, predictions: valid.count - 1)
      .loss(valid, team, shouldStop: shouldStop)
  }

  // MARK: - Snapshot

  private static let format = "rnncell.stage.1"

  /// Everything that training goes on from, to the bit.
  package func snapshot() throws(Failure) -> [UInt8] {
    var file = SafeTensors(metadata: ["format": Self.format, "updates": String(updates)])
    for (name, value) in agreements { file.metadata[name] = value }
    file.metadata["numbers"] = numbers.text
    for entry in model.weights.layout.entries {
      try file.add(model.weights, entry, name: "weights.\(entry.name)")
      for (name, values) in optimizer.memory {
        try file.add(values, entry, name: "\(name).\(entry.name)")
      }
    }
    for (name, part) in parts {
      let shape = [batch, model.network.stateSize]
      file.add(
        name, shape: shape, values: try part.state(after: updates, count: shape[0] * shape[1]))
    }
    let bytes = try file.contents()
    return withExtendedLifetime(bytes) { Array(bytes.all) }
  }

  /// Goes on from what `snapshot` gave.
  ///
  /// - Throws: `.format` for bytes that are none; `.state` for one of another cell, corpus or size.
  package func restore(_ bytes: [UInt8]) throws(Failure) {
    let file = try SafeTensors(parsing: bytes)
    guard file.metadata["format"] == Self.format,
      let updates = file.metadata["updates"].flatMap({ Int($0) }), Limits.counts.contains(updates),
      let text = file.metadata["numbers"]
    else { throw Failure(.format, "the snapshot is of no stage; begin the stage anew") }
    for (name, value) in agreements where file.metadata[name] != value {
      throw Failure(
        .state, "the snapshot was made with another \(name); carry on with that, or begin anew")
    }
    var states: [(Part, Buffer<Float>)] = []
    for (name, part) in parts {
      let state = try file.tensor(name, shape: [batch, model.network.stateSize]).values
      states.append((part, state))
    }
    for entry in model.weights.layout.entries {
      try file.load("weights.\(entry.name)", into: model.weights, entry)
      for (name, values) in optimizer.memory {
        try file.load("\(name).\(entry.name)", into: values, entry)
      }
    }
    try numbers.read(text)
    numbers.write(to: model.weights)
    for (part, state) in states {
      part.run.unroll.loadState(state.base)
      part.restored = state
    }
    self.updates = updates
  }

  private var parts: [(name: String, part: Part)] {
    other === own ? [("state", own)] : [("state", own), ("other_state", other)]
  }

  private var agreements: [(name: String, value: String)] {
    [
      ("work", work.text), ("cell", model.shape.cells[0].equations),
      ("corpus", corpus.digestText), ("batch", String(batch)),
      ("truncation", String(sizes.truncation)),
    ]
  }
}

extension LanguageModelEvaluator {
  /// Trains a mixture or a bilevel stage.
  func evaluateSupernet(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score {
    let start = monotonicSeconds()
    let stage = try BilevelStage(
      task.cell, task.work, corpus, sizes, seed: task.seed, threads: task.threads,
      preset: task.preset)
    if let snapshot = task.snapshot { try stage.restore(snapshot) }
    var curve: [CurvePoint] = []
    let stride = max(1, sizes.updates / Self.curvePoints)
    while stage.updates < task.updates {
      if shouldStop() { throw Failure(.cancelled, "the search was stopped") }
      try stage.update()
      if stage.updates % stride == 0 || stage.updates >= task.updates {
        curve.append(CurvePoint(updates: stage.updates, trainLoss: stage.takeMeanLoss()))
      }
    }
    let loss = try stage.validLoss(shouldStop: shouldStop)
    if !curve.isEmpty { curve[curve.count - 1].loss = loss }
    return Score(
      loss: loss, tokens: stage.tokens, seconds: monotonicSeconds() - start,
      parameterCount: stage.model.weights.layout.parameterCount, curve: curve,
      // Nothing carries on a mixture, or what has been trained as long as the best cell.
      snapshot: task.isLast || task.work == .mixture || stage.updates >= sizes.updates
        ? nil : try stage.snapshot(),
      measured: stage.numbers.measured)
  }
}
