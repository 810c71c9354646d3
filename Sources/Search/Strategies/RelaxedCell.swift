import Cells
import Kernels

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
  package func discretized(_ share: (Edge) -> Double) -> Arc {
    Arc(
      (1...max(1, nodeCount)).map { node in
        var best: (edge: Edge, share: Double)?
        for edge in edges where edge.node == node {
          let share = share(edge)
          if share > best?.share ?? -.infinity { best = (edge, share) }
        }
        return HighwayStep(best?.edge.activation ?? "tanh", best?.edge.source ?? 0)
      })
  }
}
