import CRNNCell
import Cells
import Kernels
import Search
import Training

/// A study, and what it trains on.
final class StudyObject: Handled {
  static let noun = "study"
  static let tag: UInt64 = 0x726E_6E73_7475_6408

  let study: Study
  let texts = Texts()
  private let evaluator: (any Evaluator)?
  private let limits: RunLimits
  private var leaderboard: [Proposal]?
  private var front: [Proposal]?

  init(
    _ path: String?, _ corpus: Corpus?, _ options: rnncell_study_options
  ) throws(Failure) {
    let isReadOnly = try flag(options.read_only, "read_only")
    // What the options leave open is as the file has it.
    let stored = isReadOnly ? nil : try Study.settings(at: path)
    var settings = stored ?? StudySettings()
    settings.strategy = try readOptional(options.strategy, "strategy") ?? settings.strategy
    if let name = try readOptional(options.preset, "preset") {
      guard let preset = Preset(rawValue: name) else {
        throw .invalid(
          "there is no preset '\(name.prefix(64))'; there are "
            + Preset.allCases.map(\.rawValue).joined(separator: ", "))
      }
      settings.preset = preset
    }
    if options.seed != 0 { settings.seed = options.seed }
    settings.rungs = try positive(
      options.rungs, default: stored?.rungs ?? (corpus == nil ? 1 : 3), "rungs", limit: 10)
    settings.space = try SearchSpace(options, over: settings.space)
    let sizes = try EvaluationSizes(options, over: stored)
    settings.updates = sizes.updates
    if try flag(options.mixed_layers, "mixed_layers") {
      guard sizes.layers > 1 else {
        throw .invalid("mixed_layers needs layers of 2 or more; pass layers, or leave it out")
      }
      settings.mixedLayers = sizes.layers
    }
    if try flag(options.deterministic, "deterministic") { settings.deterministic = true }
    if try flag(options.controls, "controls") { settings.controls = true }
    if try flag(options.front, "front") { settings.front = true }
    limits = try RunLimits(options)
    if let corpus {
      let evaluator = try LanguageModelEvaluator(corpus: corpus, sizes: sizes)
      evaluator.describe(in: &settings)
      self.evaluator = evaluator
    } else {
      evaluator = nil
    }
    study = try Study(
      path: path, settings: isReadOnly ? nil : settings, isReadOnly: isReadOnly)
    study.trials = limits.trials
    study.tokenBudget = limits.tokens
    study.target = limits.target
  }

  func run(progress: (Proposal?) -> Bool) throws(Failure) {
    guard let evaluator else {
      throw Failure(
        .state, "the study has no corpus to train on; open it with one, or ask and tell yourself")
    }
    try run(evaluator, progress)
  }

  /// The same with scores by a function of the program.
  func run(
    _ objective: @escaping rnncell_objective, _ user: UnsafeMutableRawPointer?,
    progress: (Proposal?) -> Bool
  ) throws(Failure) {
    try checkCorpus()
    try run(ObjectiveEvaluator(objective, user, stages: evaluator), progress)
  }

  private func run(
    _ evaluator: any Evaluator, _ progress: (Proposal?) -> Bool
  ) throws(Failure) {
    guard limits.seconds != nil || limits.trials != nil || limits.tokens != nil else {
      throw Failure(.state, "the study has no bound; open it with minutes, trials or tokens")
    }
    try study.run(evaluator, limits) { told in
      (leaderboard, front) = (nil, nil)
      return progress(told)
    }
  }

  /// - Throws: `.invalidArgument` where the strategy trains networks of its own, and there is nothing to train
  ///   them on.
  private func checkCorpus() throws(Failure) {
    let type = try Strategies.type(named: study.settings.strategy)
    guard evaluator != nil || !type.needsCorpus else {
      throw .invalid(
        "the strategy '\(type.name)' trains networks of its own on a corpus; open the study with "
          + "the one that it was begun with")
    }
  }

  func ask() throws(Failure) -> rnncell_proposal {
    try checkCorpus()
    study.countTime()
    defer { study.countTime() }
    let spent = Failure(.state, "the minutes of the study are spent; raise that bound to go on")
    let before = study.seconds
    let start = monotonicSeconds()
    let seconds = limits.seconds ?? .infinity
    let isOver = { @Sendable in before + monotonicSeconds() - start >= seconds }
    guard before < seconds else { throw spent }
    var task = try study.ask()
    // What a strategy trains to search with is trained here, whoever scores the cells.
    while task.work.isStage, let evaluator {
      task.threads = limits.workers
      study.countTime()
      let result: Result<Score, Failure>
      do throws(Failure) {
        result = .success(try evaluator.evaluate(task, shouldStop: isOver))
      } catch {
        result = .failure(error)
      }
      study.countTime()
      try study.tell(task, result)
      guard !isOver() else { throw spent }
      task = try study.ask()
    }
    return rnncell_proposal(task, texts)
  }

  func tell(_ id: Int, _ loss: Double, _ failure: String?) throws(Failure) {
    guard let failure else { return try tell(id, Score(loss: loss)) }
    (leaderboard, front) = (nil, nil)
    study.countTime()
    defer { study.countTime() }
    try study.tellFailure(id, failure.isEmpty ? "no reason was given" : failure)
  }

  func tell(_ id: Int, _ score: Score) throws(Failure) {
    (leaderboard, front) = (nil, nil)
    study.countTime()
    defer { study.countTime() }
    try study.tell(id, score)
  }

  /// The proposals in an order of the header.
  func proposals(_ order: Int32) throws(Failure) -> [Proposal] {
    switch order {
    case RNNCELL_ORDER_PROPOSED: return study.proposals
    case RNNCELL_ORDER_LOSS:
      let made = leaderboard ?? study.leaderboard
      leaderboard = made
      return made
    case RNNCELL_ORDER_FRONT:
      let made = front ?? study.front
      front = made
      return made
    default: throw .invalid("order \(order) is none; pass one of RNNCELL_ORDER_…, 0 to 2")
    }
  }

  var info: rnncell_study_info {
    let statistics = study.statistics
    var info = rnncell_study_info()
    info.size = MemoryLayout<rnncell_study_info>.size
    info.strategy = texts[study.settings.strategy]
    info.settings = texts[study.settings.json]
    info.proposal_count = Int64(study.proposals.count)
    info.scored_count = Int64(statistics.scored)
    info.failed_count = Int64(statistics.failed)
    info.pending_count = Int64(statistics.pending)
    info.rejected_count = Int64(statistics.duplicates + statistics.exploded)
    info.seconds = statistics.seconds
    info.seed = study.settings.seed
    info.tokens = Int64(statistics.tokens)
    info.tau = statistics.tau
    info.test_reads = Int64(study.testReads)
    return info
  }

  func row(_ proposal: Proposal) -> rnncell_proposal { rnncell_proposal(proposal, texts) }
}

extension rnncell_proposal {
  /// - Parameter texts: keeps what the row points to.
  init(_ proposal: Proposal, _ texts: Texts) {
    // Numbers with a space between, to the last bit.
    func words(_ values: [Double]) -> String {
      values.map { $0.isNaN ? "nan" : "\($0)" }.joined(separator: " ")
    }
    self.init()
    size = MemoryLayout<rnncell_proposal>.size
    id = Int64(proposal.id)
    seed = proposal.seed
    strategy = texts[proposal.strategy]
    work = texts[proposal.work.text]
    equations = texts[proposal.equations]
    failure = texts[proposal.failure]
    parents.0 = Int64(proposal.parents.first ?? 0)
    parents.1 = Int64(proposal.parents.dropFirst().first ?? 0)
    weight_count = Int64(proposal.parameterCount)
    rung = Int64(proposal.rung)
    updates = Int64(proposal.updates)
    tokens = Int64(proposal.tokens)
    loss = proposal.loss
    seconds = proposal.seconds
    told_at = proposal.toldAt
    step_seconds = proposal.stepSeconds
    rung_losses = texts[words(proposal.rungLosses)]
    rung_predictions = texts[words(proposal.rungPredictions)]
    species_count = Int64(proposal.speciesCount)
    part_losses = texts[words(proposal.partLosses)]
    state =
      switch proposal.state {
      case .pending: RNNCELL_PROPOSAL_PENDING
      case .scored: RNNCELL_PROPOSAL_SCORED
      case .failed: RNNCELL_PROPOSAL_FAILED
      case .duplicate, .exploded: RNNCELL_PROPOSAL_REJECTED
      }
  }

  /// A proposal that is to be scored, and how long it is to be trained.
  init(_ task: EvaluationTask, _ texts: Texts) {
    self.init(task.proposal, texts)
    rung = Int64(task.rung)
    updates = Int64(task.updates)
    state = RNNCELL_PROPOSAL_PENDING
  }
}

extension Score {
  /// What a program measured itself.
  init(_ score: rnncell_score) throws(Failure) {
    for (name, value) in [("seconds", score.seconds), ("step_seconds", score.step_seconds)] {
      guard value >= 0, value.isFinite else {
        throw .invalid("\(name) \(value) is not a number from 0 up")
      }
    }
    self.init(
      loss: score.loss, tokens: try count(score.tokens, "tokens", limit: 1 << 50),
      seconds: score.seconds,
      parameterCount: try count(score.weight_count, "weight_count", limit: 1 << 50))
    if score.step_seconds > 0 { measured[Proposal.stepSeconds] = score.step_seconds }
    let parts = try count(score.part_count, "part_count", limit: Proposal.mostParts)
    guard parts == 0 || score.part_losses != nil else {
      throw .invalid("part_losses is NULL but part_count is \(parts); pass 0 for none")
    }
    for part in 0..<parts {
      guard score.loss.isFinite, let loss = score.part_losses?[part] else { break }
      guard loss.isFinite else {
        throw .invalid("part_losses[\(part)] is \(loss), though the loss is finite; pass a number")
      }
      measured[Proposal.partLoss(part)] = loss
    }
  }
}

extension RunLimits {
  /// The budget of a study.
  fileprivate init(_ options: rnncell_study_options) throws(Failure) {
    let minutes = try number(options.minutes, default: 0, "minutes", in: 0...1e9)
    let trials = try count(options.trials, "trials", limit: Int(Int32.max))
    let tokens = try count(options.tokens, "tokens", limit: 1 << 50)
    let target = try number(options.target, default: 0, "target", in: -1e30...1e30)
    self.init(
      seconds: minutes == 0 ? nil : minutes * 60, trials: trials == 0 ? nil : trials,
      tokens: tokens == 0 ? nil : tokens, target: target == 0 ? nil : target,
      workers: try positive(
        options.workers, default: standardThreads, "workers", limit: 256))
  }
}

extension SearchSpace {
  /// What cells a study may propose, as the options say it, and otherwise as it was.
  fileprivate init(_ options: rnncell_study_options, over space: SearchSpace) throws(Failure) {
    self = space
    if let names = try readOptional(options.operations, "operations") {
      operations = names.split(separator: " ").map { String($0) }
    }
    func bound(_ value: Int64, _ old: Int?, _ name: String, _ limit: Int) throws(Failure) -> Int? {
      value == 0 ? old : try positive(value, name, limit: limit)
    }
    nodes = try bound(options.max_nodes, nodes, "max_nodes", 1000)
    depth = try bound(options.max_depth, depth, "max_depth", 1000)
    matrices = try bound(options.max_matrices, matrices, "max_matrices", 1000)
    states = try bound(options.max_states, states, "max_states", 4)
    blocks = try bound(options.max_blocks, blocks, "max_blocks", Self.mostBlocks)
    if try flag(options.direct_input, "direct_input") {
      guard options.embedding_size == 0 else {
        throw .invalid(
          "direct_input needs an embedding of the hidden size, which cells of one size in parameters have "
            + "not in common; leave out embedding_size")
      }
      directInput = true
    }
    guard let cells = try readOptional(options.start, "start") else { return }
    start = []
    for equations in cells.split(separator: "\n\n", omittingEmptySubsequences: true) {
      start.append(try Cell(parsing: String(equations)).equations)
    }
  }
}

extension EvaluationSizes {
  /// The sizes at which the cells of a study are trained: as the options say them, and otherwise as they
  /// were.
  init(_ options: rnncell_study_options, over stored: StudySettings? = nil) throws(Failure) {
    self = stored?.sizes ?? EvaluationSizes()
    updates = stored?.updates ?? updates
    hiddenSize = try positive(
      options.hidden_size, default: hiddenSize, "hidden_size", limit: Limits.size)
    layers = try positive(options.layers, default: layers, "layers", limit: Limits.layers)
    if options.embedding_size != 0 {
      embeddingSize = try positive(options.embedding_size, "embedding_size", limit: Limits.size)
    }
    batch = try positive(options.batch, default: batch, "batch", limit: Limits.batch)
    truncation = try positive(
      options.truncation, default: truncation, "truncation", limit: Limits.steps)
    learningRate = try number(
      options.learning_rate, default: learningRate, "learning_rate", in: 0...1000)
    updates = try positive(options.updates, default: updates, "updates", limit: Limits.steps)
    if options.parameters != 0 {
      parameters = try positive(options.parameters, "parameters", limit: 1 << 40)
    }
  }
}
