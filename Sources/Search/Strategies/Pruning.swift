import Cells
import Kernels

/// Starts from all connections among a few nodes, trains, and removes what matters least.
///
/// It goes on until an ordinary cell is left; every stage is a proposal.
/// Several such chains run side by side, with other nodes and activations, as a chain must wait for the
/// score of its last stage.
package struct Pruning: UnsizedStrategy {
  package static let name = "prune"
  package static let summary =
    "starts from all connections among a few nodes, trains, and removes what matters least"

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    // A stage that no later stage continues, mostly first come first served; now and then a later one or
    // a new chain, so that a stage whose successors are all known does not hold up the rest.
    let continued = Set(history.proposals.filter { !$0.state.isRejected }.flatMap(\.parents))
    for stage in history.scored where !continued.contains(stage.id) && stage.loss.isFinite {
      guard var net = Supernet(text: stage.notes), !net.isFinished else { continue }
      let place = choices.below(10)
      if place == 0 { break }
      if place < 4 { continue }
      let spare = net.edges.count - net.nodeCount
      let count = max(1, spare / 3) + choices.below(2)
      let degrees = (0...net.nodeCount).map { net.degree($0) }
      net.drop(min(count, spare)) { edge in
        guard let learned = stage.measured[edge.parameter] else {
          return Double(choices.below(1 << 20))
        }
        return abs(Supernet.share(degrees[edge.node]) + learned)
      }
      return Candidate(try net.cell(), parents: [stage.id], notes: net.text)
    }
    return try begin(history, &choices)
  }

  /// A chain's first stage: all connections, or all but some, as of all there are only a few dozen.
  private func begin(_ history: History, _ choices: inout Choices) throws(Failure) -> Candidate {
    var activations = ["tanh", "relu", "sigmoid", "identity", "sin", "softsign"].filter {
      $0 == "identity" || history.settings.space.allows($0)
    }
    while activations.count > 4 { activations.remove(at: choices.below(activations.count)) }
    var net = Supernet(nodeCount: 2 + choices.below(2), activations: activations)
    if choices.chance(0.5) {
      let weights = net.edges.map { _ in Double(choices.below(1 << 20)) }
      let all = net.edges
      net.drop(choices.below(1 + net.edges.count / 2)) { edge in
        all.firstIndex(of: edge).map { weights[$0] } ?? 0
      }
    }
    return Candidate(try net.cell(), notes: net.text)
  }
}
