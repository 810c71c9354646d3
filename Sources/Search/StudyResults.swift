import Cells
import Kernels

/// A study in numbers.
package struct StudyStatistics: Sendable {
  /// Proposals that were trained or are to be, without controls.
  package var trials = 0
  package var scored = 0
  package var failed = 0
  package var pending = 0
  /// Trained networks of the strategy's own.
  package var stages = 0
  /// Trained on in all, for whatever.
  package var tokens = 0
  /// Not trained, since the same function was proposed before.
  package var duplicates = 0
  /// Not trained, since they explode or ignore their input.
  package var exploded = 0
  /// Of search in all runs.
  package var seconds = 0.0
  /// Scored proposals a minute.
  package var perMinute = 0.0
  /// Kendall's tau between the losses of the first and last rung, of the calibrations: proposals that
  /// reached the last rung without having been chosen for it; NaN for fewer than two.
  package var tau = Double.nan
}

extension Study {
  /// Notes, before it happens, that a test text is read to judge cells of this study.
  ///
  /// - Parameter again: whether it may have been read before.
  /// - Throws: `.state` when it was, or for a read-only study; `.io`.
  package func recordTest(again: Bool) throws(Failure) {
    try checkWritable()
    guard testReads == 0 || again else {
      throw Failure(
        .state,
        "the test text was read for this study before, and what is chosen after that is chosen by the "
          + "test text; ask for it again on purpose if you must")
    }
    try file.database.transaction { () throws(Failure) in
      try file.save(Double(testReads + 1), .testReads)
    }
    testReads += 1
  }

  /// Scored proposals, best first: the highest rung, then the loss.
  package var leaderboard: [Proposal] {
    proposals.filter { $0.state == .scored && $0.loss.isFinite && !$0.work.isStage }
      .sorted { Proposal.isBetter($0, $1) }
  }

  /// Tokens trained on for all that was told, cells, controls and stages: what a search costs whatever
  /// else the machine does.
  package var tokens: Int { Self.tokens(asks, proposals) }

  /// The tokens of an ask are counted since its proposal began; what it was carried on from is its own.
  static func tokens(_ asks: [Ask], _ proposals: [Proposal]) -> Int {
    var last: [Int: Int] = [:]
    var sum = 0
    for ask in asks where ask.state == .told {
      let proposal = proposals[ask.proposal - 1]
      let before = last[ask.proposal] ?? proposal.carriedOn.flatMap { last[$0] } ?? 0
      sum += max(0, ask.tokens - before)
      last[ask.proposal] = ask.tokens
    }
    return sum
  }

  /// Results in the order in which they were told.
  package var told: [Ask] {
    asks.filter { $0.state == .told || $0.state == .failed }.sorted { $0.order < $1.order }
  }

  package var statistics: StudyStatistics {
    var statistics = StudyStatistics()
    statistics.trials = trialCount
    statistics.scored = proposals.count { $0.state == .scored && !$0.work.isStage }
    statistics.stages = proposals.count { $0.state == .scored && $0.work.isStage }
    statistics.tokens = tokens
    statistics.failed = proposals.count { $0.state == .failed }
    statistics.pending = asks.count { $0.state == .asked }
    statistics.duplicates = proposals.count { $0.state == .duplicate }
    statistics.exploded = proposals.count { $0.state == .exploded }
    statistics.seconds = seconds
    statistics.perMinute = seconds > 0 ? Double(statistics.scored) / seconds * 60 : 0
    let last = settings.rungs - 1
    if last > 0 {
      let calibrations = Set(self.calibrations)
      let ends = asks.filter {
        $0.rung == last && $0.state == .told && calibrations.contains($0.proposal)
      }
      let pairs = ends.compactMap { end in
        asks.first { $0.proposal == end.proposal && $0.rung == 0 && $0.state == .told }
          .map { ($0.loss, end.loss) }
      }
      statistics.tau = kendallTau(pairs)
    }
    return statistics
  }
}
