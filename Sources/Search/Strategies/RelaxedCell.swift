import Cells
import Kernels
import Synchronization

/// The supernet of DARTS (Liu et al. 2018, arXiv:1806.09055), section 3.2 and its recurrent cell.
extension Supernet {
  /// The supernet as a cell whose scalars are shares that sum to less than one for each pair of nodes.
  ///
  /// s_i = sum over its edges of a_ijo * blend(sigmoid(C_i s_j), o(U_i s_j), s_j). A node's matrices are
  /// shared by its predecessors and activations, as in the paper, so that the derived cell has the same
  /// ones. What the shares of a pair lack to one is that of the option that adds nothing. The paper's
  /// batch normalisation of every node, which ties the rows of a batch together, is layer normalisation
  /// here; derived cells have none, as there.
  ///
  /// With r = s_j * sum of a_ijo and t = sum of a_ijo * o(U_i s_j) the sum over activations is
  /// r + gate * (t - r), which needs one blend for each pair and not for each edge.
  package func relaxed() throws(Failure) -> Cell {
    var lines = [
      "g0 = sigmoid(product(x, h))", "u0 = tanh(product(x, h))",
      "s0 = layernorm(blend(g0, u0, h))",
    ]
    for node in 1...max(1, nodeCount) {
      var terms: [String] = []
      for source in 0..<node {
        let own = edges.filter { $0.node == node && $0.source == source }
        guard !own.isEmpty else { continue }
        let pair = "\(node)_\(source)"
        lines.append("g\(pair) = sigmoid(matrix(C\(node), s\(source)))")
        lines.append("u\(pair) = matrix(U\(node), s\(source))")
        let shares = own.map { edge in
          let mapped = edge.activation == "identity" ? "u\(pair)" : "\(edge.activation)(u\(pair))"
          return "scalar(\(edge.parameter)) * \(mapped)"
        }
        lines.append("r\(pair) = scalar(a\(pair)_\(Relaxation.any)) * s\(source)")
        lines.append("t\(pair) = \(shares.joined(separator: " + "))")
        terms.append("(r\(pair) + g\(pair) * (t\(pair) - r\(pair)))")
      }
      lines.append("s\(node) = layernorm(\(terms.joined(separator: " + ")))")
    }
    let nodes = (1...max(1, nodeCount)).map { "s\($0)" }.joined(separator: ", ")
    lines.append(nodeCount > 1 ? "h' = mean(\(nodes))" : "h' = s1")
    return try Cell(parsing: lines.joined(separator: "\n"))
  }

  /// For each node the predecessor with the largest share of any activation, and that activation.
  ///
  /// The option that adds nothing is no candidate. Of equal shares the first counts.
  package func discretized(_ share: (Edge) -> Double) -> [HighwayStep] {
    (1...max(1, nodeCount)).map { node in
      var best: (edge: Edge, share: Double)?
      for edge in edges where edge.node == node {
        let share = share(edge)
        if share > best?.share ?? -.infinity { best = (edge, share) }
      }
      return HighwayStep(best?.edge.activation ?? "tanh", best?.edge.source ?? 0)
    }
  }
}

/// Arcs of highway steps, which DARTS and WeNet search.
package enum Arcs {
  /// The activations of the paper's cells that may occur.
  static func activations(in space: SearchSpace) -> [String] {
    HighwayStep.activations.filter { $0 == "identity" || space.allows($0) }
  }

  /// The most nodes, up to a number, whose cells the space has room for.
  ///
  /// - Throws: `.state` where not even one has.
  static func nodeCount(atMost wanted: Int, in space: SearchSpace) throws(Failure) -> Int {
    let activations = activations(in: space)
    for count in (1...max(1, min(wanted, 9))).reversed() {
      // All nodes behind one another, and all beside one another.
      for isChain in [true, false] {
        let steps = (0..<count).map {
          HighwayStep(activations.first ?? "identity", isChain ? $0 : 0)
        }
        if space.reason(against: try Cell(highway: steps)) == nil { return count }
      }
    }
    throw Failure(.state, "the search space has no room for a cell of highway steps; widen it")
  }

  /// A predecessor and an activation for each node, all equally likely.
  static func random(
    _ nodes: Int, _ activations: [String], _ choices: inout Choices
  ) -> [HighwayStep] {
    (0..<max(1, nodes)).map { node in
      HighwayStep(choices.pick(activations) ?? "identity", choices.below(node + 1))
    }
  }

  /// An arc in words: activation and predecessor of each node.
  static func text(_ arc: [HighwayStep]) -> String {
    arc.map { "\($0.activation):\($0.predecessor)" }.joined(separator: " ")
  }

  /// What `text` wrote; nil for anything else.
  static func arc(_ text: some StringProtocol) -> [HighwayStep]? {
    var steps: [HighwayStep] = []
    for word in String(text).split(separator: " ") {
      let fields = word.split(separator: ":").map { String($0) }
      guard fields.count == 2, let predecessor = Int(fields[1]),
        HighwayStep.activations.contains(fields[0]), (0...steps.count).contains(predecessor)
      else { return nil }
      steps.append(HighwayStep(fields[0], predecessor))
    }
    return steps.isEmpty || steps.count > HighwayStep.limit ? nil : steps
  }
}

extension History {
  /// Whether a study would train a derived cell: one like no earlier one, within the space, and able to
  /// learn.
  ///
  /// What a stage derives does not change when the study asks again, so it must be known before.
  func wouldTrain(_ derived: DerivedCells.Derived) -> Bool {
    let cell = derived.cell
    guard derived.isSound, settings.space.reason(against: cell) == nil else { return false }
    let digest = cell.canonical.text
    let fingerprint = cell.fingerprint
    return !proposals.contains {
      !$0.work.isStage && ($0.digest == digest || $0.cell.fingerprint == fingerprint)
    }
  }

  /// The last stage that was proposed, if any, and whether its result is known.
  ///
  /// - Throws: `.state` where so many failed one after another that more would fail too.
  func lastStage() throws(Failure) -> (proposal: Proposal, isFailed: Bool, isKnown: Bool)? {
    let recent = proposals.filter { $0.work.isStage }.suffix(Self.failuresAllowed)
    guard let last = recent.last else { return nil }
    if recent.count == Self.failuresAllowed, recent.allSatisfy({ failed.contains($0.id) }) {
      throw Failure(.state, "the last \(recent.count) networks to search with could not be trained")
    }
    if failed.contains(last.id) { return (last, true, true) }
    if let told = scored.last(where: { $0.id == last.id }) { return (told, false, true) }
    return (last, false, false)
  }

  private static let failuresAllowed = 8

  /// Stages whose cells may not have been proposed yet.
  var recentStages: some Sequence<Proposal> { stages.suffix(4) }
}

/// Cells of arcs and whether they can learn, each worked out once.
final class DerivedCells: Sendable {
  struct Derived: Sendable {
    var cell: Cell
    /// Whether screening lets it pass.
    var isSound: Bool
  }
  private let known = Mutex<[String: Derived]>([:])

  func cell(of arc: [HighwayStep]) throws(Failure) -> Derived {
    let key = Arcs.text(arc)
    if let found = known.withLock({ $0[key] }) { return found }
    let cell = try Cell(highway: arc)
    let made = Derived(cell: cell, isSound: Screening.reason(against: cell) == nil)
    known.withLock { $0[key] = made }
    return made
  }
}
