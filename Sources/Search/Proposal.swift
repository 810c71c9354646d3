import Cells

/// A cell that was proposed, and what became of it.
package struct Proposal: Sendable {
  /// The raw values are those of the database.
  package enum State: Int, Sendable {
    case pending, scored, failed, duplicate, exploded

    /// Whether it was not trained at all.
    package var isRejected: Bool { self == .duplicate || self == .exploded }
    /// As the database's views say it.
    package var text: String {
      ["asked", "done", "failed", "duplicate", "exploded"][rawValue]
    }
  }

  /// From 1, in the order of proposals.
  package var id: Int
  /// Of its starting weights.
  package var seed: UInt64
  /// What proposed it; "control" for the cells that every study measures.
  package var strategy: String
  package var cell: Cell
  /// The cells of the layers above the first; empty where all are the same.
  package var upper: [Cell]
  package var parents: [Int]
  /// The canonical form in 32 digits; empty for a stage, which may be like an earlier one.
  package var digest: String
  package var notes: String
  package var work: Work
  /// Of a stage, in all; nil for what the rungs say.
  package var stageUpdates: Int?
  /// Whether it starts from what its first parent learned.
  package var inherits: Bool
  package var state = State.pending
  /// Why it failed or was rejected.
  package var failure = ""
  /// Seconds of search when it was proposed.
  package var created = 0.0

  // What the last told rung gave.
  package var rung = 0
  package var updates = 0
  package var tokens = 0
  package var loss = Double.nan
  package var seconds = 0.0
  package var toldAt = Double.nan
  /// Learned numbers of the model it was trained in; 0 when not known.
  package var parameterCount = 0
  /// What the evaluation measured by name: the learned numbers of a supernet, the losses of arcs with
  /// shared weights.
  package var measured: [String: Double] = [:]
  /// Up to now, by updates.
  package var curve: [CurvePoint] = []
  /// The loss at the end of each rung, and what was expected when it was asked for that rung: the loss of
  /// it for the first one, and for others that of the last; NaN where there is none.
  package var rungLosses: [Double] = []
  package var rungPredictions: [Double] = []
  /// At the end of each rung, what the losses of the tasks were that the loss is made of; empty for none.
  package var rungPartLosses: [[Double]] = []
  /// How many species there were when it was proposed; 0 where none are told apart.
  package var speciesCount = 0

  package init(
    id: Int, seed: UInt64, strategy: String, cell: Cell, upper: [Cell] = [], parents: [Int] = [],
    notes: String = "", work: Work = .cell, stageUpdates: Int? = nil, inherits: Bool = false,
    digest: String? = nil
  ) {
    self.id = id
    self.seed = seed
    self.strategy = strategy
    self.cell = cell
    self.upper = upper
    self.parents = parents
    self.digest = digest ?? (work.isStage ? "" : Self.digest(cell, upper))
    self.notes = notes
    self.work = work
    self.stageUpdates = stageUpdates
    self.inherits = inherits
  }

  static func digest(_ cell: Cell, _ upper: [Cell]) -> String {
    ([cell] + upper).map(\.canonical.text).joined(separator: " ")
  }

  /// What it computes on fixed inputs, all layers of it.
  package var fingerprint: UInt64 {
    upper.isEmpty ? cell.fingerprint : stableHash(([cell] + upper).map(\.fingerprint))
  }

  /// The equations, with an empty line between those of different layers.
  package var equations: String {
    ([cell] + upper).map(\.equations).joined(separator: "\n\n")
  }

  /// The id of the stage whose training it carries on; nil for what begins anew.
  package var carriedOn: Int? { work.isStage && inherits ? parents.first : nil }

  package var isControl: Bool { strategy == Proposal.control }
  /// Whether it is a cell that was or will be trained for the strategy.
  package var isTrial: Bool { !isControl && !work.isStage && !state.isRejected }
  package static let control = "control"

  /// Of the last rung.
  package var partLosses: [Double] { rungPartLosses.last ?? [] }
  /// The name of a part's loss among what was measured, and how many there may be.
  package static func partLoss(_ part: Int) -> String { "loss of part \(part + 1)" }
  package static let mostParts = 64

  /// The order of the leaderboard: the highest rung first, then the loss, then the earlier one.
  package static func isBetter(_ a: Proposal, _ b: Proposal) -> Bool {
    if a.rung != b.rung { return a.rung > b.rung }
    if a.loss != b.loss { return a.loss < b.loss }
    return a.id < b.id
  }
}

/// A point of a learning curve.
package struct CurvePoint: Equatable, Sendable {
  /// Training updates until then.
  package var updates: Int
  /// Validation loss; NaN where it was not measured.
  package var loss: Double
  /// The mean loss of the training text since the point before, as it was trained on, which costs
  /// nothing to know; NaN where there is none.
  package var trainLoss: Double

  package init(updates: Int, loss: Double = .nan, trainLoss: Double = .nan) {
    self.updates = updates
    self.loss = loss
    self.trainLoss = trainLoss
  }

  /// A curve with later points, by updates; where one was measured twice a loss stays.
  static func merged(_ curve: [CurvePoint], _ later: [CurvePoint]) -> [CurvePoint] {
    var points = Dictionary(curve.map { ($0.updates, $0) }) { $1 }
    for var point in later {
      if point.loss.isNaN { point.loss = points[point.updates]?.loss ?? .nan }
      points[point.updates] = point
    }
    return points.values.sorted { $0.updates < $1.updates }
  }

  package static func == (a: CurvePoint, b: CurvePoint) -> Bool {
    a.updates == b.updates && a.loss.bitPattern == b.loss.bitPattern
      && a.trainLoss.bitPattern == b.trainLoss.bitPattern
  }
}

/// One request to train a proposal up to a rung, and its result.
package struct Ask: Sendable {
  /// The raw values are those of the database.
  package enum State: Int, Sendable {
    case asked, told, failed
    /// A turn at which there was nothing to ask.
    case skipped
  }
  package var proposal: Int
  package var rung: Int
  /// Training updates in all when it ends.
  package var updates: Int
  package var state = State.asked
  package var loss = Double.nan
  /// The place in the order of tells.
  package var order = 0
  package var toldAt = Double.nan
  package var tokens = 0
  package var seconds = 0.0
  package var parameterCount = 0
  package var measured: [String: Double] = [:]
}

/// What an evaluator gets.
package struct EvaluationTask: Sendable {
  /// What is to be scored, with what earlier rungs gave.
  package var proposal: Proposal
  package var rung: Int
  /// Training updates in all when this rung ends.
  package var updates: Int
  /// Whether nothing follows that could go on from here.
  package var isLast: Bool
  /// Where the rung before ended, as the evaluator wrote it; nil to start afresh.
  package var snapshot: [UInt8]?
  /// What the parent learned that it starts from, as the evaluator wrote it; nil for none.
  package var inheritance: [UInt8]?
  /// Threads that it may use: one for a cell, all workers' for a stage, which they wait for.
  package var threads = 1
  /// The study's, of what a stage trains.
  package var preset = Preset.scaled

  package var id: Int { proposal.id }
  package var seed: UInt64 { proposal.seed }
  package var cell: Cell { proposal.cell }
  package var upper: [Cell] { proposal.upper }
  package var work: Work { proposal.work }

  package init(
    _ proposal: Proposal, rung: Int, updates: Int, isLast: Bool, snapshot: [UInt8]?,
    inheritance: [UInt8]? = nil
  ) {
    self.proposal = proposal
    self.rung = rung
    self.updates = updates
    self.isLast = isLast
    self.snapshot = snapshot
    self.inheritance = inheritance
  }
}

/// What an evaluator gives.
package struct Score: Sendable {
  /// Validation loss, nats per token.
  package var loss: Double
  /// Trained on since the start of the proposal.
  package var tokens: Int
  /// Of this rung.
  package var seconds: Double
  package var parameterCount: Int
  /// Losses within the rung.
  package var curve: [CurvePoint]
  package var snapshot: [UInt8]?
  package var measured: [String: Double]

  package init(
    loss: Double, tokens: Int = 0, seconds: Double = 0, parameterCount: Int = 0,
    curve: [CurvePoint] = [], snapshot: [UInt8]? = nil,
    measured: [String: Double] = [:]
  ) {
    self.loss = loss
    self.tokens = tokens
    self.seconds = seconds
    self.parameterCount = parameterCount
    self.curve = curve
    self.snapshot = snapshot
    self.measured = measured
  }
}
