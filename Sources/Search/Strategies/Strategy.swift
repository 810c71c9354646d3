import Cells
import Kernels

/// What a strategy proposes.
package struct Candidate: Sendable {
  package var cell: Cell
  /// Ids of the proposals that it was made from.
  package var parents: [Int]
  /// Whatever the strategy wants to find again in its history.
  package var notes: String

  package init(_ cell: Cell, parents: [Int] = [], notes: String = "") {
    self.cell = cell
    self.parents = parents
    self.notes = notes
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
  /// How many proposals were asked of this strategy and accepted.
  package var accepted: Int

  package init(scored: [Proposal], proposals: [Proposal], accepted: Int) {
    self.scored = scored
    self.proposals = proposals
    self.accepted = accepted
  }
}

/// A way of finding cells: one file each, and one line in `Strategies.all`.
///
/// A strategy has no state of its own. What it proposes follows from the study's seed (through
/// `choices`) and the history alone, so that a killed study goes on as if nothing had happened.
package protocol Strategy: Sendable {
  static var name: String { get }
  /// One sentence.
  static var summary: String { get }
  init()
  /// A new cell to try; it may turn out to be a duplicate, then it is asked again with other choices.
  ///
  /// - Throws: whatever building the cell throws, which counts as a try.
  func propose(_ history: History, _ choices: inout Choices) throws(Failure) -> Candidate
}

/// The table of strategies.
package enum Strategies {
  /// Every strategy, in the order of the documentation.
  package static let all: [any Strategy.Type] = [
    RandomSearch.self, Evolution.self, Pruning.self,
  ]

  /// - Throws: `.invalidArgument` with all names.
  package static func named(_ name: String) throws(Failure) -> any Strategy {
    for strategy in all where strategy.name == name { return strategy.init() }
    throw .invalid(
      "there is no strategy '\(name.prefix(64))'; there are "
        + all.map { $0.name }.joined(separator: ", "))
  }
}
