import Kernels

/// Zoneout of a layer in training: behind each step, elements of the states take back their last value.
///
/// The masks are drawn before the time loop. Backward, what flows into a kept element goes around the step.
final class ZoneoutRun: @unchecked Sendable {
  /// 1 where the last value is kept, else 0, for each state in the loop [rows].
  private let masks: [StripMemory?]
  /// Differences forward, and gradients that go around a step, backward [blocks][strips][height][16].
  private let around: [Buffer<Float>?]

  init(_ plan: Plan, _ blocks: RowBlocks, capacity: Int) throws(Failure) {
    masks = try plan.states.map { state throws(Failure) in
      state.isHoisted ? nil : try StripMemory(rows: capacity, columns: state.columns)
    }
    around = try plan.states.map { state throws(Failure) in
      state.isHoisted
        ? nil
        : try Buffer(
          count: blocks.positions.count * state.columns.strips * blocks.height * 16)
    }
  }

  /// Draws the masks of some rows.
  func draw(
    _ dropout: Dropout, rate: Double, layer: Int, _ rows: Rows, _ range: Range<Int>,
    _ kernels: KernelTable
  ) {
    for (state, mask) in masks.enumerated() {
      guard let mask else { continue }
      dropout.drawKept(mask.view, rate: rate, stream: layer &* 64 &+ state, rows, range, kernels)
    }
  }

  /// next += mask * (previous - next) for the rows of a step.
  func forward(_ layer: LayerRun, _ span: RowSpan, _ kernels: KernelTable) {
    for (state, mask) in masks.enumerated() {
      guard let mask, let around = around[state] else { continue }
      let view = layer.stateView(state)
      let next = at(view, span.nextState)
      let difference = at(around, view, layer, span)
      call(kernels, .subtract, difference, at(view, span.previousState), next, view, span)
      call(kernels, .multiplyAdd, next, difference, at(mask.view, span.row), view, span, c: next)
    }
  }

  /// Before a step backward: takes the part of the next states' gradients that goes around it.
  func beforeBackward(_ layer: LayerRun, _ span: RowSpan, _ kernels: KernelTable) {
    for (state, mask) in masks.enumerated() {
      guard let mask, let around = around[state] else { continue }
      let view = layer.stateView(state)
      let carry = at(layer.carryView(state, parity: span.parity, position: span.position), 0)
      if state == 0 {
        let slope = at(layer.outputGradient, span.row)
        call(kernels, .accumulate, carry, slope, slope, view, span)
        call(kernels, .fill, slope, slope, slope, view, span)
      }
      let kept = at(around, view, layer, span)
      call(kernels, .multiply, kept, carry, at(mask.view, span.row), view, span)
      call(kernels, .subtractFrom, carry, kept, kept, view, span)
    }
  }

  /// After it: adds what went around to the gradients of the previous states.
  func afterBackward(_ layer: LayerRun, _ span: RowSpan, _ kernels: KernelTable) {
    for (state, around) in around.enumerated() {
      guard let around else { continue }
      let view = layer.stateView(state)
      let carry = at(layer.carryView(state, parity: 1 &- span.parity, position: span.position), 0)
      let kept = at(around, view, layer, span)
      call(kernels, .accumulate, carry, kept, kept, view, span)
    }
  }

  /// What goes around a step for the rows of a span.
  private func at(
    _ around: Buffer<Float>, _ view: StripView, _ layer: LayerRun, _ span: RowSpan
  ) -> Operand {
    Operand(
      base: around.base + layer.offset(span.position, view.columns.strips),
      stripStride: layer.blocks.height &* 16, rowStride: 16)
  }

  private func at(_ view: StripView, _ row: Int) -> Operand {
    Operand(base: view.base + row &* 16, stripStride: view.stripStride, rowStride: 16)
  }

  private func call(
    _ kernels: KernelTable, _ primitive: Primitive, _ d: Operand, _ a: Operand, _ b: Operand,
    _ view: StripView, _ span: RowSpan, c: Operand? = nil
  ) {
    var call = ElementwiseCall(
      d: d, a: a, b: b, c: c ?? b, k: 0, strips: view.columns.strips, rows: span.count)
    kernels.elementwise[Int(primitive.rawValue)](&call)
  }
}
