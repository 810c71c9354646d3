import Cells
import Kernels

/// Grows terms by a generator that learns which choices are good.
///
/// After Schrimpf et al. 2017, arXiv:1712.07316, with the generator that is trained by REINFORCE on partial cells:
/// every term that it grows is trained, and its loss is the reward of all choices that led to it.
package struct Reinforce: UnsizedStrategy {
  package static let name = "reinforce"
  package static let summary =
    "grows terms of a small language from h_t by a network that learns which symbols pay"

  private let generator = GeneratorCache()

  package init() {}

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let term = try generator.grow(
      Growing(history.settings.space), history.terms, seed: history.settings.seed, &choices)
    return Candidate(try term.cell(), notes: term.text)
  }
}
