import Cells
import Kernels

extension Term {
  /// A cell as a term of Schrimpf's language.
  ///
  /// - Throws: `.invalidArgument` with the first thing in it that the language cannot say: other states
  ///   than h and c, vectors, numbers, shared matrices, maps without a bias, other operations.
  package init(_ cell: Cell) throws(Failure) {
    let graph = cell.graph
    func refusal(_ index: Int, _ what: String) -> Failure {
      let name = graph.nodes[index].name.map { "'\($0)'" } ?? "node \(index)"
      return .invalid(
        "the language of Schrimpf et al. cannot say this cell: \(name) \(what); print it as equations "
          + "instead")
    }
    guard graph.states.count <= 2 else {
      throw .invalid(
        "the language of Schrimpf et al. has the states h and c only, and the cell has "
          + "\(graph.states.count); print it as equations instead")
    }
    var isMarked = false
    func marked(_ term: Term, _ index: Int) -> Term {
      guard graph.states.count > 1, graph.states[1].next == index, !isMarked else { return term }
      isMarked = true
      return Term(.nextMemory, [term])
    }
    // What several nodes read is written for each of them, which can double the term at every node.
    var count = 0
    func term(_ index: Int, depth: Int) throws(Failure) -> Term {
      guard depth < 60 else { throw refusal(index, "is deeper than a term may be") }
      count += 1
      guard count <= CellLimits.nodes else {
        throw refusal(
          index,
          "is written once for each that reads it, which makes more than \(CellLimits.nodes) symbols"
        )
      }
      let node = graph.nodes[index]
      var operands: [Term] = []
      switch node.kind {
      case .input: return Term(.input)
      case .state(let state): return Term(state == 0 ? .hidden : .memory)
      case .constant(let value): throw refusal(index, "is the constant \(value)")
      case .parameter(let parameter):
        throw refusal(index, "is the vector '\(graph.parameters[parameter].name)'")
      case .affine(_, let bias):
        guard bias != nil else { throw refusal(index, "has no bias, which MM has") }
        for operand in node.operands {
          operands.append(Term(.matrix, [try term(operand, depth: depth + 2)]))
        }
        guard let first = operands.first else { throw refusal(index, "maps nothing") }
        return marked(operands.dropFirst().reduce(first) { Term(.add, [$0, $1]) }, index)
      case .operation(let operation):
        guard let symbol = Symbol.allCases.first(where: { $0.operation == operation }),
          symbol.arity == node.operands.count
        else { throw refusal(index, "is a '\(operation.name)'") }
        for operand in node.operands { operands.append(try term(operand, depth: depth + 1)) }
        // Gate3 has its gate last, blend has it first.
        if symbol == .gate { operands = [operands[1], operands[2], operands[0]] }
        return marked(Term(symbol, operands), index)
      }
    }
    let found = try term(graph.states[0].next, depth: 0)
    guard let same = try? found.cell(), same == cell else {
      throw .invalid(
        "the language of Schrimpf et al. cannot say this cell: a matrix is shared, or a state is made apart "
          + "from the output; print it as equations instead")
    }
    self = found
  }
}

extension NodeTree {
  /// Reads a tree, `(mul (sigmoid 4) (tanh c=(add (mul (sigmoid 2) c) (mul (sigmoid 1) (tanh 3)))))`.
  ///
  /// - Throws: `.parse` for what is none.
  package init(parsing text: String) throws(Failure) {
    let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
    guard let tree = NodeTree(text: words) else {
      throw Place(line: 1, column: 1).failure(
        "the tree cannot be read; write it like (mul (sigmoid 1) (tanh c=(add c 2))), with add, mul, tanh, "
          + "sigmoid, relu, weighted sums 1 to 8 and memories c and d, no two nonlinear functions one "
          + "around the other")
    }
    self = tree
  }

  /// A cell as a tree.
  ///
  /// - Throws: `.invalidArgument` for what no tree can say.
  package init(saying cell: Cell) throws(Failure) {
    if let tree = NodeTree(cell) {
      self = tree
      return
    }
    let graph = cell.graph
    for (index, node) in graph.nodes.enumerated() {
      let name = node.name.map { "'\($0)'" } ?? "node \(index)"
      let what: String
      switch node.kind {
      case .constant(let value): what = "is the constant \(value)"
      case .parameter(let parameter): what = "is the vector '\(graph.parameters[parameter].name)'"
      case .affine where node.operands.count != 2:
        what = "maps \(node.operands.count) vectors, not x and h"
      case .operation(let operation)
      where !["add", "multiply", "tanh", "sigmoid", "relu"].contains(operation.name):
        what = "is a '\(operation.name)'"
      default: continue
      }
      throw .invalid(
        "a tree of genetic programming cannot say this cell: \(name) \(what); print it as equations "
          + "instead")
    }
    throw .invalid(
      "a tree of genetic programming cannot say this cell: it reads h or x other than by maps of both with a "
        + "bias, or has other states than h, c and d; print it as equations instead")
  }
}
