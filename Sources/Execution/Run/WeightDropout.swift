import Cells
import Kernels

/// What dropout leaves of the matrices that read a state.
///
/// Wan et al. 2013, "Regularization of neural networks using DropConnect"; of recurrent matrices as Merity
/// et al. 2018, arXiv:1708.02182, section 2.
final class WeightDropout: @unchecked Sendable {
  /// All weights, the chosen matrices masked.
  let values: ParameterBuffer
  private let masks: ParameterBuffer
  private let matrices: [ParameterEntry]
  /// The network's other arrays, which are copied.
  private let others: [ParameterEntry]

  init(_ network: Network, _ layout: ParameterLayout) throws(Failure) {
    values = try ParameterBuffer(layout)
    // Never a version of the weights themselves.
    values.version = 1 << 62
    masks = try ParameterBuffer(layout)
    var (matrices, others): ([ParameterEntry], [ParameterEntry]) = ([], [])
    for (part, entries) in zip(network.parts, network.parameters) {
      let isRecurrent = part.cell.graph.recurrentMatrices
      for (index, entry) in entries.enumerated() {
        if isRecurrent.contains(index) { matrices.append(entry) } else { others.append(entry) }
      }
    }
    self.matrices = matrices
    self.others = others
  }

  /// Draws new masks and applies them.
  func draw(
    _ weights: ParameterBuffer, rate: Double, seed: UInt64, _ kernels: KernelTable, _ team: Team
  ) {
    for entry in others { copy(entry, from: weights) }
    let (threshold, kept) = (Float(rate), Float(1 / (1 - rate)))
    for (index, entry) in matrices.enumerated() {
      eachStrip(entry, team) { strip, offset, count in
        let mask = self.masks.values.base + offset
        var fill = UniformFill(
          destination: mask, rows: 16, columns: entry.columns, seed: seed,
          purpose: 0x7765_6967_0000 &+ UInt64(index), first: UInt64(strip &* count), low: 0,
          span: 1, isSigned: false)
        kernels.fillUniform(&fill)
        let (source, target) = (weights.values.base + offset, self.values.values.base + offset)
        for place in 0..<count {
          mask[place] = mask[place] < threshold ? 0 : kept
          target[place] = source[place] * mask[place]
        }
      }
    }
    values.version &+= 1
  }

  /// Turns the gradients of what is left into those of the weights.
  func mask(_ gradients: ParameterBuffer, _ team: Team) {
    for entry in matrices {
      eachStrip(entry, team) { _, offset, count in
        let (target, mask) = (gradients.values.base + offset, self.masks.values.base + offset)
        for place in 0..<count { target[place] *= mask[place] }
      }
    }
  }

  private func copy(_ entry: ParameterEntry, from weights: ParameterBuffer) {
    (values.values.base + entry.offset).update(
      from: weights.values.base + entry.offset, count: entry.floatCount)
  }

  private func eachStrip(
    _ entry: ParameterEntry, _ team: Team,
    _ body: (_ strip: Int, _ offset: Int, _ count: Int) -> Void
  ) {
    let count = entry.columns &* 16
    team.forEach(entry.rows.strips) { strip, _ in
      body(strip, entry.offset &+ strip &* count, count)
    }
  }
}

extension Graph {
  /// The matrices that are applied to something that depends on a state.
  var recurrentMatrices: Set<Int> {
    let depends = isInLoop
    var found: Set<Int> = []
    for node in nodes {
      guard case .affine(let products, _) = node.kind else { continue }
      for (product, operand) in zip(products, node.operands) where depends[operand] {
        found.insert(product.parameter)
      }
    }
    return found
  }
}
