import Cells
import Kernels

/// The tables of a study, readable with any SQLite tool, and how rows become values.
final class StudyFile {
  let database: Database
  private let path: String

  /// "rnnc" in ASCII.
  private static let applicationID = 0x726E_6E63
  private static let version = 3

  private static let schema = [
    "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE progress (name TEXT PRIMARY KEY, value REAL NOT NULL) WITHOUT ROWID",
    """
    CREATE TABLE proposals (id INTEGER PRIMARY KEY, seed INTEGER NOT NULL, strategy TEXT NOT NULL,
      equations TEXT NOT NULL, parents TEXT NOT NULL, digest TEXT NOT NULL,
      fingerprint INTEGER NOT NULL, notes TEXT NOT NULL, state INTEGER NOT NULL,
      failure TEXT NOT NULL, created REAL NOT NULL, work TEXT NOT NULL, stage_updates INTEGER,
      inherits INTEGER NOT NULL)
    """,
    """
    CREATE TABLE asks (step INTEGER PRIMARY KEY, proposal INTEGER NOT NULL, rung INTEGER NOT NULL,
      updates INTEGER NOT NULL, state INTEGER NOT NULL, loss REAL, told_order INTEGER,
      told_at REAL, tokens INTEGER, seconds REAL, parameters INTEGER)
    """,
    """
    CREATE TABLE curves (proposal INTEGER NOT NULL, updates INTEGER NOT NULL, loss REAL,
      train_loss REAL, PRIMARY KEY (proposal, updates)) WITHOUT ROWID
    """,
    """
    CREATE TABLE measures (step INTEGER NOT NULL, name TEXT NOT NULL, value REAL NOT NULL,
      PRIMARY KEY (step, name)) WITHOUT ROWID
    """,
    """
    CREATE TABLE snapshots (proposal INTEGER PRIMARY KEY, rung INTEGER NOT NULL,
      contents BLOB NOT NULL)
    """,
    """
    CREATE VIEW leaderboard AS SELECT p.id, p.strategy, a.rung, a.loss, a.tokens, a.parameters,
      p.equations FROM proposals p JOIN asks a ON a.proposal = p.id WHERE a.state = 1
      AND a.rung = (SELECT max(rung) FROM asks WHERE proposal = p.id AND state = 1)
      AND p.state = 1 AND p.work = 'cell' ORDER BY a.rung DESC, a.loss
    """,
  ]

  /// Opens a file, and makes the tables where it is empty.
  ///
  /// - Throws: `.format` for a file that is no study; what `Database` throws.
  init(path: String?, isReadOnly: Bool) throws(Failure) {
    self.path = path ?? "in memory"
    database = try Database(path: path, isReadOnly: isReadOnly)
    let id = try number("PRAGMA application_id")
    let tables = try number("SELECT count(*) FROM sqlite_master")
    if id == 0, tables == 0, !isReadOnly {
      try database.run("PRAGMA journal_mode = WAL")
      try database.run("PRAGMA synchronous = FULL")
      try database.transaction { () throws(Failure) in
        for statement in Self.schema { try database.run(statement) }
        try database.run("PRAGMA application_id = \(Self.applicationID)")
        try database.run("PRAGMA user_version = \(Self.version)")
      }
      return
    }
    guard id == Self.applicationID else {
      throw Failure(.format, "\(self.path) is no study of rnncell; name another file")
    }
    guard try number("PRAGMA user_version") == Self.version else {
      throw Failure(.format, "\(self.path) was written by another version of rnncell")
    }
    // Full: what was told outlives the machine too, not only the process.
    if !isReadOnly { try database.run("PRAGMA synchronous = FULL") }
  }

  private func number(_ sql: String) throws(Failure) -> Int {
    try database.run(sql).first?.first?.int ?? 0
  }

  // MARK: - Settings and progress

  func settings() throws(Failure) -> StudySettings? {
    let rows = try database.run("SELECT name, value FROM settings")
    if rows.isEmpty { return nil }
    let settings = try StudySettings(table: rows.map { ($0[0].string, $0[1].string) })
    do throws(Failure) {
      return try settings.checked()
    } catch {
      throw Failure(.format, "\(path) is damaged: \(error.message); name another file")
    }
  }

  func save(_ settings: StudySettings) throws(Failure) {
    for (name, value) in settings.table {
      try database.run("INSERT INTO settings VALUES (?, ?)", [.text(name), .text(value)])
    }
  }

  /// What grows while a study runs.
  enum Progress: String {
    case seconds
    /// How often a test text was read to judge cells of the study.
    case testReads = "test_reads"
  }

  /// Zero before it was saved.
  func progress(_ progress: Progress) throws(Failure) -> Double {
    let name = progress.rawValue
    let value =
      try database.run("SELECT value FROM progress WHERE name = ?", [.text(name)])
      .first?[0].double ?? 0
    guard value >= 0, value <= Double(Limits.counts.upperBound) else { throw damaged(name) }
    return value
  }

  func save(_ value: Double, _ progress: Progress) throws(Failure) {
    try database.run(
      "INSERT OR REPLACE INTO progress VALUES (?, ?)", [.text(progress.rawValue), .real(value)])
  }

  // MARK: - Proposals

  func insert(_ proposal: Proposal) throws(Failure) {
    try database.run(
      "INSERT INTO proposals VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      [
        .integer(Int64(proposal.id)), .bits(proposal.seed), .text(proposal.strategy),
        .text(proposal.equations),
        .text(proposal.parents.map(String.init).joined(separator: " ")), .text(proposal.digest),
        // Nothing is compared with a stage, which may be a large cell.
        .bits(proposal.work.isStage ? 0 : proposal.fingerprint), .text(proposal.notes),
        .integer(Int64(proposal.state.rawValue)), .text(proposal.failure), .real(proposal.created),
        .text(proposal.work.text), proposal.stageUpdates.map { .integer(Int64($0)) } ?? .null,
        .integer(proposal.inherits ? 1 : 0),
      ])
  }

  /// - Throws: `.format` for a row that no study writes; the same holds of what is read below.
  func proposals() throws(Failure) -> [Proposal] {
    let rows = try database.run(
      "SELECT id, seed, strategy, equations, parents, digest, notes, state, failure, created, "
        + "work, stage_updates, inherits "
        + "FROM proposals ORDER BY id")
    var proposals: [Proposal] = []
    for row in rows {
      let cells = Self.cells(row[3].string)
      let parents = row[4].string.split(separator: " ").map { Int($0) ?? 0 }
      let inherits = row[12].int != 0
      guard let cell = cells.first, row[0].int == proposals.count + 1,
        let state = Proposal.State(rawValue: row[7].int), let work = Work(text: row[10].string),
        parents.allSatisfy({ $0 >= 1 && $0 <= proposals.count }), !inherits || !parents.isEmpty,
        Limits.counts.contains(row[11].int)
      else { throw damaged("proposal \(row[0].int)") }
      var proposal = Proposal(
        id: row[0].int, seed: row[1].bits, strategy: row[2].string, cell: cell,
        upper: Array(cells.dropFirst()),
        parents: parents,
        notes: row[6].string, work: work, stageUpdates: row[11].isNull ? nil : row[11].int,
        inherits: inherits,
        // As it was proposed, should a later version find more cells equal.
        digest: row[5].string)
      proposal.state = state
      proposal.failure = row[8].string
      proposal.created = row[9].double
      proposals.append(proposal)
    }
    return proposals
  }

  /// Those of layers, with an empty line between; none where one of them cannot be read.
  private static func cells(_ equations: String) -> [Cell] {
    let texts = equations.split(separator: "\n\n")
    let cells = texts.compactMap { try? Cell(parsing: String($0)) }
    return cells.count == texts.count ? cells : []
  }

  // MARK: - Asks

  func insert(_ ask: Ask, step: Int) throws(Failure) {
    try database.run(
      "INSERT INTO asks (step, proposal, rung, updates, state) VALUES (?, ?, ?, ?, ?)",
      [
        .integer(Int64(step)), .integer(Int64(ask.proposal)), .integer(Int64(ask.rung)),
        .integer(Int64(ask.updates)), .integer(Int64(ask.state.rawValue)),
      ])
    try save(ask.measured, step: step)
  }

  /// Writes the result of an ask, and what became of its proposal.
  func save(_ ask: Ask, step: Int, _ proposal: Proposal) throws(Failure) {
    try database.run(
      """
      UPDATE asks SET state = ?, loss = ?, told_order = ?, told_at = ?, tokens = ?, seconds = ?,
        parameters = ? WHERE step = ?
      """,
      [
        .integer(Int64(ask.state.rawValue)), .number(ask.loss), .integer(Int64(ask.order)),
        .real(ask.toldAt), .integer(Int64(ask.tokens)), .real(ask.seconds),
        .integer(Int64(ask.parameterCount)), .integer(Int64(step)),
      ])
    try database.run(
      "UPDATE proposals SET state = ?, failure = ? WHERE id = ?",
      [
        .integer(Int64(proposal.state.rawValue)), .text(proposal.failure),
        .integer(Int64(proposal.id)),
      ])
    try save(ask.measured, step: step)
  }

  private func save(_ measured: [String: Double], step: Int) throws(Failure) {
    for (name, value) in measured.sorted(by: { $0.key < $1.key }) where value.isFinite {
      try database.run(
        "INSERT OR REPLACE INTO measures VALUES (?, ?, ?)",
        [.integer(Int64(step)), .text(name), .real(value)])
    }
  }

  func asks(proposalCount: Int, rungs: Int) throws(Failure) -> [Ask] {
    var asks: [Ask] = []
    let rows = try database.run(
      "SELECT step, proposal, rung, updates, state, loss, told_order, told_at, tokens, seconds, "
        + "parameters FROM asks ORDER BY step")
    for row in rows {
      guard row[0].int == asks.count, let state = Ask.State(rawValue: row[4].int),
        state == .skipped || (1...max(1, proposalCount)).contains(row[1].int),
        (0..<rungs).contains(row[2].int),
        [3, 6, 8, 10].allSatisfy({ Limits.counts.contains(row[$0].int) })
      else { throw damaged("ask \(row[0].int)") }
      asks.append(
        Ask(
          proposal: row[1].int, rung: row[2].int, updates: row[3].int, state: state,
          loss: row[5].double, order: row[6].int, toldAt: row[7].double, tokens: row[8].int,
          seconds: row[9].double, parameterCount: row[10].int))
    }
    for row in try database.run("SELECT step, name, value FROM measures") {
      guard asks.indices.contains(row[0].int), row[2].double.isFinite else {
        throw damaged("measure '\(row[1].string.prefix(32))' of ask \(row[0].int)")
      }
      asks[row[0].int].measured[row[1].string] = row[2].double
    }
    return asks
  }

  // MARK: - Curves and snapshots

  func save(curve: [CurvePoint], proposal: Int) throws(Failure) {
    for point in curve {
      try database.run(
        "INSERT OR REPLACE INTO curves VALUES (?, ?, ?, ?)",
        [
          .integer(Int64(proposal)), .integer(Int64(point.updates)), .number(point.loss),
          .number(point.trainLoss),
        ])
    }
  }

  /// Of all proposals, by id.
  func curves() throws(Failure) -> [Int: [CurvePoint]] {
    var curves: [Int: [CurvePoint]] = [:]
    for row in try database.run(
      "SELECT proposal, updates, loss, train_loss FROM curves ORDER BY proposal, updates")
    {
      guard Limits.counts.contains(row[1].int) else {
        throw damaged("curve of proposal \(row[0].int)")
      }
      curves[row[0].int, default: []].append(
        CurvePoint(updates: row[1].int, loss: row[2].double, trainLoss: row[3].double))
    }
    return curves
  }

  func save(snapshot: [UInt8]?, proposal: Int, rung: Int) throws(Failure) {
    guard let snapshot else {
      try database.run("DELETE FROM snapshots WHERE proposal = ?", [.integer(Int64(proposal))])
      return
    }
    try database.run(
      "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)",
      [.integer(Int64(proposal)), .integer(Int64(rung)), .blob(snapshot)])
  }

  func snapshot(proposal: Int, rung: Int) throws(Failure) -> [UInt8]? {
    try database.run(
      "SELECT contents FROM snapshots WHERE proposal = ? AND rung = ?",
      [.integer(Int64(proposal)), .integer(Int64(rung))]
    ).first?[0].bytes
  }

  /// That of the last rung that has one.
  func snapshot(proposal: Int) throws(Failure) -> [UInt8]? {
    try database.run(
      "SELECT contents FROM snapshots WHERE proposal = ?", [.integer(Int64(proposal))]
    ).first?[0].bytes
  }

  func snapshots() throws(Failure) -> [Int] {
    try database.run("SELECT proposal FROM snapshots ORDER BY proposal").map { $0[0].int }
  }

  private func damaged(_ what: String) -> Failure {
    Failure(.format, "\(path) is damaged: \(what) makes no sense; name another file")
  }
}
