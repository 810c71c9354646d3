import Kernels
import Search
import Testing

@Suite("Successive halving")
struct LadderTests {
  /// Promotions in their order while nine proposals are scored one after the other.
  private func promotions(_ loss: (Int) -> Double) -> [[Int]] {
    let ladder = Ladder(rungs: 3, eta: 3)
    var results: [Ladder.Result] = []
    var order: [[Int]] = []
    for id in 1...9 {
      results.append(Ladder.Result(proposal: id, rung: 0, loss: loss(id)))
      while let (proposal, rung) = ladder.promotion(
        results, isAsked: { order.contains([$0, $1]) })
      {
        order.append([proposal, rung])
        results.append(Ladder.Result(proposal: proposal, rung: rung, loss: loss(proposal) / 2))
      }
    }
    return order
  }

  @Test("promotes the best third of each rung, highest rungs first, and each only once")
  func promotions() {
    // Worse and worse: one in three rises, the first, second and third; then the best of these.
    #expect(promotions { Double($0) } == [[1, 1], [2, 1], [3, 1], [1, 2]])
    // Better and better: each is the best of all so far, from the third on, and rises at once.
    #expect(
      promotions { Double(10 - $0) } == [
        [3, 1], [4, 1], [5, 1], [5, 2], [6, 1], [6, 2], [7, 1], [7, 2], [8, 1], [8, 2], [9, 1],
        [9, 2],
      ])
  }

  @Test("lets no diverged result rise, and controls always")
  func controls() {
    let ladder = Ladder(rungs: 2, eta: 3)
    let results = [
      Ladder.Result(proposal: 1, rung: 0, loss: 9, isControl: true),
      Ladder.Result(proposal: 2, rung: 0, loss: .infinity),
      Ladder.Result(proposal: 3, rung: 0, loss: 1), Ladder.Result(proposal: 4, rung: 0, loss: 2),
    ]
    let first = ladder.promotion(results) { _, _ in false }
    #expect(first?.proposal == 1 && first?.rung == 1)
    #expect(ladder.promotion(results) { id, _ in id == 1 } == nil)
  }

  @Test("trains last as long as asked, and a third for each rung before")
  func budgets() {
    var settings = StudySettings()
    settings.rungs = 3
    settings.updates = 90
    #expect((0..<3).map { settings.updates(rung: $0) } == [10, 30, 90])
  }

  @Test("Kendall's tau is 1, -1 and between")
  func kendall() {
    #expect(kendallTau([(1, 1), (2, 2), (3, 3)]) == 1)
    #expect(kendallTau([(1, 3), (2, 2), (3, 1)]) == -1)
    #expect(abs(kendallTau([(1, 1), (2, 3), (3, 2), (4, 4)]) - 2.0 / 3) < 1e-12)
    #expect(kendallTau([(1, 1)]).isNaN)
  }

  @Test("calibrations rise whatever their loss, one for every twelve scored")
  func calibrations() {
    let ladder = Ladder(rungs: 3, eta: 3)
    // The worst of all, in the way that costs a study a fixed share.
    func promoted(scored: Int, asked: Set<Int>) -> Int? {
      let results = (1...scored).map {
        Ladder.Result(
          proposal: $0, rung: 0, loss: Double(100 - $0), isCalibration: $0 <= Ladder.calibrations)
      }
      let chosen = Set((1...scored).suffix(scored / 3))
      return ladder.promotion(
        results, isAsked: { id, rung in rung == 1 && (asked.contains(id) || chosen.contains(id)) }
      )?.proposal
    }
    #expect(promoted(scored: 11, asked: []) == nil)
    #expect(promoted(scored: 12, asked: []) == 1)
    #expect(promoted(scored: 23, asked: [1]) == nil)
    #expect(promoted(scored: 24, asked: [1]) == 2)
    #expect(promoted(scored: 120, asked: Set(1...9)) == 10)
    #expect(promoted(scored: 200, asked: Set(1...16)) == nil)
  }

  @Test("with leaders only those rise to the last rung that fewer were better than")
  func leaders() {
    func promoted(_ leaders: Int?, risen: [Int], last: Int) -> Int? {
      // Proposal k has the loss k at the rung below, and the first rung has risen already.
      let results = (1...12).map { Ladder.Result(proposal: $0, rung: 1, loss: Double($0)) }
      return Ladder(rungs: last + 1, eta: 3, leaders: leaders).promotion(
        results, isAsked: { id, rung in rung == 2 && risen.contains(id) })?.proposal
    }
    #expect(promoted(2, risen: [], last: 2) == 1)
    #expect(promoted(2, risen: [3, 4], last: 2) == 1)
    #expect(promoted(2, risen: [1, 4], last: 2) == 2)
    #expect(promoted(2, risen: [1, 2], last: 2) == nil)
    #expect(promoted(nil, risen: [1, 2], last: 2) == 3)
    // The more there are at the rung below, the more may follow.
    let many = (1...45).map { Ladder.Result(proposal: $0, rung: 1, loss: Double($0)) }
    #expect(
      Ladder(rungs: 3, eta: 3, leaders: 2).promotion(
        many, isAsked: { id, rung in rung == 2 && id <= 2 })?.proposal == 3)
    // Rungs before the last are as wide as ever.
    #expect(promoted(2, risen: [1, 2], last: 3) == 3)
  }
}
