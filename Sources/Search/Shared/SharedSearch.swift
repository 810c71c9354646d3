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
  var derived: Int
  private let cells = DerivedCells()

  /// - Parameters:
  ///   - nodes: what the paper has; the scaled preset has 6, which have three million arcs.
  init(_ preset: Preset, nodes: Int, hasController: Bool) {
    self.nodes = preset == .paper ? nodes : 6
    derived = preset == .paper ? 1 : 16
    self.hasController = hasController
  }

  /// What a preset sets, in words.
  static func sizes(_ preset: Preset, nodes: Int) -> String {
    let search = SharedSearch(preset, nodes: nodes, hasController: false)
    return "arcs of \(search.nodes) nodes; cells derived of a stage, at most: \(search.derived); "
      + "the weights learn as those of cells do"
  }

  func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let last = try history.lastStage()
    let isTraining = last.map { !$0.isKnown } ?? false
    let isStageDue = history.stageTokens <= history.cellTokens
    if !isTraining, isStageDue { return try stage(after: last?.proposal, history) }
    if let stage = history.stages.last {
      for arc in best(of: stage) {
        let derived = try cells.cell(of: arc)
        if history.wouldTrain(derived) {
          return Candidate(derived.cell, parents: [stage.id], notes: arc.text)
        }
      }
    }
    // Nothing to derive until the next stage has been trained.
    return isTraining ? nil : try stage(after: last?.proposal, history)
  }

  /// The next piece of the shared training; from the beginning where the last one failed.
  private func stage(after last: Proposal?, _ history: History) throws(Failure) -> Candidate {
    let space = history.settings.space
    let activations = Arc.activations(in: space)
    let nodes = try Arc.nodeCount(atMost: nodes, in: space)
    var seed = Choices(seed: history.settings.seed, 0x5A, UInt64(history.stages.count))
    let picture = try Arc.random(nodes: nodes, of: activations, &seed).cell()
    let updates = max(1, history.settings.updates)
    let work = Work.shared(nodes: nodes, activations: activations, hasController: hasController)
    guard let last, !history.failed.contains(last.id), let before = last.stageUpdates else {
      return Candidate(picture, work: work, updates: updates)
    }
    return Candidate(
      picture, parents: [last.id], work: work, updates: before + updates, inherits: true)
  }

  /// The arcs that a stage scored best.
  private func best(of stage: Proposal) -> [Arc] {
    stage.measured.compactMap { text, loss in Arc(text: text).map { (arc: $0, loss: loss) } }
      .sorted { ($0.loss, $0.arc.text) < ($1.loss, $1.arc.text) }
      .prefix(derived).map(\.arc)
  }
}
