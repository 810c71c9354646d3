import Cells
import Glibc
import Kernels

/// One search, on disk: proposals, results and what is to be asked next.
///
/// Whatever `ask` and `tell` return has been written to the file first; a process that dies at any moment
/// loses nothing told. Used by one thread at a time.
package final class Study {
  package let settings: StudySettings
  /// Proposals that may be trained in all, save controls and rejected ones; nil for no bound.
  package var trials: Int?
  /// Trained tokens after which nothing more is asked; nil for no bound.
  package var tokenBudget: Int?
  /// Nothing more is asked when a loss at the last rung is at most this; nil for none.
  package var target: Double?
  /// Seconds of search of all runs, as far as they are known to the file.
  package internal(set) var seconds: Double
  /// How often a test text was read to judge cells of the study.
  package internal(set) var testReads: Int
  package private(set) var proposals: [Proposal]
  package private(set) var asks: [Ask]
  package let isReadOnly: Bool

  let file: StudyFile
  private let lock: StudyLock?
  let strategy: any Strategy
  let curves = CurvePredictorCache()
  private let path: String
  private var digests: Set<String>
  private var fingerprints: Set<UInt64>
  /// Steps handed out by this process; other pending ones come back first.
  private var handed: Set<Int> = []
  /// Since when proposals are being scored by the program, as far as it is counted; nil for none.
  private var countedUntil: Double?

  /// For tests and tools: the connection below.
  package var database: Database { file.database }

  /// Opens a study, or begins one where there is no such file.
  ///
  /// - Parameters:
  ///   - path: the file; nil for a study in memory.
  ///   - settings: what it is to be; nil takes that of the file, or the defaults for a new one.
  /// - Throws: `.state` for a file begun with other settings, naming both; `.busy`, `.format`, `.io`.
  package init(
    path: String?, settings wanted: StudySettings?, isReadOnly: Bool = false
  ) throws(Failure) {
    self.path = path ?? "in memory"
    self.isReadOnly = isReadOnly
    // Before there is a file, which what cannot be must not leave behind.
    let begun = try (wanted ?? StudySettings()).checked()
    lock = isReadOnly ? nil : try path.map { path throws(Failure) in try StudyLock(path: path) }
    let file = try StudyFile(path: path, isReadOnly: isReadOnly)
    self.file = file
    if let stored = try file.settings() {
      if let wanted { try Self.compare(wanted, stored, self.path) }
      settings = stored
    } else {
      if !isReadOnly {
        try file.database.transaction { () throws(Failure) in try file.save(begun) }
      }
      settings = begun
    }
    strategy = try Strategies.type(named: settings.strategy).init(settings.preset)
    // One state of the file, whatever another process writes meanwhile.
    try file.database.run("BEGIN")
    seconds = try file.progress(.seconds)
    testReads = Int(try file.progress(.testReads))
    proposals = try file.proposals()
    asks = try file.asks(proposalCount: proposals.count, rungs: settings.rungs)
    for (id, curve) in try file.curves() where proposals.indices.contains(id - 1) {
      proposals[id - 1].curve = curve
    }
    try file.database.run("COMMIT")
    let cells = proposals.filter { !$0.work.isStage }
    digests = Set(cells.map(\.digest))
    fingerprints = Set(cells.map(\.fingerprint))
    for ask in asks where ask.state == .told || ask.state == .failed { note(ask) }
  }

  /// The settings of a study that a file holds already; nil where there is no file, or nothing in it yet.
  ///
  /// - Throws: `.format` for a file that is no study; `.io`.
  package static func settings(at path: String?) throws(Failure) -> StudySettings? {
    var status = stat()
    guard let path, stat(path, &status) == 0, status.st_size > 0 else { return nil }
    return try StudyFile(path: path, isReadOnly: true).settings()
  }

  private static func compare(
    _ wanted: StudySettings, _ stored: StudySettings, _ path: String
  ) throws(Failure) {
    let old = Dictionary(stored.table.map { ($0.name, $0.value) }) { $1 }
    for (name, value) in wanted.table {
      guard let old = old[name], old != value else { continue }
      throw Failure(
        .state,
        "\(path) was begun with \(name) '\(old)', not '\(value)'; use that, or name another file")
    }
  }

  // MARK: - Ask

  /// What there is to do.
  package enum Answer: Sendable {
    case task(EvaluationTask)
    /// Nothing until something that is pending is told.
    case wait
    /// Trials are spent and nothing is pending.
    case finished
  }

  /// The next cell to train, or that there is none; what was asked and not told in an earlier run
  /// comes first.
  ///
  /// - Throws: `.state` for a read-only study, `.invalidArgument` when the strategy finds no new cell in its
  ///   space; `.io`, `.busy`.
  package func next() throws(Failure) -> Answer {
    try checkWritable()
    guard !isTargetReached else { return .finished }
    if let step = asks.indices.first(where: { asks[$0].state == .asked && !handed.contains($0) }) {
      return .task(try hand(step))
    }
    while true {
      let step = asks.count
      let isPending = asks.contains { $0.state == .asked }
      let settled = asks.firstIndex { $0.state == .asked } ?? step
      if settings.deterministic, settled <= step - settings.window { return .wait }
      let visible = visible(at: step)
      if let tokenBudget, Self.tokens(visible, proposals) >= tokenBudget {
        return isPending ? .wait : .finished
      }
      let results = try promising(visible)
      if let (proposal, rung) = ladder.promotion(
        results,
        isAsked: { [asks] id, rung in
          asks.contains { $0.proposal == id && $0.rung == rung && $0.state != .skipped }
        })
      {
        var ask = Ask(proposal: proposal, rung: rung, updates: settings.updates(rung: rung))
        if let from = results.first(where: { $0.proposal == proposal && $0.rung == rung - 1 }),
          from.isPredicted
        {
          ask.measured[Candidate.Remark.predicted.rawValue] = from.loss
        }
        try begin(ask, [])
        return .task(try hand(step))
      }
      if hasTrialsLeft, try propose(visible) { return .task(try hand(step)) }
      // Results that this step may not see yet can still promote something.
      let isAllSeen = !settings.deterministic || visible.count == asks.count { isSettled($0) }
      if isAllSeen {
        guard !isPending else { return .wait }
        guard hasTrialsLeft else { return .finished }
        throw Failure(
          .internal, "the strategy '\(settings.strategy)' waits, but nothing is pending")
      }
      if isPending, settled <= step - settings.window { return .wait }
      try begin(Ask(proposal: 0, rung: 0, updates: 0, state: .skipped), [])
    }
  }

  var isTargetReached: Bool {
    guard let target else { return false }
    return proposals.contains {
      !$0.work.isStage && $0.rung == settings.rungs - 1 && $0.loss <= target
    }
  }

  func checkWritable() throws(Failure) {
    guard !isReadOnly else {
      throw Failure(.state, "\(path) is open read-only; open it for writing")
    }
  }

  /// The next cell to score, for programs that score cells themselves.
  ///
  /// - Throws: `.state` when there is none now, and what `next` throws.
  package func ask() throws(Failure) -> EvaluationTask {
    switch try next() {
    case .task(let task): return task
    case .wait:
      throw Failure(
        .state,
        "nothing more is asked for until proposals that were asked for are told; tell them first")
    case .finished:
      throw Failure(
        .state,
        "the trials or tokens of \(path) are spent, or its target is reached; change that bound to go "
          + "on")
    }
  }

  /// The proposals that rise to the last rung whatever their loss: the first ones that are trained.
  var calibrations: [Int] { proposals.lazy.filter(\.isTrial).prefix(Ladder.calibrations).map(\.id) }

  /// Proposals that count as trials.
  package var trialCount: Int { proposals.count(where: \.isTrial) }
  private var hasTrialsLeft: Bool { trials.map { trialCount < $0 } ?? true }

  /// Finds a new cell and writes it down with its ask, all rejected ones before it too; false when
  /// the strategy waits for results.
  private func propose(_ visible: [Ask]) throws(Failure) -> Bool {
    let step = asks.count
    if settings.controls,
      let control = ["lstm", "gru"].first(where: { name in
        !proposals.contains { $0.isControl && $0.notes == name }
      })
    {
      var candidate = Candidate(try Cell.stock(control))
      candidate.notes = control
      let proposal = proposal(candidate, id: proposals.count + 1, Proposal.control)
      try begin(Ask(proposal: proposal.id, rung: 0, updates: settings.updates(rung: 0)), [proposal])
      return true
    }
    let history = history(visible)
    var fresh: [Proposal] = []
    let space = settings.space
    var reason: String?
    for attempt in 0..<400 {
      var choices = Choices(seed: settings.seed, UInt64(step), UInt64(attempt))
      let candidate: Candidate
      do {
        guard let made = try strategy.propose(history, &choices) else { return false }
        candidate = made
      } catch {
        reason = error.message
        continue
      }
      let cells = [candidate.cell] + candidate.upper
      if !candidate.work.isStage,
        let outside = cells.lazy.compactMap({ space.reason(against: $0) }).first
      {
        reason = outside
        continue
      }
      var proposal = proposal(
        candidate, id: proposals.count + fresh.count + 1, settings.strategy)
      if proposal.work.isStage {
        try history.checkStages()
        let updates = proposal.stageUpdates ?? settings.updates
        try begin(Ask(proposal: proposal.id, rung: 0, updates: updates), fresh + [proposal])
        return true
      }
      if digests.contains(proposal.digest)
        || fresh.contains(where: { $0.digest == proposal.digest })
        || fingerprints.contains(proposal.fingerprint)
      {
        proposal.state = .duplicate
        proposal.failure = "a duplicate of an earlier proposal"
      } else if let failure = cells.lazy.compactMap({ Screening.reason(against: $0) }).first {
        proposal.state = .exploded
        proposal.failure = failure
        reason = failure
      }
      fresh.append(proposal)
      if proposal.state == .pending {
        var ask = Ask(proposal: proposal.id, rung: 0, updates: settings.updates(rung: 0))
        for (remark, value) in candidate.remarks { ask.measured[remark.rawValue] = value }
        try begin(ask, fresh)
        return true
      }
    }
    throw .invalid(
      "the strategy '\(settings.strategy)' found no new cell in 400 tries; use another one, or "
        + "a wider space" + (reason.map { " (the last reason: \($0))" } ?? ""))
  }

  private func proposal(_ candidate: Candidate, id: Int, _ strategy: String) -> Proposal {
    var proposal = Proposal(
      id: id, seed: Self.seed(settings.seed, id), strategy: strategy, cell: candidate.cell,
      upper: candidate.upper, parents: candidate.parents, notes: candidate.notes,
      work: candidate.work,
      stageUpdates: candidate.updates, inherits: candidate.inherits && !candidate.parents.isEmpty)
    proposal.created = seconds
    return proposal
  }

  private static func seed(_ seed: UInt64, _ id: Int) -> UInt64 {
    stableHash([seed, UInt64(id), 0x5EED])
  }

  /// What the strategy may know: results that count, everything proposed.
  private func history(_ visible: [Ask]) -> History {
    var seen: [Int: Int] = [:]
    var scored: [Proposal] = []
    for ask in visible where ask.state == .told {
      let proposal = result(of: ask)
      if let place = seen[proposal.id] {
        if scored[place].rung <= ask.rung { scored[place] = proposal }
      } else {
        seen[proposal.id] = scored.count
        scored.append(proposal)
      }
    }
    // Results of later asks would depend on which worker was faster.
    let known = proposals.map { proposal in
      var proposal = proposal
      if !proposal.state.isRejected { proposal.state = .pending }
      proposal.curve = []
      return proposal
    }
    return History(
      scored: scored, proposals: known, accepted: trialCount, settings: settings,
      failed: Set(visible.lazy.filter { $0.state == .failed && $0.rung == 0 }.map(\.proposal)))
  }

  /// Writes an ask and the proposals that come with it, all or nothing.
  private func begin(_ ask: Ask, _ fresh: [Proposal]) throws(Failure) {
    try file.database.transaction { () throws(Failure) in
      for proposal in fresh { try file.insert(proposal) }
      try file.insert(ask, step: asks.count)
    }
    for proposal in fresh where !proposal.work.isStage {
      digests.insert(proposal.digest)
      fingerprints.insert(proposal.fingerprint)
    }
    proposals += fresh
    asks.append(ask)
  }

  private func hand(_ step: Int) throws(Failure) -> EvaluationTask {
    let ask = asks[step]
    let proposal = proposals[ask.proposal - 1]
    handed.insert(step)
    let inherited =
      ask.rung == 0 && proposal.inherits ? try file.snapshot(proposal: proposal.parents[0]) : nil
    if proposal.work.isStage {
      var task = EvaluationTask(
        proposal, rung: 0, updates: ask.updates, isLast: false, snapshot: inherited)
      task.preset = settings.preset
      return task
    }
    return EvaluationTask(
      proposal, rung: ask.rung, updates: ask.updates, isLast: ask.rung == settings.rungs - 1,
      snapshot: ask.rung == 0 ? nil : try file.snapshot(proposal: ask.proposal, rung: ask.rung - 1),
      inheritance: inherited)
  }

  /// Counts the time since the last call as time of search, if proposals were being scored; for
  /// programs that ask and tell themselves.
  package func countTime() {
    let now = monotonicSeconds()
    if let countedUntil { seconds += now - countedUntil }
    countedUntil = handed.isEmpty ? nil : now
  }

  /// Lets a proposal that was handed out, and is not going to be told, be asked again.
  package func giveBack(_ id: Int) {
    for step in asks.indices where asks[step].proposal == id { handed.remove(step) }
  }

  // MARK: - Tell

  /// Tells the score of a proposal that is pending; a loss that is not finite is a failure.
  ///
  /// - Throws: `.invalidArgument` for an unknown id, `.state` for one that is not pending, `.io`.
  package func tell(_ id: Int, _ score: Score) throws(Failure) {
    guard score.loss.isFinite else {
      return try settle(id, score, failure: "the loss is not finite")
    }
    try settle(id, score, failure: nil)
  }

  package func tell(_ id: Int, loss: Double) throws(Failure) { try tell(id, Score(loss: loss)) }

  /// Tells that a proposal could not be scored, and why.
  package func tellFailure(_ id: Int, _ reason: String, seconds: Double = 0) throws(Failure) {
    try settle(id, Score(loss: .nan, seconds: seconds), failure: reason)
  }

  private func settle(_ id: Int, _ score: Score, failure: String?) throws(Failure) {
    try checkWritable()
    guard proposals.indices.contains(id &- 1) else {
      throw .invalid("there is no proposal \(id); ids are from 1 to \(proposals.count)")
    }
    guard let step = asks.lastIndex(where: { $0.proposal == id && $0.state == .asked }) else {
      throw Failure(
        .state, "proposal \(id) is not pending (\(proposals[id - 1].state.text)); tell it once")
    }
    var ask = asks[step]
    ask.state = failure == nil ? .told : .failed
    ask.loss = failure == nil ? score.loss : .nan
    ask.order = 1 + (asks.map(\.order).max() ?? 0)
    ask.toldAt = seconds
    ask.tokens = score.tokens
    ask.seconds = score.seconds
    ask.parameterCount = score.parameterCount
    ask.measured.merge(score.measured) { $1 }
    var proposal = proposals[id - 1]
    proposal.take(ask)
    proposal.curve = CurvePoint.merged(proposal.curve, score.curve)
    if let failure {
      proposal.failure = failure
      // A cell that failed at a later rung keeps what it reached before.
      proposal.state = ask.rung == 0 ? .failed : .scored
    }
    let stale = try staleSnapshots(besides: ask, proposal, keeps: score.snapshot != nil)
    try file.database.transaction { () throws(Failure) in
      try file.save(ask, step: step, proposal)
      try file.save(curve: proposal.curve, proposal: id)
      for id in stale.dropped { try file.save(snapshot: nil, proposal: id, rung: 0) }
      try file.save(
        snapshot: stale.keepsOwn ? score.snapshot : nil, proposal: id, rung: ask.rung)
      try file.save(seconds, .seconds)
    }
    asks[step] = ask
    proposals[id - 1] = proposal
    handed.remove(step)
  }

  /// Snapshots that no promotion will need soon.
  private func staleSnapshots(
    besides ask: Ask, _ proposal: Proposal, keeps: Bool
  ) throws(Failure) -> (dropped: [Int], keepsOwn: Bool) {
    let results = results(asks.filter { isSettled($0) } + [ask])
    func isNeeded(_ id: Int) -> Bool {
      // A stage's until one that carries it on has been told.
      if proposals[id - 1].work.isStage {
        return !proposals.contains {
          $0.carriedOn == id && ($0.id == proposal.id ? proposal.state : $0.state) == .scored
        }
      }
      guard let last = results.last(where: { $0.proposal == id }) else { return true }
      return ladder.mayRise(last, among: results)
    }
    let dropped = try file.snapshots().filter { id in
      id != ask.proposal && !isNeeded(id)
        && !asks.contains { $0.proposal == id && $0.state == .asked }
    }
    return (dropped, keeps && isNeeded(ask.proposal))
  }

  /// Takes the result of an ask into its proposal.
  private func note(_ ask: Ask) { proposals[ask.proposal - 1].take(ask) }
}

extension Proposal {
  /// Takes over a result; failures leave what was reached before.
  mutating func take(_ ask: Ask) {
    toldAt = ask.toldAt
    seconds += ask.seconds
    guard ask.state == .told else { return }
    state = .scored
    rung = ask.rung
    updates = ask.updates
    tokens = ask.tokens
    loss = ask.loss
    parameterCount = ask.parameterCount
    measured = ask.measured
    func set<Value>(_ values: inout [Value], _ value: Value, missing: Value) {
      values = Array(values.prefix(ask.rung))
      while values.count < ask.rung { values.append(missing) }
      values.append(value)
    }
    set(&rungLosses, ask.loss, missing: .nan)
    let predicted = ask.measured[Candidate.Remark.predicted.rawValue]
    set(&rungPredictions, predicted ?? .nan, missing: .nan)
    let parts = (0..<Self.mostParts).lazy.map { ask.measured[Self.partLoss($0)] }
    set(&rungPartLosses, parts.prefix { $0 != nil }.compactMap(\.self), missing: [])
    // Of a file it may be any number.
    speciesCount =
      ask.measured[Candidate.Remark.species.rawValue].flatMap { Int(exactly: $0) } ?? speciesCount
  }
}
