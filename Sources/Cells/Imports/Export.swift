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
              JSON.Member("op", .string(try recipeOperation(node))),
              JSON.Member("input", .array(node.operands.map { .string(names[$0]) })),
            ])))
      case .constant, .parameter:
        throw .invalid(
          "a recipe has no constants, vectors or scalars; print the cell as equations instead")
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

  private func recipeOperation(_ node: Node) throws(Failure) -> String {
    switch node.kind {
    case .affine(let products, let bias):
      let isPlain = products.allSatisfy { product in
        let parameter = graph.parameters[product.parameter]
        guard case .matrix(_, _, 1) = parameter.shape else { return false }
        return !product.isTransposed && !isIdentifier(parameter.name)
      }
      guard isPlain, bias != nil else {
        throw .invalid(
          "a recipe has no products without bias and no shared, transposed or block matrices")
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
      default: throw .invalid("a recipe has no operation '\(operation.name)'")
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
        "the cell is no chain of highway steps, as DARTS, ENAS and NAO have them; print it as "
          + "equations instead")
    }
    return (steps, outputs)
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
