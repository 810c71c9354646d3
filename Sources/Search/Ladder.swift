import Cells

/// Successive halving without waiting for whole rungs.
///
/// The method is ASHA (Li et al. 2018, arXiv:1810.05934).
package struct Ladder: Sendable {
  package var rungs: Int
  package var eta: Int
  /// How many of those that rose to the last rung may have been better at the rung below than one that
  /// follows them, while there are few; nil for any number.
  package var leaders: Int?

  /// How many of the first proposals rise whatever their loss.
  package static let calibrations = 16
  /// Proposals scored for each calibration that rises a rung, so that these cost a fixed share.
  private static let scoredPerCalibration = 12
  /// Results after the best third whose snapshots are kept.
  private static let reserve = 8
  /// Results at the rung below for each leader: a long search would stand still with the first few.
  private static let resultsPerLeader = 15

  package init(rungs: Int, eta: Int, leaders: Int? = nil) {
    self.rungs = rungs
    self.eta = eta
    self.leaders = leaders
  }

  /// One result that counts.
  package struct Result: Sendable {
    package var proposal: Int
    package var rung: Int
    package var loss: Double
    package var isControl: Bool
    /// Whether it rises to the last rung whatever its loss, to see how well a rung predicts the next.
    package var isCalibration: Bool
    /// Whether the loss is one that is predicted of the end.
    package var isPredicted = false

    package init(
      proposal: Int, rung: Int, loss: Double, isControl: Bool = false, isCalibration: Bool = false
    ) {
      self.proposal = proposal
      self.rung = rung
      self.loss = loss
      self.isControl = isControl
      self.isCalibration = isCalibration
    }
  }

  /// The next proposal to train for a higher rung; nil when none deserves it.
  ///
  /// Highest rungs first: of n finite results at a rung, the best n / eta go on. Controls always do, and
  /// count for nobody else; so do calibrations, one for every few proposals.
  /// - Parameter isAsked: whether a proposal was asked for a rung already.
  package func promotion(
    _ results: [Result], isAsked: (_ proposal: Int, _ rung: Int) -> Bool
  ) -> (proposal: Int, rung: Int)? {
    for rung in (0..<max(0, rungs - 1)).reversed() {
      let here = results.filter { $0.rung == rung && $0.loss.isFinite }
      for control in here where control.isControl && !isAsked(control.proposal, rung + 1) {
        return (control.proposal, rung + 1)
      }
      let scored = results.count { $0.rung == 0 }
      let allowed = scored / Self.scoredPerCalibration
      for (place, result) in here.filter(\.isCalibration).enumerated()
      where place < allowed && !isAsked(result.proposal, rung + 1) {
        return (result.proposal, rung + 1)
      }
      let others = here.filter { !$0.isControl }.sorted {
        ($0.loss, $0.proposal) < ($1.loss, $1.proposal)
      }
      let most = leaders.map { max($0, others.count / Self.resultsPerLeader) } ?? .max
      var risen = 0
      for result in others.prefix(others.count / eta) {
        if isAsked(result.proposal, rung + 1) {
          risen += 1
        } else if rung < rungs - 2 || risen < most {
          return (result.proposal, rung + 1)
        }
      }
    }
    return nil
  }

  /// Whether a result may yet be promoted soon, so that its snapshot is worth keeping.
  ///
  /// Without a snapshot a proposal is trained afresh, to the same weights: in a search of 900 cells none
  /// had to be, and a study is a seventh as large as one that keeps the better two thirds.
  func mayRise(_ result: Result, among results: [Result]) -> Bool {
    guard result.rung < rungs - 1, result.loss.isFinite else { return false }
    if result.isControl || result.isCalibration { return true }
    let here = results.filter { $0.rung == result.rung && !$0.isControl }
    let better = here.count { $0.loss < result.loss }
    return better < here.count / eta + Self.reserve
  }
}
