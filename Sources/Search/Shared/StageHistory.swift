import Cells
import Kernels

/// What strategies ask of a history that have stages.
extension History {
  /// Whether a study would train a cell: one like no earlier one, within the space, and able to learn.
  ///
  /// What a stage derives does not change when the study asks again, so it must be known before.
  package func wouldTrain(_ cell: Cell) -> Bool {
    guard settings.space.reason(against: cell) == nil else { return false }
    let digest = cell.canonical.text
    let fingerprint = cell.fingerprint
    let isKnown = proposals.contains {
      !$0.work.isStage && ($0.digest == digest || $0.cell.fingerprint == fingerprint)
    }
    return !isKnown && Screening.reason(against: cell) == nil
  }

  /// The last stage that was proposed, if any, and whether its result is known.
  var lastStage: (proposal: Proposal, isFailed: Bool, isKnown: Bool)? {
    guard let last = proposals.last(where: { $0.work.isStage }) else { return nil }
    if failed.contains(last.id) { return (last, true, true) }
    if let told = scored.last(where: { $0.id == last.id }) { return (told, false, true) }
    return (last, false, false)
  }

  /// Stages whose cells may not have been proposed yet.
  var recentStages: some Sequence<Proposal> { stages.suffix(4) }
}
