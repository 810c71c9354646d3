import Cells

/// Successive halving without waiting for whole rungs.
///
/// The method is ASHA (Li et al. 2018, arXiv:1810.05934).
package struct Ladder: Sendable {
  package var rungs: Int
  package var eta: Int

  package init(rungs: Int, eta: Int) {
    self.rungs = rungs
    self.eta = eta
  }

  /// One result that counts.
  package struct Result: Sendable {
    package var proposal: Int
    package var rung: Int
    package var loss: Double
    package var isControl: Bool

    package init(proposal: Int, rung: Int, loss: Double, isControl: Bool = false) {
      self.proposal = proposal
      self.rung = rung
      self.loss = loss
      self.isControl = isControl
    }
  }

  /// The next proposal to train for a higher rung; nil when none deserves it.
  ///
  /// Highest rungs first: of n finite results at a rung, the best n / eta go on. Controls always do, and
  /// count for nobody else.
  /// - Parameter isAsked: whether a proposal was asked for a rung already.
  package func promotion(
    _ results: [Result], isAsked: (_ proposal: Int, _ rung: Int) -> Bool
  ) -> (proposal: Int, rung: Int)? {
    for rung in (0..<max(0, rungs - 1)).reversed() {
      let here = results.filter { $0.rung == rung && $0.loss.isFinite }
      for control in here where control.isControl && !isAsked(control.proposal, rung + 1) {
        return (control.proposal, rung + 1)
      }
      let others = here.filter { !$0.isControl }.sorted {
        ($0.loss, $0.proposal) < ($1.loss, $1.proposal)
      }
      for result in others.prefix(others.count / eta) where !isAsked(result.proposal, rung + 1) {
        return (result.proposal, rung + 1)
      }
    }
    return nil
  }

  /// Whether a result may yet be promoted soon, so that its snapshot is worth keeping.
  ///
  /// Without a snapshot a proposal is trained afresh, to the same weights.
  func mayRise(_ result: Result, among results: [Result]) -> Bool {
    guard result.rung < rungs - 1, result.loss.isFinite else { return false }
    if result.isControl { return true }
    let here = results.filter { $0.rung == result.rung && !$0.isControl }
    let better = here.count { $0.loss < result.loss }
    return better < 2 * here.count / eta + 4
  }
}
