import Cells
import Execution
import Kernels
import Training

/// How large the models of a study are and how they learn.
package struct EvaluationSizes: Sendable, Equatable {
  /// H of the LSTM whose count of learned values all proposals get.
  package var hiddenSize = 32
  package var layers = 1
  /// Learned values of all models; nil for those of LSTM at `hiddenSize`.
  package var parameters: Int?
  /// E, the same for all proposals; nil for `hiddenSize`.
  package var embeddingSize: Int?
  /// Up to the last rung; 0 for 8 epochs of the corpus, but at least 90 and at most 2000.
  package var updates = 0
  package var batch = 32
  package var truncation = 35
  /// Of Adam.
  package var learningRate = 0.002
  /// The loss is measured on so many tokens from the start of the validation split, or on all if it
  /// is shorter.
  package var validTokens = 20_000

  package init() {}
}

/// Scores a cell by the validation loss of a language model that is trained with it.
///
/// All proposals of a study get about the same count of learned values: that of a model with the
/// stock LSTM at the sizes given. Each evaluation uses one thread.
package struct LanguageModelEvaluator: Evaluator {
  package let corpus: Corpus
  package let sizes: EvaluationSizes
  /// Points of the training loss up to the last rung.
  static let curvePoints = 27
  /// What models are made to have.
  package let parameterCount: Int

  /// - Throws: `.invalidArgument` for sizes that cannot be, or a text too short for them.
  package init(corpus: Corpus, sizes: EvaluationSizes) throws(Failure) {
    guard (1...Limits.layers).contains(sizes.layers) else {
      throw .invalid("\(sizes.layers) layers; use 1 to \(Limits.layers)")
    }
    guard corpus.valid.count >= 2, sizes.validTokens >= 2 else {
      throw .invalid(
        "the validation split has \(corpus.valid.count) tokens; a loss needs at least 2")
    }
    self.corpus = corpus
    let lstm = try Cell.stock("lstm")
    let ofLSTM = try Self.shape(lstm, corpus, sizes).parameterCount
    parameterCount = sizes.parameters ?? ofLSTM
    // Finds out what is wrong before the search begins.
    let segments = try Trainer(
      LanguageModel(Self.shape(lstm, corpus, sizes), seed: 0), corpus,
      Self.options(sizes, updates: 1)
    ).updatesPerEpoch
    var sizes = sizes
    if sizes.updates == 0 { sizes.updates = min(max(8 * segments, 90), 2000) }
    self.sizes = sizes
  }

  /// Makes a study's settings say what is trained on and how, so that it refuses another corpus.
  package func describe(in settings: inout StudySettings) {
    settings.updates = sizes.updates
    settings.sizes = sizes
    settings.sizes?.parameters = parameterCount
    settings.corpus = corpus.digestText
    settings.evaluation = text
  }

  /// All that a score depends on, beside cell, seed and corpus.
  package var text: String {
    "language model, \(sizes.layers) layers, embedding \(sizes.embeddingSize ?? sizes.hiddenSize), "
      + "\(parameterCount) parameters (hidden size \(sizes.hiddenSize)), batch \(sizes.batch), "
      + "truncation \(sizes.truncation), adam \(sizes.learningRate), loss of \(sizes.validTokens) "
      + "tokens"
  }

  /// Of a model with the cell at the hidden size of the study.
  ///
  /// The embedding has the study's size, whatever size the cell then gets, or that of a cell that needs it.
  static func shape(
    _ cell: Cell, _ corpus: Corpus, _ sizes: EvaluationSizes
  ) -> ModelShape {
    let embedding = sizes.embeddingSize ?? (cell.needsEqualSizes ? nil : sizes.hiddenSize)
    return ModelShape(
      cells: Array(repeating: cell, count: sizes.layers), vocabulary: corpus.vocabulary,
      hiddenSize: sizes.hiddenSize, embeddingSize: embedding)
  }

  static func options(_ sizes: EvaluationSizes, updates: Int) -> TrainingOptions {
    var options = TrainingOptions()
    options.optimizer = Adam.name
    options.learningRate = sizes.learningRate
    options.batch = sizes.batch
    options.truncation = sizes.truncation
    options.epochs = 1 << 30
    options.updates = updates
    options.validates = false
    options.threads = 1
    return options
  }

  package func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score {
    switch task.work {
    case .cell: break
    case .mixture, .bilevel: return try evaluateSupernet(task, shouldStop: shouldStop)
    case .shared(let nodes, let activations, let hasController):
      return try SharedStage(
        self, task, nodes: nodes, activations: activations, hasController: hasController
      ).evaluate(task, shouldStop: shouldStop)
    }
    let start = monotonicSeconds()
    var shape = Self.shape(task.cell, corpus, sizes)
    if task.upper.count == sizes.layers - 1 { shape.cells = [task.cell] + task.upper }
    shape.hiddenSize = try shape.hiddenSize(nearestTo: parameterCount)
    let model = try LanguageModel(shape, seed: task.seed)
    var options = Self.options(sizes, updates: max(1, task.updates))
    options.threads = task.threads
    let trainer = try Trainer(model, corpus, options)
    if let snapshot = task.snapshot {
      try trainer.restore(snapshot)
    } else if let inheritance = task.inheritance {
      Inheritance.handDown(try LanguageModel(SafeTensors(parsing: inheritance)), to: model)
    }
    var curve: [CurvePoint] = []
    let stride = max(1, sizes.updates / Self.curvePoints)
    while trainer.updates < task.updates {
      if shouldStop() { throw Failure(.cancelled, "the search was stopped") }
      let point = (trainer.updates / stride + 1) * stride
      try trainer.train(updates: min(trainer.updates + 4, point, task.updates))
      if trainer.updates == point || trainer.updates >= task.updates {
        curve.append(CurvePoint(updates: trainer.updates, trainLoss: trainer.takeMeanLoss()))
      }
    }
    let valid = UnsafeBufferPointer(rebasing: corpus.valid.prefix(sizes.validTokens))
    let loss = try Scorer(model, batch: sizes.batch, predictions: valid.count - 1)
      .loss(valid, try Team(threads: task.threads), shouldStop: shouldStop)
    if !curve.isEmpty { curve[curve.count - 1].loss = loss }
    var measured = Self.scalars(model)
    measured[Proposal.stepSeconds] = try Self.stepSeconds(model)
    return Score(
      loss: loss, tokens: model.tokens, seconds: monotonicSeconds() - start,
      parameterCount: model.weights.layout.parameterCount,
      curve: curve,
      snapshot: task.isLast ? nil : try trainer.checkpoint(), measured: measured)
  }

  /// Seconds of a step of the layers for one sequence: the least of several runs, as other work on the
  /// machine only adds to it.
  private static func stepSeconds(_ model: LanguageModel) throws(Failure) -> Double {
    let steps = 64
    let stream = try Stream(model.network, weights: model.weights, batch: 1)
    let input = [Float](repeating: 0.1, count: stream.inputCount)
    var output = [Float](repeating: 0, count: stream.outputCount)
    var least = Double.infinity
    for _ in 0..<7 {
      let start = monotonicSeconds()
      for _ in 0..<steps { stream.step(input: input, output: &output) }
      least = min(least, (monotonicSeconds() - start) / Double(steps))
    }
    return least
  }

  /// The learned numbers of the cell by their names in its equations, the mean over the layers.
  private static func scalars(_ model: LanguageModel) -> [String: Double] {
    var sums: [String: Double] = [:]
    let layers = Double(model.shape.cells.count)
    for entry in model.weights.layout.entries where entry.role == .scalar {
      // Without the network's prefix, "layers.0.".
      let parts = entry.name.split(separator: ".", maxSplits: 2)
      guard let name = parts.last.map({ String($0) }), let value = model.weights.read(entry).first
      else { continue }
      sums[name, default: 0] += Double(value) / layers
    }
    return sums
  }
}
