import Cells
import Kernels
import Search
import Support
import Testing

@Suite("A front of costs")
struct FrontTests {
  @Test("is what the definition says, for random costs", arguments: 0..<20)
  func definition(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    let costs = (0..<40).map { _ in
      // Few values, so that some are equal.
      Costs(
        loss: Double(Int.random(in: 0..<6, using: &random)),
        parameters: Double(Int.random(in: 0..<6, using: &random)),
        stepSeconds: Double(Int.random(in: 0..<6, using: &random)))
    }
    // By the definition: peel off what nothing left dominates.
    var expected = [Int](repeating: -1, count: costs.count)
    var front = 0
    while expected.contains(-1) {
      let left = costs.indices.filter { expected[$0] < 0 }
      let best = left.filter { place in !left.contains { costs[$0].dominates(costs[place]) } }
      for place in best { expected[place] = front }
      front += 1
    }
    #expect(Costs.fronts(costs) == expected, "seed \(seed)")
  }

  @Test("a study promotes what is on the front, not the best loss alone")
  func promotion() throws {
    var settings = StudySettings()
    settings.strategy = "random"
    settings.rungs = 2
    settings.eta = 2
    settings.updates = 9
    settings.front = true
    let study = try Study(path: nil, settings: settings)
    // Losses rise from cell to cell and seconds fall, so that no cell beats another, but for a few
    // slow ones that earlier cells beat.
    let slow = 17...24
    for _ in 1...120 {
      let task = try study.ask()
      try study.tell(
        task.id,
        Score(
          loss: Double(task.id), parameterCount: 100,
          measured: ["step_seconds": slow.contains(task.id) ? 9 : 1 / Double(task.id)]))
    }
    let risen = study.asks.filter { $0.rung == 1 }.map(\.proposal)
    #expect(risen.contains { $0 > slow.upperBound } && !risen.contains { slow.contains($0) })
    #expect(study.front.first?.id == risen.min())
    settings.deterministic = true
    #expect(throws: Failure.self) { _ = try Study(path: nil, settings: settings) }
  }
}
