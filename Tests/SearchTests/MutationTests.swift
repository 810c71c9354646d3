import Cells
import Search
import Testing

@Suite struct MutationTests {
  /// Cells that single changes of LSTM and GRU make, with a space.
  private func children(_ space: SearchSpace, seed: UInt64) throws -> [Cell] {
    var choices = Choices(seed: seed)
    let parents = try ["lstm", "gru"].map { try Cell.stock($0) }
    return (0..<400).compactMap { index in
      guard var draft = Draft(parents[index % 2]),
        Mutation.apply(to: &draft, in: space, &choices)
      else { return nil }
      return try? draft.cell(in: space)
    }
  }

  @Test("x meets a state without a matrix only in a space that allows it")
  func directInput() throws {
    var space = SearchSpace()
    let usual = try children(space, seed: 7)
    #expect(usual.count > 200 && !usual.contains(where: \.needsEqualSizes), "seed 7")
    space.directInput = true
    let direct = try children(space, seed: 7)
    let joining = direct.filter(\.needsEqualSizes)
    #expect(joining.count > 5 && direct.contains { !$0.needsEqualSizes }, "seed 7")
    // One of them has the running mean of x, whose shares add up to one.
    let shares = [(0.9, 0.1), (0.95, 0.05), (0.98, 0.02), (0.99, 0.01)]
    let means = joining.filter { cell in
      shares.contains {
        cell.equations.contains("\($0.0) * c + \($0.1) * ")
          || cell.equations.contains("\($0.0) * d + \($0.1) * ")
      }
    }
    #expect(!means.isEmpty, "seed 7")
    // And one leaves the cell's own state apart from the output, which h' then adds the mean to.
    #expect(
      means.contains { cell in
        !cell.graph.nodes.contains { $0.operands.contains(1) }
      }, "seed 7")
    #expect(joining.allSatisfy { space.reason(against: $0) == nil })
    #expect(joining.allSatisfy { SearchSpace().reason(against: $0) != nil })
  }

  @Test("A space's permission to use x is kept in its text")
  func text() throws {
    var space = SearchSpace()
    space.directInput = true
    #expect(try SearchSpace(text: space.text) == space)
    #expect(try SearchSpace(text: SearchSpace().text) == SearchSpace())
  }
}
