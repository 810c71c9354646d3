import Cells
import Kernels

/// Mutation and crossover of cells, begun with stock and random ones.
///
/// Parents win a tournament among the best of the last scored proposals, so that a cell leaves by age or
/// by being beaten (regularized evolution, Real et al. 2018, arXiv:1802.01548, with elitism, as budgets
/// here are of hundreds, not tens of thousands, of cells).
package struct Evolution: Strategy {
  package static let name = "evolution"
  package static let summary =
    "mutates and crosses the best cells, begun with stock and random ones"

  /// Cells that begin, with one random cell after every two.
  static let founders = [
    "minimal_gru", "gru_reset_after", "lstm_cifg", "ugrnn", "janet", "mut1", "rhn", "elman",
    "lstm_peephole", "mut3",
  ]
  /// Scored proposals that count, from the last; how many of the best of them may be parents; how many
  /// compete for it.
  static let age = 100
  static let population = 16
  static let tournament = 3

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let start = Self.founders.count * 3 / 2
    if history.accepted < start {
      if history.accepted % 3 == 2 { return Candidate(try RandomSearch.grow(in: history.settings.space, &choices).cell()) }
      let founder = Self.founders[history.accepted * 2 / 3 % Self.founders.count]
      let cell = try Cell.stock(founder)
      let isNew = !history.proposals.contains { $0.digest == cell.canonical.text }
      if isNew { return Candidate(cell) }
    }
    let population = Self.best(of: history)
    guard let parent = select(population, &choices), var child = Draft(parent.cell) else {
      return Candidate(try RandomSearch.grow(in: history.settings.space, &choices).cell())
    }
    var parents = [parent.id]
    if choices.chance(0.25), let other = select(population, &choices), other.id != parent.id,
      let donor = Draft(other.cell), Crossover.apply(to: &child, from: donor, &choices)
    {
      parents.append(other.id)
    }
    // One change most of the time, more to leave the neighbourhood.
    var changes = parents.count == 2 ? choices.below(2) : 1 + choices.weighted([6, 3, 1])
    var tries = 0
    while changes > 0, tries < 20 {
      tries += 1
      if Mutation.apply(to: &child, &choices) { changes -= 1 }
    }
    guard DraftRules.evolved.allow(child) else {
      throw Failure(.state, "the mutated cell breaks the rules")
    }
    return Candidate(try child.cell(), parents: parents)
  }

  /// Who may be a parent, best first.
  static func best(of history: History) -> [Proposal] {
    let recent = history.cells.suffix(age).filter { $0.loss.isFinite && Draft($0.cell) != nil }
    return Array(recent.sorted { Proposal.isBetter($0, $1) }.prefix(population))
  }

  /// The best of a few random ones.
  private func select(_ population: [Proposal], _ choices: inout Choices) -> Proposal? {
    var best = population.count
    for _ in 0..<Self.tournament { best = min(best, choices.below(population.count)) }
    return population.indices.contains(best) ? population[best] : nil
  }
}
