import Kernels

extension Cell {
  /// The cell as a recipe of NAS-Bench-NLP, or a failure naming what that form cannot say.
  ///
  /// It knows linear maps with bias, blend, products, sums and activations of one operand; h is state 0.
  /// Reading the recipe gives an equal cell, but for states that the output never depends on.
  package func recipe() throws(Failure) -> JSON {
    var members: [JSON.Member] = []
    var names: [String] = []
    let next = Dictionary(
      graph.states.enumerated().reversed().map { ($1.next, "h_new_\($0)") },
      uniquingKeysWith: { _, first in first })
    for (index, node) in graph.nodes.enumerated() {
      var name = next[index] ?? "node_\(index)"
      switch node.kind {
      case .input: name = "x"
      case .state(let state): name = "h_prev_\(state)"
      case .affine, .operation:
        members.append(
          JSON.Member(
            name,
            .object([
              JSON.Member("op", .string(try recipeOperation(index))),
              JSON.Member("input", .array(node.operands.map { .string(names[$0]) })),
            ])))
      case .constant, .parameter:
        throw .invalid(
          "a recipe has no constants, vectors or scalars, and \(shown(index)) is one; print the cell as "
            + "equations instead")
      }
      names.append(name)
    }
    // A state that takes over another value: an identity.
    for (index, state) in graph.states.enumerated() where names[state.next] != "h_new_\(index)" {
      members.append(
        JSON.Member(
          "h_new_\(index)",
          .object([
            JSON.Member("op", .string("sum")),
            JSON.Member("input", .array([.string(names[state.next])])),
          ])))
    }
    return .object(members)
  }

  /// A node as messages name it.
  private func shown(_ index: Int) -> String {
    let node = graph.nodes[index]
    if case .parameter(let parameter) = node.kind { return "'\(graph.parameters[parameter].name)'" }
    if case .constant(let value) = node.kind { return "\(value)" }
    return node.name.map { "'\($0)'" } ?? "node \(index)"
  }

  private func recipeOperation(_ index: Int) throws(Failure) -> String {
    let node = graph.nodes[index]
    switch node.kind {
    case .affine(let products, let bias):
      let isPlain = products.allSatisfy { product in
        let parameter = graph.parameters[product.parameter]
        guard case .matrix(_, _, 1) = parameter.shape else { return false }
        return !product.isTransposed && !isIdentifier(parameter.name)
      }
      guard isPlain, bias != nil else {
        throw .invalid(
          "a recipe has no products without bias and no shared, transposed or block matrices, as "
            + "\(shown(index)) is; print the cell as equations instead")
      }
      return "linear"
    case .operation(let operation):
      switch operation.name {
      case "add": return "sum"
      case "multiply": return "prod"
      case "blend": return "blend"
      case "sigmoid": return "activation_sigm"
      case _ where operation.operandCount == 1...1 && operation.notation.text == nil:
        return "activation_\(operation.name)"
      default:
        throw .invalid(
          "a recipe has no operation '\(operation.name)', which \(shown(index)) is; print the cell as "
            + "equations instead")
      }
    case .input, .state, .constant, .parameter: return ""
    }
  }

  /// The cell as steps of DARTS, ENAS and NAO with the nodes that are averaged, or a failure when it is
  /// no such cell.
  ///
  /// It reads the gates from the graph and keeps the answer only if the cell of those steps is equal.
  package func highwaySteps() throws(Failure) -> (steps: [HighwayStep], outputs: [Int]) {
    var number: [Int: Int] = [:]
    var steps: [HighwayStep] = []
    for (index, node) in graph.nodes.enumerated() {
      guard case .operation(let operation) = node.kind, operation.name == "blend" else { continue }
      let (candidate, kept) = (node.operands[1], node.operands[2])
      if number.isEmpty {
        number[index] = 0
        continue
      }
      var activation = "identity"
      if case .operation(let operation) = graph.nodes[candidate].kind {
        activation = operation.name
      }
      number[index] = steps.count + 1
      steps.append(HighwayStep(activation, number[kept] ?? -1))
    }
    var outputs = number[graph.states[0].next].map { [$0] } ?? []
    if case .operation(let operation) = graph.nodes[graph.states[0].next].kind,
      operation.name == "mean"
    {
      outputs = graph.nodes[graph.states[0].next].operands.compactMap { number[$0] }
    }
    guard let cell = try? Cell(highway: steps, outputs: outputs), cell == self else {
      throw .invalid(
        "the cell is no chain of highway steps, as DARTS, ENAS and NAO have them"
          + (foreignNode.map { ": \($0)" } ?? "") + "; print it as equations instead")
    }
    return (steps, outputs)
  }

  /// What is the first thing in the cell that no chain of highway steps has.
  private var foreignNode: String? {
    for (index, node) in graph.nodes.enumerated() {
      let name = node.name.map { "'\($0)'" } ?? "node \(index)"
      switch node.kind {
      case .state(let state) where state > 0:
        return "'\(graph.states[state].name)' is a second state"
      case .constant(let value): return "\(name) is the constant \(value)"
      case .parameter(let index): return "\(name) is the vector '\(graph.parameters[index].name)'"
      case .affine(_, let bias?): return "\(name) has the bias '\(graph.parameters[bias].name)'"
      case .operation(let operation)
      where !["blend", "sigmoid", "tanh", "relu", "identity", "mean"].contains(operation.name):
        return "\(name) is a '\(operation.name)'"
      default: continue
      }
    }
    return nil
  }

  /// The cell as an arc of ENAS or NAO, `0 p1 f1 p2 f2 …`, which `init(arc:…)` reads.
  ///
  /// - Throws: `.invalidArgument` for a cell that is no chain of highway steps or averages other nodes
  ///   than that form does.
  package func arcText(order: ArcOrder, averagesAll: Bool) throws(Failure) -> String {
    let (steps, outputs) = try highwaySteps()
    let read = Set(steps.map(\.predecessor))
    let averaged = Array(1...steps.count).filter { averagesAll || !read.contains($0) }
    guard outputs.sorted() == averaged else {
      throw .invalid(
        "the cell's output averages nodes \(outputs), and an arc of this kind means \(averaged); "
          + "print it as a genotype instead")
    }
    var numbers = [0]
    for step in steps {
      numbers.append(step.predecessor)
      numbers.append(order.activations.firstIndex(of: step.activation) ?? 0)
    }
    return numbers.map { String($0) }.joined(separator: " ")
  }

  /// DARTS's text form: `Genotype(recurrent=[('sigmoid', 0), …], concat=range(1, 9))`.
  package func genotypeText() throws(Failure) -> String {
    let (steps, outputs) = try highwaySteps()
    let pairs = steps.map { "('\($0.activation)', \($0.predecessor))" }.joined(separator: ", ")
    let concat =
      outputs == Array(1...steps.count) ? "range(1, \(steps.count + 1))" : "\(outputs)"
    return "Genotype(recurrent=[\(pairs)], concat=\(concat))"
  }
}
