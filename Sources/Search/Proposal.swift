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
  package var parents: [Int]
  /// The canonical form in 32 digits.
  package var digest: String
  package var notes: String
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
  /// What the evaluation measured by name: the learned numbers of a supernet.
  package var measured: [String: Double] = [:]

  package init(
    id: Int, seed: UInt64, strategy: String, cell: Cell, parents: [Int] = [], notes: String = ""
  ) {
    self.id = id
    self.seed = seed
    self.strategy = strategy
    self.cell = cell
    self.parents = parents
    self.digest = cell.canonical.text
    self.notes = notes
  }

  package var isControl: Bool { strategy == Proposal.control }
  package static let control = "control"

  /// The order of the leaderboard: the highest rung first, then the loss, then the earlier one.
  package static func isBetter(_ a: Proposal, _ b: Proposal) -> Bool {
    if a.rung != b.rung { return a.rung > b.rung }
    if a.loss != b.loss { return a.loss < b.loss }
    return a.id < b.id
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
  package var id: Int
  package var seed: UInt64
  package var cell: Cell
  package var rung: Int
  /// Training updates in all when this rung ends.
  package var updates: Int
  /// Whether no rung follows.
  package var isLast: Bool
  /// Where the rung before ended, as the evaluator wrote it; nil to start afresh.
  package var snapshot: [UInt8]?

  package init(
    id: Int, seed: UInt64, cell: Cell, rung: Int, updates: Int, isLast: Bool, snapshot: [UInt8]?
  ) {
    self.id = id
    self.seed = seed
    self.cell = cell
    self.rung = rung
    self.updates = updates
    self.isLast = isLast
    self.snapshot = snapshot
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
  /// Losses within the rung: updates so far and validation loss.
  package var curve: [(updates: Int, loss: Double)]
  package var snapshot: [UInt8]?
  package var measured: [String: Double]

  package init(
    loss: Double, tokens: Int = 0, seconds: Double = 0, parameterCount: Int = 0,
    curve: [(updates: Int, loss: Double)] = [], snapshot: [UInt8]? = nil,
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
