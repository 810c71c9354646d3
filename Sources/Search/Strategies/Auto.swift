import Cells
import Kernels

/// Evolution of cell graphs, begun with stock cells: the default.
///
/// Parents win a tournament among the best of the last scored proposals, so that a cell leaves by age or
/// by being beaten (regularized evolution, Real et al. 2018, arXiv:1802.01548, with elitism, as budgets
/// here are of hundreds, not tens of thousands, of cells). Of several children the one is proposed that
/// a predictor, made of all scores so far, thinks the best, once its guesses have proved worth it.
package struct Auto: UnsizedStrategy {
  package static let name = "auto"
  package static let summary =
    "breeds cell graphs from stock cells, and trains the children that promise most (the default)"
  package static let predictsCurves = true

  /// Stock cells that begin, those that differ most from each other first; a random cell follows every four.
  static let founders = [
    "lstm", "gru_reset_after", "minimal_gru", "mut1", "lstm_multiplicative", "rhn", "ugrnn",
    "lstm_cifg", "mogrifier", "janet", "gru", "lstm_peephole", "mut3", "darts_v2", "nascell",
    "enas", "mut2", "elman",
  ]
  static let randomEvery = 5
  /// Scored proposals that count, from the last; how many of the best of them may be parents; how many
  /// compete for it; children from which the predictor chooses.
  static let age = 100
  static let population = 16
  static let tournament = 3
  static let litter = 8
  /// Children in a hundred that are taken unseen, so that the predictor learns of its own mistakes.
  static let unseen = 25

  private let predictor = PredictorCache()

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    if let founder = try founder(history, &choices) { return founder }
    let population = Self.best(of: history)
    guard !population.isEmpty else {
      return Candidate(try RandomSearch.grow(in: history.settings.space, &choices).cell())
    }
    let takesUnseen = choices.below(100) < Self.unseen
    guard !takesUnseen, let predictor = predictor.current(history) else {
      return try Self.child(of: population, in: history.settings.space, &choices)
    }
    var best: (candidate: Candidate, loss: Double)?
    for _ in 0..<Self.litter {
      guard let child = try? Self.child(of: population, in: history.settings.space, &choices),
        !history.has(child.cell)
      else {
        continue
      }
      let parent = history.proposals[child.parents[0] - 1]
      let loss = predictor.loss(of: child.cell, parent: parent.id)
      if loss < best?.loss ?? .infinity { best = (child, loss) }
    }
    guard let best else { throw Failure(.state, "no child kept the rules") }
    return best.candidate
  }

  /// The next cell to begin with; nil when all have been proposed.
  private func founder(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let started = history.proposals.filter { $0.notes == "founder" && !$0.isControl }
    let space = history.settings.space
    let all =
      space.start.isEmpty
      ? Self.founders.compactMap { try? Cell.stock($0) }.filter { space.reason(against: $0) == nil }
      : space.start.compactMap { try? Cell(parsing: $0) }
    let place = started.count
    guard place < all.count + all.count / (Self.randomEvery - 1) else { return nil }
    if place % Self.randomEvery == Self.randomEvery - 1 {
      return Candidate(
        try RandomSearch.grow(in: history.settings.space, &choices).cell(), notes: "founder")
    }
    guard let next = all.first(where: { !history.has($0) }) else { return nil }
    return Candidate(next, notes: "founder")
  }

  /// Who may be a parent, best first.
  static func best(of history: History) -> [Proposal] {
    let recent = history.cells.suffix(age).filter { $0.loss.isFinite && Draft($0.cell) != nil }
    guard history.settings.front else {
      return Array(recent.sorted { Proposal.isBetter($0, $1) }.prefix(population))
    }
    let fronts = Costs.fronts(recent.map(\.costs))
    return zip(recent, fronts).sorted {
      ($0.1, -$0.0.rung, $0.0.loss) < ($1.1, -$1.0.rung, $1.0.loss)
    }.prefix(population).map(\.0)
  }

  /// A child of one or two of the best.
  ///
  /// - Throws: `.state` for one that breaks the rules, and what making the cell throws.
  static func child(
    of population: [Proposal], in space: SearchSpace, _ choices: inout Choices
  ) throws(Failure) -> Candidate {
    let parent = select(population, &choices)
    guard var child = Draft(parent.cell) else { throw Failure(.state, "the parent is no draft") }
    var parents = [parent.id]
    if choices.chance(0.25) {
      let other = select(population, &choices)
      if other.id != parent.id, let donor = Draft(other.cell),
        Crossover.apply(to: &child, from: donor, &choices)
      {
        parents.append(other.id)
      }
    }
    // One change most of the time, more to leave the neighbourhood.
    var changes = parents.count == 2 ? choices.below(2) : 1 + choices.weighted([6, 3, 1])
    var tries = 0
    while changes > 0, tries < 20 {
      tries += 1
      if Mutation.apply(to: &child, in: space, &choices) { changes -= 1 }
    }
    guard DraftRules.evolved.allow(child) else {
      throw Failure(.state, "the mutated cell breaks the rules")
    }
    return Candidate(try child.cell(), parents: parents)
  }

  /// The best of a few random ones.
  private static func select(_ population: [Proposal], _ choices: inout Choices) -> Proposal {
    var best = population.count - 1
    for _ in 0..<tournament { best = min(best, choices.below(population.count)) }
    return population[best]
  }
}
