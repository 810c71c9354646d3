import Cells

/// What is trained for a proposal.
///
/// Beside cells these are the networks that some strategies search with. They are proposals too, so that their
/// training is asked, told, counted in tokens and carried on like that of cells, but they stand on no
/// leaderboard and rise no rung: a strategy reads what they measured and proposes cells by it.
package enum Work: Hashable, Sendable {
  /// A model with the cell, at the parameter count of the study.
  case cell
  /// A model with the cell, a supernet, at the hidden size of the study: its architecture parameters, whose
  /// softmaxes are the cell's scalars, learn beside its weights on the training split (WeNet, Huang and
  /// Xiang 2019, arXiv:1904.03819).
  case mixture
  /// The same, but the architecture parameters learn on one half of the training text, by a gradient of
  /// first or second order, and the weights on the other (DARTS, Liu et al. 2018, arXiv:1806.09055).
  case bilevel(order: Int)
  /// Weights that all arcs of so many nodes share, trained with one arc after another; the arcs are
  /// drawn uniformly (Li and Talwalkar 2019, arXiv:1902.07638) or by a controller that learns
  /// (ENAS, Pham et al. 2018, arXiv:1802.03268).
  case shared(nodes: Int, activations: [String], hasController: Bool)

  /// Whether it is a network that a strategy searches with, not a cell to be found.
  package var isStage: Bool { self != .cell }

  /// One word or a few, as the database has it.
  package var text: String {
    switch self {
    case .cell: "cell"
    case .mixture: "mixture"
    case .bilevel(let order): "bilevel \(order)"
    case .shared(let nodes, let activations, let hasController):
      "shared \(nodes) \(hasController ? "controller" : "uniform") "
        + activations.joined(separator: " ")
    }
  }

  /// What `text` wrote; nil for anything else.
  package init?(text: String) {
    let words = text.split(separator: " ").map { String($0) }
    switch (words.first, words.count) {
    case ("cell", 1): self = .cell
    case ("mixture", 1): self = .mixture
    case ("bilevel", 2):
      guard let order = Int(words[1]), (1...2).contains(order) else { return nil }
      self = .bilevel(order: order)
    case ("shared", 4...):
      let activations = Array(words.dropFirst(3))
      guard let nodes = Int(words[1]), (1...HighwayStep.limit).contains(nodes),
        ["controller", "uniform"].contains(words[2]),
        activations.allSatisfy(HighwayStep.activations.contains)
      else { return nil }
      self = .shared(
        nodes: nodes, activations: activations, hasController: words[2] == "controller")
    default: return nil
    }
  }
}
