import Cells
import Kernels

/// What a strategy proposes.
package struct Candidate: Sendable {
  package var cell: Cell
  /// The cells of the layers above the first; empty where all are the same.
  package var upper: [Cell]
  /// Ids of the proposals that it was made from.
  package var parents: [Int]
  /// Whatever the strategy wants to find again in its history.
  package var notes: String
  package var work: Work
  /// Training updates of a stage in all, with those of the stage that it carries on; nil for as many as
  /// a cell gets up to the last rung.
  package var updates: Int?
  /// Whether it starts from what its first parent learned: a stage carries on the parent's training, a
  /// cell takes over the weights that it has in common with it.
  package var inherits: Bool
  /// Numbers that a report shows, kept with the measures of the first ask: `Remark`s by name.
  package var remarks: [Remark: Double]

  /// What a strategy thought when it proposed.
  package enum Remark: String, Sendable {
    /// The loss that was expected.
    case predicted
    /// How many species there were.
    case species
  }

  package init(
    _ cell: Cell, upper: [Cell] = [], parents: [Int] = [], notes: String = "", work: Work = .cell,
    updates: Int? = nil, inherits: Bool = false, remarks: [Remark: Double] = [:]
  ) {
    self.cell = cell
    self.upper = upper.contains { $0 != cell } ? upper : []
    self.parents = parents
    self.notes = notes
    self.work = work
    self.updates = updates
    self.inherits = inherits
    self.remarks = remarks
  }
}

/// What a strategy may know when it proposes.
///
/// In a deterministic study these are the results of all but the last few asks, so that the proposal does not
/// depend on which worker was faster.
package struct History: Sendable {
  /// Proposals with a result, in the order in which results count.
  package var scored: [Proposal]
  /// All proposals so far, whatever became of them, by id.
  package var proposals: [Proposal]
  /// How many cells were asked of this strategy and accepted.
  package var accepted: Int
  package var settings: StudySettings
  /// Proposals that could not be trained, as far as their results count.
  package var failed: Set<Int>

  package init(
    scored: [Proposal], proposals: [Proposal], accepted: Int,
    settings: StudySettings = StudySettings(), failed: Set<Int> = []
  ) {
    self.scored = scored
    self.proposals = proposals
    self.accepted = accepted
    self.settings = settings
    self.failed = failed
  }

  /// The scored cells, without the networks that a strategy searches with.
  package var cells: [Proposal] { scored.filter { !$0.work.isStage } }
  /// The stages, with what they measured.
  package var stages: [Proposal] { scored.filter { $0.work.isStage } }
  /// Whether a proposal was made already, whatever became of it.
  package func has(_ cell: Cell) -> Bool {
    let digest = cell.canonical.text
    return proposals.contains { $0.digest == digest }
  }
  /// Tokens trained on for what has been scored: by stages, each since the one that it carries on, and by
  /// cells.
  package var stageTokens: Int {
    let ends = Dictionary(stages.map { ($0.id, $0.tokens) }) { $1 }
    return stages.reduce(0) { sum, stage in
      sum + max(0, stage.tokens - (stage.carriedOn.flatMap { ends[$0] } ?? 0))
    }
  }
  package var cellTokens: Int { cells.reduce(0) { $0 + $1.tokens } }
}

/// A way of finding cells: one file each, and one line in `Strategies.all`.
///
/// A strategy has no state of its own. What it proposes follows from the study's seed (through
/// `choices`) and the history alone, so that a killed study goes on as if nothing had happened. What a
/// strategy learns from its history it may keep from one call to the next, if it would learn the same
/// again.
package protocol Strategy: Sendable {
  static var name: String { get }
  /// One sentence.
  static var summary: String { get }
  /// Whether it trains networks of its own on the corpus, so that a study without one is refused.
  static var needsCorpus: Bool { get }
  /// Whether proposals rise by the end that a Meta-LSTM predicts of their curves, while its predictions
  /// are better than the last loss.
  static var predictsCurves: Bool { get }
  /// A proposal rises to the last rung only while fewer than so many that rose before are better than it at
  /// the rung below; nil for the best third, whoever rose before.
  static var leaders: Int? { get }
  /// Whether it proposes different cells for the layers of a model, where a study asks for it.
  static var mixesLayers: Bool { get }
  /// Whether it begins with the cells that a study names.
  static var takesStarts: Bool { get }
  /// What a preset sets, in words; nil where the strategy has no such preset.
  static func sizes(_ preset: Preset) -> String?
  init(_ preset: Preset)
  /// A new cell to try, which may turn out to be a duplicate, then it is asked again with other choices;
  /// nil when it must wait for what is pending.
  ///
  /// - Throws: whatever building the cell throws, which counts as a try.
  func propose(_ history: History, _ choices: inout Choices) throws(Failure) -> Candidate?
}

extension Strategy {
  package static var needsCorpus: Bool { false }
  package static var predictsCurves: Bool { false }
  package static var leaders: Int? { nil }
  package static var mixesLayers: Bool { false }
  package static var takesStarts: Bool { false }
  package init() { self.init(.scaled) }
}

/// A strategy whose sizes are the same for any budget.
package protocol UnsizedStrategy: Strategy {
  init()
}

extension UnsizedStrategy {
  package static func sizes(_ preset: Preset) -> String? {
    preset == .scaled ? "the same for any budget" : nil
  }
  package init(_ preset: Preset) { self.init() }
}

/// The table of strategies.
package enum Strategies {
  /// Every strategy, in the order of the documentation.
  package static let all: [any Strategy.Type] = [
    Auto.self, Evolution.self, Grow.self, Reinforce.self, Pruning.self, RandomSearch.self,
    LocalSearch.self, ENAS.self, RandomShared.self, DARTS.self, DARTSSecond.self, WeNet.self,
  ]

  /// - Throws: `.invalidArgument` with all names.
  package static func type(named name: String) throws(Failure) -> any Strategy.Type {
    for strategy in all where strategy.name == name { return strategy }
    throw .invalid(
      "there is no strategy '\(name.prefix(64))'; there are "
        + all.map { $0.name }.joined(separator: ", "))
  }
}
