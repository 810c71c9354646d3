import Cells
import Kernels

/// Evolution of cell graphs, begun with stock cells: the default.
///
/// Parents win a tournament among the best of the last scored proposals, so that a cell leaves by age or
/// by being beaten (regularized evolution, Real et al. 2018, arXiv:1802.01548, with elitism, as budgets
/// here are of hundreds, not tens of thousands, of cells; the fewer, the greedier). Few stock cells begin,
/// as each costs what a child would, and the last rung is for those that lead at the one below. Of several
/// children the one is proposed that a predictor, made of all scores so far, thinks the best, once its
/// guesses have proved worth it.
package struct Auto: UnsizedStrategy {
  package static let name = "auto"
  package static let summary =
    "breeds cell graphs from stock cells, and trains the children that promise most (the default)"
  package static let predictsCurves = true
  package static let takesStarts = true

  package static let leaders: Int? = 2

  /// Stock cells, those first that learn most in few updates (on the text of Python's standard library and
  /// on the Penn Treebank); so many begin, and the others join one at a time.
  package static let founders = [
    "mi_rnn", "lstm_cifg", "lstm_layernorm", "mut1", "gru", "mi_gru", "cfn", "mut3", "rhn", "mut2",
    "ligru", "lem", "ran", "minimal_gru", "lstm", "darts_v2", "janet", "gru_reset_after", "ugrnn",
    "star", "elman", "mogrifier", "mi_lstm", "enas", "nascell",
  ]
  static let first = 5
  /// Proposals of which one is a newcomer: a stock cell and a random one in turns.
  static let newcomerEvery = 12
  /// Scored proposals that count, from the last; how many of the best of them may be parents, one for
  /// so many scored; how many compete for it; children from which the predictor chooses.
  static let age = 200
  static let population = 4...16
  static let scoredPerParent = 12
  static let tournament = 3
  static let litter = 8
  /// Children in a hundred that are taken unseen, so that the predictor learns of its own mistakes.
  static let unseen = 25

  private let predictor = PredictorCache()

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    if let newcomer = try newcomer(history, &choices) { return newcomer }
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
    guard var best else { throw Failure(.state, "no child kept the rules") }
    best.candidate.remarks[.predicted] = best.loss
    return best.candidate
  }

  /// A cell that is no child, where one is due.
  private func newcomer(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let space = history.settings.space
    let place = history.proposals.count { $0.notes == "founder" && !$0.isControl }
    let starts = space.start.compactMap { try? Cell(parsing: $0) }
    let begins = starts.isEmpty ? Self.first : starts.count
    guard place < begins + history.accepted / Self.newcomerEvery else { return nil }
    let all =
      starts.isEmpty
      ? Self.founders.compactMap { try? Cell.stock($0) }.filter { space.reason(against: $0) == nil }
      : starts
    if place < begins || place.isMultiple(of: 2),
      let next = all.first(where: { !history.has($0) })
    {
      return Candidate(next, notes: "founder")
    }
    return Candidate(try RandomSearch.grow(in: space, &choices).cell(), notes: "founder")
  }

  /// Who may be a parent, best first.
  static func best(of history: History) -> [Proposal] {
    let recent = history.cells.suffix(age).filter { $0.loss.isFinite && Draft($0.cell) != nil }
    let count = (recent.count / scoredPerParent).clamped(to: population)
    guard history.settings.front else {
      let ends = expectedEnds(recent)
      return zip(recent, ends).sorted { ($0.1, $0.0.id) < ($1.1, $1.0.id) }.prefix(count).map(\.0)
    }
    let fronts = Costs.fronts(recent.map(\.costs))
    return zip(recent, fronts).sorted {
      ($0.1, -$0.0.rung, $0.0.loss) < ($1.1, -$1.0.rung, $1.0.loss)
    }.prefix(population.upperBound).map(\.0)
  }

  /// The loss that each cell would have at the highest rung that any has seen: what it has, less what
  /// those that rose gained in the median.
  static func expectedEnds(_ cells: [Proposal]) -> [Double] {
    let top = cells.map(\.rung).max() ?? 0
    var gains = [Double](repeating: 0, count: top + 1)
    for rung in (0..<top).reversed() {
      let steps = cells.filter { $0.rung > rung }.compactMap { cell -> Double? in
        let losses = cell.rungLosses
        guard losses.count > rung + 1 else { return nil }
        let gain = losses[rung] - losses[rung + 1]
        return gain.isFinite ? gain : nil
      }.sorted()
      gains[rung] = gains[rung + 1] + (steps.isEmpty ? 0 : steps[steps.count / 2])
    }
    return cells.map { $0.loss - gains[$0.rung] }
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
    if choices.chance(0.2) {
      let other = select(population, &choices)
      if other.id != parent.id, let donor = Draft(other.cell),
        Crossover.apply(to: &child, from: donor, &choices)
      {
        parents.append(other.id)
      }
    }
    // One change most of the time, more to leave the neighbourhood.
    var changes = parents.count == 2 ? choices.below(2) : 1 + choices.weighted([7, 2, 1])
    var tries = 0
    while changes > 0, tries < 20 {
      tries += 1
      if Mutation.apply(to: &child, in: space, &choices) { changes -= 1 }
    }
    guard DraftRules.evolved.allow(child, in: space) else {
      throw Failure(.state, "the mutated cell breaks the rules")
    }
    return Candidate(try child.cell(in: space), parents: parents)
  }

  /// The best of a few random ones.
  private static func select(_ population: [Proposal], _ choices: inout Choices) -> Proposal {
    var best = population.count - 1
    for _ in 0..<tournament { best = min(best, choices.below(population.count)) }
    return population[best]
  }
}
