import Cells
import Glibc
import Kernels
import Search
import Support
import Testing

@Suite("A killed study")
struct KillTests {
  @Test(
    "ends as one that was not killed, after 20 kills, for 1 and 2 workers",
    arguments: ["random", "evolution", "prune"], [1, 2])
  func sameEnd(strategy: String, workers: Int) throws {
    try kill(strategy, workers, kills: 20, trials: 60)
  }

  @Test(
    "that trains networks to search with ends as one that was not killed, after 8 kills",
    arguments: ["darts", "wenet"])
  func sameEndWithStages(strategy: String) throws {
    try kill(strategy, 2, kills: 8, trials: 16)
  }

  private func kill(_ strategy: String, _ workers: Int, kills: Int, trials: Int) throws {
    let folder = try Folder()
    var whole = StudyProcessRun(
      path: "\(folder.path)/whole.db", strategy: strategy, trials: trials)
    #expect(try whole.run() == 0)
    whole.path = "\(folder.path)/killed.db"
    whole.workers = workers
    var random = TestRandom(seed: UInt64(workers))
    var before: [String: String] = [:]
    for _ in 0..<kills {
      var killed = whole
      killed.killAfter = Int.random(in: 20...60, using: &random)
      print("\(strategy), \(workers) workers: killed after \(killed.killAfter) statements")
      #expect(try killed.run() == -SIGKILL)
      guard let study = try? Study(path: killed.path, settings: nil, isReadOnly: true) else {
        continue
      }
      // What was told stays told, and what was asked keeps id, seed and cell.
      let now = summary(study)
      for (key, value) in before { #expect(now[key] == value) }
      before = now
    }
    #expect(try whole.run() == 0)
    let end = try StudyContents(path: whole.path)
    let expected = try StudyContents(path: "\(folder.path)/whole.db")
    #expect(end.proposals == expected.proposals)
    #expect(end.asks == expected.asks)
  }

  private func summary(_ study: Study) -> [String: String] {
    var lines: [String: String] = [:]
    for (step, ask) in study.asks.enumerated() where ask.state != .skipped {
      let proposal = study.proposals[ask.proposal - 1]
      lines["asked \(step)"] = "\(proposal.id) \(proposal.seed) \(proposal.cell.equations)"
      if ask.state != .asked { lines["told \(step)"] = "\(ask.state) \(ask.loss)" }
    }
    return lines
  }

  @Test("loses nothing told when scores count as they come")
  func asynchronous() throws {
    let folder = try Folder()
    var run = StudyProcessRun(
      path: "\(folder.path)/study.db", strategy: "evolution", trials: 60, workers: 2,
      deterministic: false)
    var told = 0
    for kill in 1...10 {
      run.killAfter = 30 + kill * 7
      _ = try run.run()
      guard let study = try? Study(path: run.path, settings: nil, isReadOnly: true) else {
        continue
      }
      #expect(study.told.count >= told)
      told = study.told.count
    }
    #expect(told > 20)
  }
}
