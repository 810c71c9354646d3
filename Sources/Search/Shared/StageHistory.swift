import Cells
import Kernels
import Synchronization

/// What strategies ask of a history that have stages.
extension History {
  /// Whether a study would train a derived cell: one like no earlier one, within the space, and able to
  /// learn.
  ///
  /// What a stage derives does not change when the study asks again, so it must be known before.
  func wouldTrain(_ derived: DerivedCells.Derived) -> Bool {
    let cell = derived.cell
    guard derived.isSound, settings.space.reason(against: cell) == nil else { return false }
    let digest = cell.canonical.text
    let fingerprint = cell.fingerprint
    return !proposals.contains {
      !$0.work.isStage && ($0.digest == digest || $0.cell.fingerprint == fingerprint)
    }
  }

  /// The last stage that was proposed, if any, and whether its result is known.
  ///
  /// - Throws: `.state` where so many failed one after another that more would fail too.
  func lastStage() throws(Failure) -> (proposal: Proposal, isFailed: Bool, isKnown: Bool)? {
    let recent = proposals.filter { $0.work.isStage }.suffix(Self.failuresAllowed)
    guard let last = recent.last else { return nil }
    if recent.count == Self.failuresAllowed, recent.allSatisfy({ failed.contains($0.id) }) {
      throw Failure(.state, "the last \(recent.count) networks to search with could not be trained")
    }
    if failed.contains(last.id) { return (last, true, true) }
    if let told = scored.last(where: { $0.id == last.id }) { return (told, false, true) }
    return (last, false, false)
  }

  private static let failuresAllowed = 8

  /// - Throws: `.state` where so many stages in a row gave no new cell that another one will not.
  func checkStages() throws(Failure) {
    let parents = Set(
      proposals.filter { !$0.work.isStage && !$0.state.isRejected }.flatMap(\.parents))
    let fruitless = stages.reversed().prefix { !parents.contains($0.id) }.count
    guard fruitless < Self.fruitlessAllowed else {
      throw .invalid(
        "the last \(fruitless) networks of '\(settings.strategy)' gave no new cell; use another "
          + "strategy, or a wider space")
    }
  }

  private static let fruitlessAllowed = 8

  /// Stages whose cells may not have been proposed yet.
  var recentStages: some Sequence<Proposal> { stages.suffix(4) }
}

/// Cells of arcs and whether they can learn, each worked out once.
final class DerivedCells: Sendable {
  struct Derived: Sendable {
    var cell: Cell
    /// Whether screening lets it pass.
    var isSound: Bool
  }
  private let known = Mutex<[Arc: Derived]>([:])

  func cell(of arc: Arc) throws(Failure) -> Derived {
    if let found = known.withLock({ $0[arc] }) { return found }
    let cell = try arc.cell()
    let made = Derived(cell: cell, isSound: Screening.reason(against: cell) == nil)
    known.withLock { $0[arc] = made }
    return made
  }
}
