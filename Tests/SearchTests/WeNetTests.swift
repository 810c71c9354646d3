import Cells
import Kernels
import Search
import Testing

@Suite("Tournaments of cells")
struct WeNetTests {
  private func arcs(_ count: Int, nodes: Int) -> [Arc] {
    var choices = Choices(seed: 11)
    return (0..<count).map { _ in Arc.random(nodes: nodes, &choices) }
  }

  @Test("The output of the cell is the sum of what each candidate puts out, by its share")
  func sums() throws {
    let cell = try WeNet.cell(arcs(3, nodes: 2))
    #expect(cell.states.count == 4)
    let interpreter = Interpreter(cell.graph, inputSize: 3, hiddenSize: 4)
    var choices = Choices(seed: 2)
    func numbers(_ count: Int) -> [Double] {
      (0..<count).map { _ in Double(choices.below(2000)) / 1000 - 1 }
    }
    let base = cell.graph.parameters.map { numbers(interpreter.count($0)) }
    let inputs = (0..<5).map { _ in numbers(3) }
    let states = (0..<4).map { _ in numbers(4) }
    func output(_ shares: [Double]) throws -> [Double] {
      var parameters = base
      for (index, parameter) in cell.graph.parameters.enumerated() {
        guard case .scalar = parameter.shape else { continue }
        let number = try #require(Int(parameter.name.dropFirst(2)))
        parameters[index] = [shares[number]]
      }
      return interpreter.run(parameters: parameters, inputs: inputs, states: states).flatMap {
        $0[0]
      }
    }
    let alone = try [[1.0, 0, 0], [0, 1, 0], [0, 0, 1]].map { try output($0) }
    let mixed = try output([0.2, 0.3, 0.5])
    for place in mixed.indices {
      let sum = 0.2 * alone[0][place] + 0.3 * alone[1][place] + 0.5 * alone[2][place]
      #expect(abs(mixed[place] - sum) < 1e-12)
    }
    #expect(alone[0] != alone[1])
  }

  @Test("As many candidates as a cell has room for, of as many nodes as in the paper, are a cell")
  func largest() throws {
    let cell = try WeNet.cell(arcs(WeNetSettings.limit, nodes: 8))
    #expect(cell.states.count == 32)
    #expect(throws: Failure.self) { try WeNet.cell(arcs(WeNetSettings.limit + 1, nodes: 8)) }
    #expect(throws: Failure.self) { try WeNet.cell([]) }
  }

  /// A scored stage of a candidate.
  private func stage(_ candidate: Candidate, id: Int, _ shares: [Double]) -> Proposal {
    var stage = Proposal(
      id: id, seed: 3, strategy: "wenet", cell: candidate.cell, parents: candidate.parents,
      notes: candidate.notes, work: candidate.work)
    stage.state = .scored
    stage.loss = 1
    for (place, share) in shares.enumerated() { stage.measured["w_\(place)"] = share }
    return stage
  }

  @Test("The best of a tournament are proposed, and meet fresh ones in the next")
  func keepsTheBest() throws {
    var settings = StudySettings()
    settings.updates = 90
    var choices = Choices(seed: 8)
    var history = History(scored: [], proposals: [], accepted: 0, settings: settings)
    let strategy = WeNet(
      WeNetSettings(fresh: 4, kept: 2, total: 8, nodes: [3], proposed: 3, share: 3))
    let first = try #require(try strategy.propose(history, &choices))
    #expect(first.work == .mixture && first.updates == 30)
    let arcs = first.notes.split(separator: ";").dropFirst().map { String($0) }
    #expect(arcs.count == 6 && Set(arcs).count == 6)
    history.proposals = [stage(first, id: 1, [])]
    #expect(try strategy.propose(history, &choices) == nil)
    history.scored = [stage(first, id: 1, [0.1, 0.3, 0.05, 0.05, 0.35, 0.15])]
    for place in [4, 1, 5] {
      let cell = try #require(try strategy.propose(history, &choices))
      #expect(cell.work == .cell && cell.notes == arcs[place] && cell.parents == [1])
      history.proposals.append(
        Proposal(
          id: history.proposals.count + 1, seed: 1, strategy: "wenet", cell: cell.cell))
    }
    let second = try #require(try strategy.propose(history, &choices))
    #expect(second.work == .mixture && second.parents == [1] && !second.inherits)
    let kept = second.notes.split(separator: ";").dropFirst().map { String($0) }
    #expect(Array(kept.prefix(2)) == [arcs[4], arcs[1]])
    #expect(kept.count == 6 && Set(kept).count == 6)
    // All eight have been drawn: the next run begins afresh, as it does after a failure.
    history.proposals.append(stage(second, id: 5, []))
    history.scored.append(stage(second, id: 5, [0.5, 0.4, 0, 0, 0, 0]))
    let newcomer = try #require(try strategy.propose(history, &choices))
    #expect(newcomer.work == .cell && newcomer.notes == kept[2] && newcomer.parents == [5])
    history.proposals.append(Proposal(id: 6, seed: 1, strategy: "wenet", cell: newcomer.cell))
    let third = try #require(try strategy.propose(history, &choices))
    #expect(third.parents.isEmpty && third.notes.hasPrefix("1 0;"))
    history.scored.removeLast()
    history.failed = [5]
    let again = try #require(try strategy.propose(history, &choices))
    #expect(again.parents.isEmpty && again.notes.hasPrefix("1 0;"))
  }

  @Test(
    "Notes that are none and shares that are missing do no harm",
    arguments: ["", "1", "0 0;x:9", "-1 2;tanh:0"])
  func foreignNotes(notes: String) throws {
    var choices = Choices(seed: 8)
    var stage = Proposal(
      id: 1, seed: 1, strategy: "wenet", cell: try Cell.stock("gru"), notes: notes, work: .mixture)
    stage.state = .scored
    let history = History(scored: [stage], proposals: [stage], accepted: 0)
    #expect(try WeNet().propose(history, &choices)?.work == .mixture)
    #expect(try DARTS().propose(history, &choices)?.work == .bilevel(order: 1))
  }
}
