import Cells
import Glibc
import Kernels
import Search
import Testing

@Suite("A study")
struct StudyTests {
  @Test("asks again, with the same id and seed, for what was not told before it was opened")
  func pendingComesBack() throws {
    let folder = try Folder()
    let path = "\(folder.path)/a.db"
    var first: Study? = try Study(path: path, settings: nil)
    let asked = [try #require(try first?.ask()), try #require(try first?.ask())]
    try first?.tell(asked[0].id, loss: 4.2)
    first = nil
    let second = try Study(path: path, settings: nil)
    let again = try second.ask()
    #expect(again.id == asked[1].id && again.seed == asked[1].seed && again.cell == asked[1].cell)
    #expect(second.leaderboard.first?.loss == 4.2)
  }

  @Test("refuses scores of what is not pending")
  func wrongTells() throws {
    let study = try Study(path: nil, settings: nil)
    let task = try study.ask()
    try study.tell(task.id, loss: 1)
    #expect(throws: Failure.self) { try study.tell(task.id, loss: 2) }
    for id in [0, -1, 99, Int.max, Int.min] {
      let failure = #expect(throws: Failure.self) { try study.tell(id, loss: 1) }
      #expect(failure?.kind == .invalidArgument)
      #expect(failure?.message.contains("\(id)") == true)
    }
    let other = try study.ask()
    try study.tell(other.id, loss: .nan)
    #expect(study.proposals[other.id - 1].state == .failed)
  }

  @Test("does not run with other settings, from another format or twice at once")
  func refusals() throws {
    let folder = try Folder()
    let path = "\(folder.path)/a.db"
    var settings = StudySettings()
    settings.corpus = "one"
    var study: Study? = try Study(path: path, settings: settings)
    _ = try study?.ask()
    func failure(_ path: String) -> Failure? {
      #expect(throws: Failure.self) { _ = try Study(path: path, settings: settings) }
    }
    let busy = failure(path)
    #expect(busy?.kind == .busy && busy?.message.contains(path) == true)
    // A reader sees it while it runs.
    #expect(try Study(path: path, settings: nil, isReadOnly: true).asks.count == 1)
    study = nil
    settings.corpus = "two"
    let other = failure(path)
    #expect(other?.kind == .state)
    #expect(other?.message.contains("'one'") == true && other?.message.contains("'two'") == true)
    #expect(failure("\(folder.path)/none/a.db")?.kind == .io)
    let garbage = "\(folder.path)/garbage.db"
    let file = try #require(fopen(garbage, "w"))
    for _ in 0..<5000 { fputs("this is no study\n", file) }
    fclose(file)
    #expect(failure(garbage)?.kind == .format)
    let foreign = "\(folder.path)/foreign.db"
    let database = try Database(path: foreign)
    try database.run("CREATE TABLE t (a)")
    database.close()
    #expect(failure(foreign)?.kind == .format)
  }

  /// Statements that leave rows which no study writes; some of their numbers end a process that trusts them.
  private static let damages = [
    "UPDATE proposals SET equations = 'h'' = nonsense('", "UPDATE asks SET proposal = 77",
    "DELETE FROM settings WHERE name = 'strategy'",
    "UPDATE settings SET value = '-9223372036854775808' WHERE name = 'rungs'",
    "UPDATE settings SET value = 'many' WHERE name = 'seed'",
    "INSERT OR REPLACE INTO progress VALUES ('test_reads', 9e999)",
    "INSERT OR REPLACE INTO progress VALUES ('seconds', -1)",
    "UPDATE asks SET tokens = 9223372036854775807", "UPDATE asks SET rung = 7",
    "UPDATE asks SET told_order = 9223372036854775807", "UPDATE asks SET updates = -1",
    "UPDATE proposals SET inherits = 1", "UPDATE proposals SET parents = '1'",
    "UPDATE proposals SET stage_updates = 9223372036854775807",
    "INSERT INTO measures VALUES (0, 'species', 9e999)",
    "INSERT INTO curves VALUES (1, -4, 1, 1)",
    "INSERT INTO settings VALUES ('hidden_size', '-5'), ('layers', '1'), ('embedding_size', '1'), "
      + "('parameters', ''), ('batch', '1'), ('truncation', '1'), ('learning_rate', '1')",
  ]

  @Test("of which rows or pages are damaged is refused", arguments: 0...damages.count)
  func damaged(_ way: Int) throws {
    let folder = try Folder()
    let path = "\(folder.path)/a.db"
    var study: Study? = try Study(path: path, settings: nil)
    let task = try #require(try study?.ask())
    try study?.tell(task.id, loss: 1)
    study = nil
    if way < Self.damages.count {
      let database = try Database(path: path)
      try database.run(Self.damages[way])
      database.close()
    } else {
      let file = try #require(fopen(path, "r+"))
      fseek(file, 4096, SEEK_SET)
      for _ in 0..<4096 * 4 { fputc(0xAB, file) }
      fclose(file)
    }
    let failure = #expect(throws: Failure.self) { _ = try Study(path: path, settings: nil) }
    #expect(failure?.kind == .format)
  }

  @Test(
    "never trains the same function twice, and says how many it saved", .serialized,
    arguments: Strategies.all.map { $0.name })
  func noDuplicates(strategy: String) throws {
    var settings = StudySettings()
    settings.strategy = strategy
    settings.controls = true
    // No strategy looks at the text itself.
    settings.corpus = "none"
    let study = try Study(path: nil, settings: settings)
    var stages = 0
    while study.statistics.scored < 100, stages < 400 {
      let task = try study.ask()
      if task.work.isStage { stages += 1 }
      try study.tell(task.id, task.formulaScore)
    }
    let trained = study.proposals.filter { !$0.state.isRejected && !$0.work.isStage }
    #expect(Set(trained.map(\.digest)).count == trained.count)
    #expect(Set(trained.map(\.cell.fingerprint)).count == trained.count)
    let statistics = study.statistics
    print("\(strategy): \(statistics.duplicates) duplicates, \(statistics.exploded) exploding")
    #expect(statistics.scored == 100 && statistics.trials == 98)
    #expect(statistics.duplicates + statistics.exploded == study.proposals.count - 100 - stages)
    #expect(study.proposals.filter(\.isControl).count == 2)
  }

  @Test("stops when progress says so, keeps everything, and goes on")
  func cancelled() throws {
    let study = try Study(path: nil, settings: nil)
    var count = 0
    let failure = #expect(throws: Failure.self) {
      try study.run(Constant(), RunLimits(trials: 50, workers: 2)) { told in
        count += told == nil ? 0 : 1
        return count == 5
      }
    }
    #expect(failure?.kind == .cancelled)
    #expect(study.told.count >= 5)
    try study.run(Constant(), RunLimits(trials: 20, workers: 2))
    #expect(study.told.count == 20)
    // Spent: nothing more is asked.
    try study.run(Constant(), RunLimits(trials: 20, workers: 2))
    #expect(study.told.count == 20)
  }
}

extension EvaluationTask {
  /// What a training might give: any loss, and for a stage the learned numbers of its cell.
  fileprivate var formulaScore: Score {
    // A stage counts those of the stages that it carries on.
    var score = Score(loss: Double(seed % 1000), tokens: work.isStage ? 10 * updates : 10)
    if case .shared(let nodes, _, _) = work {
      var choices = Choices(seed: seed)
      for _ in 0..<20 { score.measured[Arc.random(nodes: nodes, &choices).text] = 1 }
    }
    for parameter in work.isStage ? cell.graph.parameters : [] {
      guard case .scalar = parameter.shape else { continue }
      let key = stableHash(Array(parameter.name.utf8).map { UInt64($0) } + [seed])
      score.measured[parameter.name] = Double(key % 1000) / 1000
    }
    return score
  }
}

/// Gives each proposal its number for a loss.
private struct Constant: Evaluator {
  func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score { Score(loss: Double(task.id)) }
}
