import Cells
import Kernels

/// Random search with weight sharing, after Li and Talwalkar 2019, arXiv:1902.07638.
///
/// As ENAS, but every update and every score is of an arc drawn uniformly: the control for all
/// strategies that share weights, which beat most of them.
package struct RandomShared: Strategy {
  package static let name = "random_shared"
  package static let summary =
    "random arcs whose weights are shared; those that score best are trained alone"
  package static let needsCorpus = true

  /// Of the paper's arcs.
  private static let nodes = 8
  package static func sizes(_ preset: Preset) -> String? {
    SharedSearch.sizes(preset, nodes: nodes)
  }

  private let search: SharedSearch

  package init(_ preset: Preset) {
    search = SharedSearch(preset, nodes: Self.nodes, hasController: false)
  }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    try search.propose(history, &choices)
  }
}
