import Kernels

/// One node of the cells of DARTS, ENAS and NAO: a highway step from an earlier node.
package struct HighwayStep: Hashable, Sendable {
  /// `tanh`, `relu`, `sigmoid` or `identity`.
  package var activation: String
  /// The node that it reads: 0 mixes x and h, step i makes node i.
  package var predecessor: Int

  package init(_ activation: String, _ predecessor: Int) {
    self.activation = activation
    self.predecessor = predecessor
  }

  /// The activations that these systems know.
  package static let activations = ["tanh", "relu", "sigmoid", "identity"]
  /// More steps than any published cell; keeps the mean within its operands.
  package static let limit = 32
}

extension Cell {
  /// The cell of highway steps: s0 mixes x and h; step k makes s_k = blend(gate, candidate, s_j); h' is
  /// the mean of `outputs` (DARTS, arXiv:1806.09055; ENAS, arXiv:1802.03268; no biases, as there).
  ///
  /// - Parameter outputs: node numbers to average; nil means all but node 0.
  /// - Throws: `.invalidArgument` for an unknown activation or a predecessor that does not come before.
  package init(highway steps: [HighwayStep], outputs: [Int]? = nil) throws(Failure) {
    guard !steps.isEmpty, steps.count <= HighwayStep.limit else {
      throw .invalid("\(steps.count) steps; a cell takes 1 to \(HighwayStep.limit)")
    }
    let outputs = outputs ?? Array(1...steps.count)
    guard !outputs.isEmpty, outputs.allSatisfy({ (0...steps.count).contains($0) }),
      outputs.count <= CellLimits.operands
    else {
      throw .invalid(
        "the output averages nodes \(outputs.prefix(40)); there are 0 to \(steps.count)")
    }
    var builder = GraphBuilder()
    let h = builder.state("h")
    var nodes: [Int] = []
    for (index, step) in ([HighwayStep("tanh", 0)] + steps).enumerated() {
      guard HighwayStep.activations.contains(step.activation) else {
        let known = HighwayStep.activations
        let hint =
          nearest(to: step.activation, among: known).map { "did you mean '\($0)'?" }
          ?? "there are \(known.joined(separator: ", "))"
        throw .invalid("step \(index): '\(step.activation.prefix(64))' is no activation; \(hint)")
      }
      guard index == 0 || (0..<index).contains(step.predecessor) else {
        throw .invalid(
          "step \(index) reads node \(step.predecessor); it can read nodes 0 to \(index - 1)")
      }
      let operands = index == 0 ? [builder.input, h] : [nodes[step.predecessor]]
      let stays = index == 0 ? h : nodes[step.predecessor]
      let gate = try builder.apply(
        "sigmoid", [builder.linear(operands, hasBias: false)], as: "g\(index)")
      var candidate = builder.linear(operands, hasBias: false)
      if step.activation != "identity" {
        candidate = try builder.apply(step.activation, [candidate])
      }
      builder.label(candidate, "u\(index)")
      nodes.append(try builder.apply("blend", [gate, candidate, stays], as: "s\(index)"))
    }
    let next =
      outputs.count == 1
      ? nodes[outputs[0]] : try builder.apply("mean", outputs.map { nodes[$0] })
    builder.setNext("h", next)
    try self.init(graph: builder.graph)
  }

  /// DARTS's genotype: (operation, predecessor) for each step.
  package init(
    genotype: [(operation: String, predecessor: Int)], concat: [Int]? = nil
  ) throws(Failure) {
    try self.init(
      highway: genotype.map { HighwayStep($0.operation, $0.predecessor) }, outputs: concat)
  }
}
