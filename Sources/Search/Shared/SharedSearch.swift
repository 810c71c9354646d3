import Cells
import Kernels

/// What ENAS and random search with shared weights have in common: stages that train shared weights,
/// and cells that are derived from what a stage measured and trained from scratch.
///
/// A stage trains as long as a cell on the last rung, from where the one before ended. Then its best arcs
/// that are new are proposed, the best one first, until cells have cost as many tokens as stages; so
/// half of any budget trains shared weights.
struct SharedSearch: Sendable {
  /// Of the arcs.
  var nodes: Int
  var hasController: Bool
  /// Arcs of a stage that may become cells.
  var derived = 16
  /// Stages of a study that may fail.
  static let patience = 5

  /// By the budget: 6 nodes, of which 16 million arcs have up to 12 nodes in the papers.
  static func scaled(hasController: Bool) -> SharedSearch {
    SharedSearch(nodes: 6, hasController: hasController)
  }

  func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let stages = history.stages
    let isTraining = history.proposals.contains { proposal in
      proposal.work.isStage && !history.failed.contains(proposal.id)
        && !stages.contains { $0.id == proposal.id }
    }
    let best = stages.last.map { arcs(of: $0, history) } ?? []
    let isStageDue = best.isEmpty || history.stageTokens <= history.cellTokens
    if !isTraining, isStageDue { return try stage(after: stages.last, history) }
    guard let stage = stages.last, let arc = best.first else {
      // Nothing to derive until the stage has been trained.
      return nil
    }
    return Candidate(try arc.cell(), parents: [stage.id], notes: arc.text)
  }

  /// The next piece of the shared training; from the beginning where the last one failed.
  private func stage(after last: Proposal?, _ history: History) throws(Failure) -> Candidate {
    var seed = Choices(seed: history.settings.seed, 0x5A, UInt64(history.stages.count))
    let picture = try Arc.random(nodes: nodes, &seed).cell()
    let updates = max(1, history.settings.updates)
    let failed = history.proposals.filter { $0.work.isStage && history.failed.contains($0.id) }
    guard failed.count < Self.patience else {
      throw Failure(
        .diverged, "\(failed.count) stages failed, the last one: \(failed.last?.failure ?? "")")
    }
    let work = Work.shared(nodes: nodes, hasController: hasController)
    guard let last, last.id > failed.last?.id ?? 0, let before = last.stageUpdates
    else { return Candidate(picture, work: work, updates: updates) }
    return Candidate(
      picture, parents: [last.id], work: work, updates: before + updates, inherits: true)
  }

  /// The arcs of a stage that are no proposals yet, the best one first.
  private func arcs(of stage: Proposal, _ history: History) -> [Arc] {
    let scored = stage.measured.compactMap { text, loss in Arc(text: text).map { ($0, loss) } }
      .sorted { ($0.1, $0.0.text) < ($1.1, $1.0.text) }
    let space = history.settings.space
    return scored.prefix(derived).map(\.0).filter { arc in
      guard let cell = try? arc.cell() else { return false }
      return !history.has(cell) && space.reason(against: cell) == nil
    }
  }
}
