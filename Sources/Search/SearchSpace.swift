import Cells
import Kernels

/// What cells a study may propose, beside the rules of its strategy.
///
/// Whatever a strategy proposes is held against it; the ones that draw operations at random draw only
/// those that are allowed.
package struct SearchSpace: Equatable, Sendable {
  /// Names of the operations that may occur; nil for all.
  ///
  /// `linear` and constants always may.
  package var operations: [String]?
  /// Operations and maps of a cell, at most; nil here and below for the rules of the strategy.
  package var nodes: Int?
  /// Operations on the longest way from a state to x or a previous state.
  package var depth: Int?
  package var matrices: Int?
  package var states: Int?
  /// Blocks of a block-diagonal map; changes of cells make such maps where it is more than one.
  package var blocks: Int?
  /// Whether x may meet a state without a matrix, as in `x + linear(h)`, which wants equal sizes of
  /// both; changes of cells then also add a running mean of x.
  package var directInput = false
  /// Equations of cells to start from; empty for those of the strategy.
  package var start: [String] = []

  /// The largest bound on blocks.
  package static let mostBlocks = 64

  package init() {}

  /// States of a cell that changes make larger.
  var mostStates: Int { states ?? DraftRules.evolved.states }

  /// The most blocks of a new map: the largest power of two that is allowed.
  var newBlocks: Int { 1 << ((blocks ?? 1).bitWidth - 1 - (blocks ?? 1).leadingZeroBitCount) }

  /// A number of blocks for a new map, all powers of two alike.
  func drawBlocks(_ choices: inout Choices) -> Int {
    newBlocks == 1 ? 1 : 1 << choices.below(newBlocks.trailingZeroBitCount + 1)
  }

  /// Whether an operation may occur.
  package func allows(_ operation: String) -> Bool { operations?.contains(operation) ?? true }

  /// Why a cell is outside; nil for one inside.
  package func reason(against cell: Cell) -> String? {
    if cell.needsEqualSizes, !directInput {
      return "x meets a state without a matrix, which needs direct_input"
    }
    let graph = cell.graph
    var depths = [Int](repeating: 0, count: graph.nodes.count)
    var count = 0
    var products = 0
    var parts = 1
    for case .matrix(_, _, let blocks) in graph.parameters.map(\.shape) {
      parts = max(parts, blocks)
    }
    for (index, node) in graph.nodes.enumerated() {
      depths[index] = node.operands.isEmpty ? 0 : 1 + (node.operands.map { depths[$0] }.max() ?? 0)
      switch node.kind {
      case .operation(let operation):
        count += 1
        if !allows(operation.name) { return "it uses \(operation.name)" }
      case .affine(let operands, _):
        count += 1
        products += operands.count
      default: break
      }
    }
    let deepest = graph.states.map { depths[$0.next] }.max() ?? 0
    for (what, value, most) in [
      ("nodes", count, nodes), ("matrices", products, matrices), ("levels", deepest, depth),
      ("states", graph.states.count, states), ("blocks in a map", parts, blocks),
    ] {
      if let most, value > most { return "it has \(value) \(what), more than \(most)" }
    }
    return nil
  }

  /// - Throws: `.invalidArgument` for a space that holds no cell, or starts outside of itself.
  func checked() throws(Failure) -> SearchSpace {
    for name in operations ?? [] where Operation.named(name) == nil {
      throw .invalid(
        "there is no operation '\(name.prefix(64))'; there are "
          + Operation.all.map(\.name).joined(separator: ", "))
    }
    for (what, value, most) in [
      ("max_nodes", nodes, 1000), ("max_depth", depth, 1000), ("max_matrices", matrices, 1000),
      ("max_states", states, 4), ("max_blocks", blocks, Self.mostBlocks),
    ] {
      guard let value, !(1...most).contains(value) else { continue }
      throw .invalid("\(what) \(value) is not from 1 to \(most)")
    }
    for equations in start {
      let cell = try Cell(parsing: equations)
      if let reason = reason(against: cell) {
        throw .invalid(
          "a cell to start from is outside of the search space (\(reason)): "
            + "\(equations.prefix(200)); widen the space, or leave the cell out")
      }
    }
    return self
  }

  // MARK: - As the database keeps it

  /// One line for each constraint, then the cells to start from.
  package var text: String {
    var lines: [String] = []
    if let operations { lines.append("operations " + operations.joined(separator: " ")) }
    for (name, value) in [
      ("nodes", nodes), ("depth", depth), ("matrices", matrices), ("states", states),
      ("blocks", blocks),
    ] {
      if let value { lines.append("\(name) \(value)") }
    }
    if directInput { lines.append("direct_input 1") }
    return (lines + start.map { "start\n" + $0 }).joined(separator: "\n\n")
  }

  /// What `text` wrote.
  ///
  /// - Throws: `.format` for anything else.
  package init(text: String) throws(Failure) {
    for part in text.split(separator: "\n\n") {
      if part.hasPrefix("start\n") {
        start.append(String(part.dropFirst(6)))
        continue
      }
      let words = part.split(separator: " ").map { String($0) }
      let number = words.count == 2 ? Int(words[1]) : nil
      switch (words.first, number) {
      case ("operations", _): operations = Array(words.dropFirst())
      case ("nodes", let value?): nodes = value
      case ("depth", let value?): depth = value
      case ("matrices", let value?): matrices = value
      case ("states", let value?): states = value
      case ("blocks", let value?): blocks = value
      case ("direct_input", 1): directInput = true
      default:
        throw Failure(.format, "the study's space has '\(part.prefix(32))', which is unknown")
      }
    }
  }
}
