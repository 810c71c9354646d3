import Cells
import Search
import Testing

@Suite("A guess of a cell's loss from its graph")
struct PredictorTests {
  /// Scored cells of sin(sin(...(linear(x, h)))), of which each operation more costs a tenth.
  private static func chains(_ counts: ClosedRange<Int>) throws -> [Proposal] {
    try counts.map { count in
      let opened = String(repeating: "sin(", count: count)
      let closed = String(repeating: ")", count: count)
      var proposal = Proposal(
        id: count, seed: 1, strategy: "auto",
        cell: try Cell(parsing: "h' = \(opened)linear(x, h)\(closed)"))
      proposal.state = .scored
      proposal.loss = 2 + 0.1 * Double(count)
      return proposal
    }
  }

  @Test("is not led astray by a cell whose loss was finite but exploded")
  func exploded() throws {
    let cells = try Self.chains(1...16)
    var odd = try #require(try Self.chains(17...17).first)
    odd.loss = 2331
    let calm = try #require(Predictor(cells))
    let predictor = try #require(Predictor(cells + [odd]))
    for cell in cells {
      let guess = predictor.loss(of: cell.cell, parent: 0)
      #expect(abs(calm.loss(of: cell.cell, parent: 0) - cell.loss) < 0.3)
      // Within twice the spread of the losses that are ordinary.
      #expect((0.5...5.5).contains(guess), "\(guess) for \(cell.loss)")
    }
    let guesses = cells.map { predictor.loss(of: $0.cell, parent: 0) }
    #expect(guesses == guesses.sorted())
  }

  @Test("needs eight scored cells")
  func few() throws {
    #expect(Predictor(try Self.chains(1...7)) == nil)
    #expect(Predictor(try Self.chains(1...8)) != nil)
  }
}
