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
  /// How often a child has two parents, and how often, where several tasks are to be mastered, it gets a state of
  /// another parent besides: what is best at one task has something to give to what is best at another.
  static let crossed = 0.2
  static let mixed = 0.4

  private let predictor = PredictorCache()

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    if let newcomer = try newcomer(history, &choices) { return newcomer }
    let populations = Self.populations(history)
    // What leads at one task alone gives its states to others: its own children are hardly ever better at all.
    let isMixed = populations.count > 1 && choices.chance(Self.mixed)
    guard let population = isMixed ? Self.pick(populations, &choices) : populations.first else {
      return Candidate(try RandomSearch.grow(in: history.settings.space, &choices).cell())
    }
    func child(_ choices: inout Choices) throws(Failure) -> Candidate {
      try Self.child(
        of: population, and: populations, isMixed: isMixed, in: history.settings.space, &choices)
    }
    // What is known of two memories apart says little of both in one cell.
    let takesUnseen = choices.below(100) < Self.unseen || isMixed
    guard !takesUnseen, let predictor = predictor.current(history) else {
      return try child(&choices)
    }
    var best: (candidate: Candidate, loss: Double)?
    for _ in 0..<Self.litter {
      guard let child = try? child(&choices), !history.has(child.cell) else { continue }
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

  /// Who may be a parent, best first: by the loss and, where it is made of several tasks', by each of these.
  ///
  /// Who is the best at one task has something to hand on though it be poor at another (the vector evaluated
  /// genetic algorithm, Schaffer 1985). None before the first score.
  static func populations(_ history: History) -> [[Proposal]] {
    let recent = history.cells.suffix(age).filter { $0.loss.isFinite && Draft($0.cell) != nil }
    guard !recent.isEmpty else { return [] }
    let count = (recent.count / scoredPerParent).clamped(to: population)
    guard history.settings.front else {
      let parts = recent.map(\.partLosses.count).min() ?? 0
      let losses =
        [recent.map(\.rungLosses)]
        + (0..<parts).map { part in
          recent.map { cell in cell.rungPartLosses.map { $0.count > part ? $0[part] : .nan } }
        }
      return losses.map { losses in
        zip(recent, expectedEnds(losses)).sorted { ($0.1, $0.0.id) < ($1.1, $1.0.id) }.prefix(count)
          .map(\.0)
      }
    }
    let fronts = Costs.fronts(recent.map(\.costs))
    return [
      zip(recent, fronts).sorted {
        ($0.1, -$0.0.rung, $0.0.loss) < ($1.1, -$1.0.rung, $1.0.loss)
      }.prefix(population.upperBound).map(\.0)
    ]
  }

  /// Any of the populations.
  private static func pick(
    _ populations: [[Proposal]], _ choices: inout Choices
  ) -> [Proposal]? {
    populations.count > 1 ? choices.pick(populations) : populations.first
  }

  /// The loss that each cell would have at the highest rung that any has seen: what it has, less what
  /// those that rose gained in the median.
  ///
  /// - Parameter losses: of each cell, at the end of each of its rungs.
  static func expectedEnds(_ losses: [[Double]]) -> [Double] {
    let top = losses.map(\.count).max() ?? 0
    var gains = [Double](repeating: 0, count: top + 1)
    for rung in (1..<max(1, top)).reversed() {
      let steps = losses.filter { $0.count > rung }.map { $0[rung - 1] - $0[rung] }
        .filter(\.isFinite).sorted()
      gains[rung] = gains[rung + 1] + (steps.isEmpty ? 0 : steps[steps.count / 2])
    }
    return losses.map { ($0.last ?? .nan) - gains[$0.count] }
  }

  /// A child of one or two of the best, the second one of any of the populations.
  ///
  /// - Throws: `.state` for one that breaks the rules, and what making the cell throws.
  private static func child(
    of population: [Proposal], and populations: [[Proposal]], isMixed: Bool,
    in space: SearchSpace, _ choices: inout Choices
  ) throws(Failure) -> Candidate {
    let parent = select(population, &choices)
    guard var child = Draft(parent.cell) else { throw Failure(.state, "the parent is no draft") }
    var parents = [parent.id]
    if isMixed || choices.chance(crossed) {
      let other = select(pick(populations, &choices) ?? population, &choices)
      if other.id != parent.id, let donor = Draft(other.cell) {
        let applied =
          isMixed
          ? Crossover.takeState(for: &child, from: donor, in: space, &choices)
          : Crossover.apply(to: &child, from: donor, &choices)
        if applied { parents.append(other.id) }
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
