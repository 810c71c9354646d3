import Cells
import Kernels

/// A cell of ENAS's and DARTS's space: a highway step from x and h, then nodes that each read one
/// earlier node through one activation; h' is their mean.
///
/// The arcs of so many nodes have the same number of learned values, whatever they read.
package struct Arc: Hashable, Sendable {
  package var steps: [HighwayStep]

  package init(_ steps: [HighwayStep]) { self.steps = steps }

  /// A predecessor and an activation for each node, all equally likely.
  package static func random(
    nodes: Int, of activations: [String] = HighwayStep.activations, _ choices: inout Choices
  ) -> Arc {
    Arc(
      (0..<max(1, nodes)).map { node in
        let source = choices.below(node + 1)
        return HighwayStep(choices.pick(activations) ?? "identity", source)
      })
  }

  /// The same arcs in every study, by which scores of several strategies can be compared.
  package static func calibrations(
    nodes: Int, of activations: [String] = HighwayStep.activations
  ) -> [Arc] {
    var choices = Choices(seed: 0xA2C, UInt64(max(1, nodes)))
    var arcs: [Arc] = []
    // Few nodes have fewer arcs than there could be calibrations.
    for _ in 0..<10 * Ladder.calibrations where arcs.count < Ladder.calibrations {
      let arc = Arc.random(nodes: nodes, of: activations, &choices)
      if !arcs.contains(arc) { arcs.append(arc) }
    }
    return arcs
  }

  /// As notes and measurements have it: `0:tanh 1:relu`, predecessor and activation of each node.
  package var text: String {
    steps.map { "\($0.predecessor):\($0.activation)" }.joined(separator: " ")
  }

  /// What `text` wrote; nil for anything else.
  package init?(text: some StringProtocol) {
    steps = []
    for part in text.split(separator: " ") {
      let fields = part.split(separator: ":")
      guard fields.count == 2, let source = Int(fields[0]), (0...steps.count).contains(source),
        HighwayStep.activations.contains(String(fields[1])), steps.count < HighwayStep.limit
      else { return nil }
      steps.append(HighwayStep(String(fields[1]), source))
    }
    if steps.isEmpty { return nil }
  }

  /// - Throws: what building the cell throws.
  package func cell() throws(Failure) -> Cell { try Cell(highway: steps) }

  /// Which of the shared arrays a parameter of the arc's cell is.
  ///
  /// A node's matrices belong to the node, its predecessor and its activation (melodyguan/enas and
  /// enas_lm, one matrix for each such triple).
  package func sharedName(_ parameter: String) -> String {
    // The cell of `cell()` calls the maps of node i `W[gi, sj]` and `W[ui, sj]`.
    guard parameter.hasPrefix("W["), let end = parameter.firstIndex(of: ","),
      let node = Int(parameter.dropFirst(3).prefix(upTo: end)), steps.indices.contains(node - 1)
    else { return parameter }
    return "\(parameter) \(steps[node - 1].activation)"
  }

  // MARK: - In a search space

  /// The activations that may occur.
  package static func activations(in space: SearchSpace) -> [String] {
    HighwayStep.activations.filter { $0 == "identity" || space.allows($0) }
  }

  /// The most nodes, up to a number, whose cells the space has room for.
  ///
  /// - Throws: `.state` where not even one has.
  package static func nodeCount(atMost wanted: Int, in space: SearchSpace) throws(Failure) -> Int {
    let activations = activations(in: space)
    for count in (1...max(1, min(wanted, HighwayStep.limit))).reversed() {
      // All nodes behind one another, and all beside one another.
      for isChain in [true, false] {
        let steps = (0..<count).map {
          HighwayStep(activations.first ?? "identity", isChain ? $0 : 0)
        }
        if space.reason(against: try Arc(steps).cell()) == nil { return count }
      }
    }
    throw Failure(.state, "the search space has no room for a cell of highway steps; widen it")
  }
}
