import Cells
import Kernels

extension Cell {
  /// The same cell with one part less, for each part that can be left out: an operation in whose place is one
  /// of its operands, or a map that does not see one of its operands.
  ///
  /// Those that no longer read x and a previous state, those with a constant in place of what it scales, and
  /// all but one of those that are equal, are left out.
  ///
  /// - Returns: what went, in words, and the cell; nothing for a cell that a draft cannot say.
  package var ablations: [(part: String, cell: Cell)] {
    guard let draft = Draft(self), let order = draft.order() else { return [] }
    var seen: Set<String> = [canonical.text]
    var times: [String: Int] = [:]
    var result: [(part: String, cell: Cell)] = []
    func add(_ part: String, _ changed: Draft) {
      guard changed.order() != nil, let cell = try? changed.cell(), cell.dependsOnInput,
        cell.dependsOnState, needsEqualSizes || !cell.needsEqualSizes,
        seen.insert(cell.canonical.text).inserted
      else { return }
      times[part, default: 0] += 1
      let number = times[part, default: 1]
      result.append((number == 1 ? part : "\(part), place \(number)", cell))
    }
    for node in order {
      let operands = draft.nodes[node].operands
      switch draft.nodes[node].kind {
      case .operation(let operation):
        for operand in Set(operands).sorted() where !draft.isConstant(operand) {
          var changed = draft
          changed.replace(node, by: operand)
          let what = draft.text(of: node)
          add(
            operands.count == 1
              ? "without \(operation.name) in \(what)"
              : "\(draft.text(of: operand)) alone in place of \(what)", changed)
        }
      case .linear where operands.count > 1:
        for place in operands.indices {
          var changed = draft
          changed.nodes[node].operands.remove(at: place)
          add("\(draft.text(of: node)) without \(draft.text(of: operands[place]))", changed)
        }
      default: break
      }
    }
    return result
  }

  /// What the cell is made of, a line for each node: its operation with those of its operands.
  ///
  /// Two cells are as near as they have lines in common.
  package var parts: [String] {
    func label(_ node: Int) -> String {
      switch graph.nodes[node].kind {
      case .input: "x"
      case .state(let state): "state \(state)"
      case .constant(let value): "\(value)"
      case .operation(let operation): operation.name
      case .parameter: "vector"
      case .affine: "linear"
      }
    }
    let ordered: Set = ["blend", "subtract", "divide"]
    var lines = graph.nodes.indices.compactMap { node -> String? in
      let operands = graph.nodes[node].operands.map(label)
      guard !operands.isEmpty else { return nil }
      let name = label(node)
      let shown = ordered.contains(name) ? operands : operands.sorted()
      return "\(name)(\(shown.joined(separator: ", ")))"
    }
    lines += graph.states.enumerated().map {
      "state \($0.offset) becomes \(label($0.element.next))"
    }
    return lines.sorted()
  }
}

extension Draft {
  func isConstant(_ node: Int) -> Bool {
    if case .constant = nodes[node].kind { true } else { false }
  }

  /// A node as an expression, with dots in place of what lies deep.
  func text(of node: Int, depth: Int = 3) -> String {
    let (kind, operands) = (nodes[node].kind, nodes[node].operands)
    func inner(_ operand: Int) -> String { text(of: operand, depth: depth - 1) }
    switch kind {
    case .input: return "x"
    case .state(let state): return ["h", "c", "d", "e"][min(state, 3)]
    case .constant(let value): return number(value)
    case .vector: return "vector"
    case .scalar(let name): return name
    case .linear, .operation:
      guard depth > 0 else { return "…" }
      if case .operation(let operation) = kind {
        let signs = ["add": "+", "subtract": "-", "multiply": "*", "divide": "/"]
        if let sign = signs[operation.name], operands.count == 2 {
          return "(\(inner(operands[0])) \(sign) \(inner(operands[1])))"
        }
        return "\(operation.name)(\(operands.map(inner).joined(separator: ", ")))"
      }
      return "linear(\(operands.map(inner).joined(separator: ", ")))"
    }
  }
}
