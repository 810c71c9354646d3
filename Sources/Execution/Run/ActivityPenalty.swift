import Kernels

/// Penalties on the outputs of the last layer (Merity and others 2017, arXiv:1708.01009, equations 3 and 4, with
/// the mean of squares in place of the norm, as their program has it).
package struct ActivityPenalty: Hashable, Sendable {
  /// Of the mean square of the outputs, after dropout.
  package var activation: Double
  /// Of the mean square of the differences from one time step to the next, before dropout.
  package var temporal: Double

  package init(activation: Double, temporal: Double) {
    self.activation = activation
    self.temporal = temporal
  }

  /// Adds 2 a / n h to the gradient of n outputs h.
  func addActivation(
    _ rows: Rows, _ output: StripView, to gradient: StripView, _ kernels: KernelTable, _ team: Team
  ) {
    let k = Float(2 * activation / Double(rows.total * output.columns))
    team.forEach(output.columns.strips) { strip, _ in
      accumulate(output, 0, k, to: gradient, 0, strip, rows.total, kernels)
    }
  }

  /// Adds 2 a / n of the difference to the one before and takes off that to the next one.
  func addTemporal(
    _ rows: Rows, _ output: StripView, to gradient: StripView, _ kernels: KernelTable, _ team: Team
  ) {
    let count = rows.total - rows.active[0]
    guard count > 0 else { return }
    let k = Float(2 * temporal / Double(count * output.columns))
    team.forEach(output.columns.strips) { strip, _ in
      for block in rows.blocks.positions.indices {
        for step in 1..<rows.steps {
          let positions = rows.activePositions(block, step)
          guard let first = positions.first else { break }
          let (before, now) = (rows.row(step - 1, first), rows.row(step, first))
          accumulate(output, now, k, to: gradient, now, strip, positions.count, kernels)
          accumulate(output, before, -k, to: gradient, now, strip, positions.count, kernels)
          accumulate(output, before, k, to: gradient, before, strip, positions.count, kernels)
          accumulate(output, now, -k, to: gradient, before, strip, positions.count, kernels)
        }
      }
    }
  }

  /// d += k a for some rows of a strip.
  private func accumulate(
    _ a: StripView, _ row: Int, _ k: Float, to d: StripView, _ other: Int, _ strip: Int,
    _ rows: Int,
    _ kernels: KernelTable
  ) {
    func operand(_ view: StripView, _ row: Int) -> Operand {
      Operand(
        base: view.base + strip &* view.stripStride + row &* 16, stripStride: 0, rowStride: 16)
    }
    var call = ElementwiseCall(
      d: operand(d, other), a: operand(a, row), b: operand(a, row), c: operand(a, row), k: k,
      strips: 1, rows: rows)
    kernels.elementwise[Int(Primitive.accumulateScaled.rawValue)](&call)
  }
}
