import Cells
import Kernels

/// Efficient neural architecture search by weights that all arcs share.
///
/// After Pham et al. 2018, arXiv:1802.03268: an LSTM draws arcs and learns by REINFORCE which are good, in
/// turns with the weights; the arcs that score best are trained from scratch. The forms are those of
/// enas_lm where the paper's programs disagree: h' is the mean of all nodes, and a matrix belongs to a
/// node, its predecessor and its activation.
package struct ENAS: Strategy {
  package static let name = "enas"
  package static let summary =
    "a controller draws arcs whose weights are shared, and learns which are good"
  package static let needsCorpus = true

  /// Of the paper's arcs.
  private static let nodes = 12
  package static func sizes(_ preset: Preset) -> String? {
    SharedSearch.sizes(preset, nodes: nodes)
  }

  private let search: SharedSearch

  package init(_ preset: Preset) {
    search = SharedSearch(preset, nodes: Self.nodes, hasController: true)
  }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    try search.propose(history, &choices)
  }
}
