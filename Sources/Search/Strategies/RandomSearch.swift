import Cells
import Kernels

/// Grows every cell anew: the control for all other strategies.
///
/// Li and Talwalkar 2019, arXiv:1902.07638, show how strong it is.
package struct RandomSearch: UnsizedStrategy {
  package static let name = "random"
  package static let summary =
    "grows each cell from h_t node by node until every leaf is x or a previous state"

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    Candidate(try Self.grow(in: history.settings.space, &choices).cell())
  }

  /// A grown draft that keeps the rules.
  ///
  /// - Throws: `.state` when none of 100 does.
  static func grow(
    in space: SearchSpace, _ choices: inout Choices
  ) throws(Failure) -> Draft {
    for _ in 0..<100 {
      let draft = Growth.draft(in: space, &choices)
      if DraftRules.grown.allow(draft) { return draft }
    }
    throw Failure(.state, "no grown cell kept the rules")
  }
}
