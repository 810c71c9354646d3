import Cells
import Kernels

/// Grows terms at random, ranks them, and proposes the best.
///
/// After Schrimpf et al. 2017, arXiv:1712.07316, with random generation: the ranking function, which learns from
/// all results so far, chooses among many terms the few that are trained. A part is taken unranked, so
/// that the ranker sees more than what it likes.
package struct Grow: Strategy {
  package static let name = "grow"
  package static let summary =
    "grows terms of a small language from h_t, and trains those that a ranking network likes best"
  package static func sizes(_ preset: Preset) -> String? {
    "the best of \(terms(preset)) random terms is proposed; \(unranked) of 100 are unranked"
  }

  /// Terms of which the best is proposed.
  private static func terms(_ preset: Preset) -> Int { preset == .paper ? 1024 : 128 }
  private static let unranked = 20

  private let count: Int
  private let ranker = RankerCache()

  package init(_ preset: Preset) { count = Self.terms(preset) }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let growing = Growing(history.settings.space)
    let results = history.terms
    let isRanked = choices.below(100) >= Self.unranked
    guard isRanked, RankerCache.trainingCount(results.count) > 0 else {
      let term = try growing.random(&choices)
      return Candidate(try term.cell(), notes: term.text)
    }
    var terms: [Term] = []
    for _ in 0..<count { terms.append(try growing.random(&choices)) }
    let ranked = try ranker.ranked(terms, by: results, seed: history.settings.seed)
    for term in ranked {
      // The ranker does not know what was tried.
      guard let cell = try? term.cell(), !history.has(cell) else { continue }
      return Candidate(cell, notes: term.text)
    }
    throw Failure(.state, "every term that was grown had been proposed before")
  }
}

extension History {
  /// The scored cells that are terms, each with the loss of its first rung, which all have.
  var terms: [(term: Term, loss: Double)] {
    cells.compactMap { cell in
      Term(text: cell.notes).map { ($0, cell.firstLoss) }
    }.filter { $0.1.isFinite }
  }
}
