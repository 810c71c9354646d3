import Cells
import Kernels

/// Hill climbing: single mutations of the best cell so far, begun with random ones.
///
/// The control that shows what a population, crossover and stock cells are worth (White et al. 2020,
/// arXiv:2005.02960: the best of a few random cells, then its neighbours, again from the best of them).
/// A cell whose neighbours have not been better for a while is left for other random ones.
package struct LocalSearch: UnsizedStrategy {
  package static let name = "local"
  package static let summary = "mutates the best of a few random cells, and again the best of those"

  /// Random cells that a climb begins with, and neighbours in a row without a better one that end it.
  static let start = 8
  static let patience = 40

  package static let takesStarts = true

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    // Climbs are told apart by their notes: their number from 0.
    let climb = history.proposals.last { !$0.isControl }.flatMap { Int($0.notes) } ?? 0
    let own = history.proposals.filter { $0.notes == String(climb) && $0.isTrial }
    let scored = history.cells.filter { $0.notes == String(climb) && !$0.isControl }
    // Cells that the study names begin the first climb in place of random ones.
    let named = climb == 0 ? history.settings.space.start : []
    for text in named {
      let cell = try Cell(parsing: text)
      if !history.has(cell) { return Candidate(cell, notes: String(climb)) }
    }
    guard own.count >= (named.isEmpty ? Self.start : 1),
      let best = scored.min(by: Proposal.isBetter)
    else {
      return Candidate(
        try RandomSearch.grow(in: history.settings.space, &choices).cell(), notes: String(climb))
    }
    let tried = own.count { $0.parents.first == best.id }
    guard tried < Self.patience, var child = Draft(best.cell) else {
      return Candidate(
        try RandomSearch.grow(in: history.settings.space, &choices).cell(), notes: String(climb + 1)
      )
    }
    guard Mutation.apply(to: &child, in: history.settings.space, &choices),
      DraftRules.evolved.allow(child, in: history.settings.space)
    else {
      throw Failure(.state, "the mutated cell breaks the rules")
    }
    return Candidate(
      try child.cell(in: history.settings.space), parents: [best.id], notes: String(climb))
  }
}
