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
    arguments: Strategies.all.map { $0.name }, [1, 2])
  func sameEnd(strategy: String, workers: Int) throws {
    let folder = try Folder()
    // Large networks to search with make larger steps.
    let hasStages = try Strategies.type(named: strategy).needsCorpus
    var whole = StudyProcessRun(
      path: "\(folder.path)/whole.db", strategy: strategy, trials: hasStages ? 30 : 60)
    #expect(try whole.run() == 0)
    whole.path = "\(folder.path)/killed.db"
    whole.workers = workers
    var random = TestRandom(seed: UInt64(workers))
    var before: [String: String] = [:]
    for _ in 0..<20 {
      var killed = whole
      killed.killAfter = Int.random(in: hasStages ? 10...30 : 20...60, using: &random)
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
