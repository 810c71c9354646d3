import Kernels

/// What joins a layer's directions and, in a residual network, its input and output, where they must be
/// copied.
final class Junction: @unchecked Sendable {
  /// The layer's output, joined [rows, directions x H].
  let output: StripMemory
  /// Of the direction from the last step to the first: its input, the gradient of that, and the gradient of
  /// its output [rows]; nil where there is one direction.
  let reverse: Reverse?
  private let isResidual: Bool
  private let hiddenSize: Int

  struct Reverse {
    let input: StripMemory
    let inputGradient: StripMemory
    let outputGradient: StripMemory
    /// Of the direction from the first step on.
    let forwardOutputGradient: StripMemory
  }

  init(
    _ network: Network, layer: Int, capacity: Int, keepsTape: Bool
  ) throws(Failure) {
    let (input, hidden) = (network.inputSize(layer: layer), network.hiddenSizes[layer])
    let size = network.inputSize(layer: layer + 1)
    hiddenSize = hidden
    isResidual = network.isResidual(layer: layer)
    output = try StripMemory(rows: capacity, columns: size)
    if network.wiring.isBidirectional {
      let rows = keepsTape ? capacity : 0
      reverse = Reverse(
        input: try StripMemory(rows: capacity, columns: input),
        inputGradient: try StripMemory(rows: rows, columns: input),
        outputGradient: try StripMemory(rows: rows, columns: hidden),
        forwardOutputGradient: try StripMemory(rows: rows, columns: hidden))
    } else {
      reverse = nil
    }
  }

  /// Copies the input, last time step first.
  func reverseInput(_ input: StripView, _ rows: Rows, _ steps: Range<Int>) {
    guard let reverse else { return }
    eachRow(rows, steps) { row, mirrored in
      for strip in 0..<input.columns.strips {
        copy(input, row, strip, to: reverse.input.view, mirrored, strip)
      }
    }
  }

  /// Joins what the directions and the input give.
  func join(
    _ forward: StripView, _ backward: StripView?, input: StripView, _ rows: Rows,
    _ steps: Range<Int>
  ) {
    let target = output.view
    eachRow(rows, steps) { row, mirrored in
      for strip in 0..<forward.columns.strips {
        copy(forward, row, strip, to: target, row, strip)
      }
      if let backward { put(backward, mirrored, to: target, row, at: hiddenSize) }
      if isResidual { add(input, row, to: target, row) }
    }
  }

  /// Takes the gradient of the joined output apart.
  func split(_ gradient: StripView, _ rows: Rows, _ steps: Range<Int>) {
    guard let reverse else { return }
    eachRow(rows, steps) { row, mirrored in
      let half = reverse.forwardOutputGradient.view
      for strip in 0..<half.columns.strips { copy(gradient, row, strip, to: half, row, strip) }
      take(gradient, row, at: hiddenSize, to: reverse.outputGradient.view, mirrored)
    }
  }

  /// Copies the gradient of the output, which zoneout is about to change, over the output, whose values
  /// nothing reads any more.
  func keepOutputGradient(_ gradient: StripView, _ rows: Rows, _ steps: Range<Int>) {
    eachRow(rows, steps) { row, _ in
      for strip in 0..<gradient.columns.strips {
        copy(gradient, row, strip, to: output.view, row, strip)
      }
    }
  }

  /// Adds what reaches the layer's input by other ways than the forward direction.
  func addInputGradient(
    to gradient: StripView, of output: StripView, _ rows: Rows, _ steps: Range<Int>
  ) {
    eachRow(rows, steps) { row, mirrored in
      if let reverse { add(reverse.inputGradient.view, mirrored, to: gradient, row) }
      if isResidual { add(output, row, to: gradient, row) }
    }
  }

  /// Calls with the row of each step of each sequence, and that of the step as far from the end.
  private func eachRow(
    _ rows: Rows, _ steps: Range<Int>, _ body: (_ row: Int, _ mirrored: Int) -> Void
  ) {
    for step in steps {
      for position in 0..<rows.active[step] {
        let mirror = rows.lengths[position] &- 1 &- step
        body(rows.offset[step] &+ position, rows.offset[mirror] &+ position)
      }
    }
  }

  private func place(_ view: StripView, _ row: Int, _ strip: Int) -> UnsafeMutablePointer<Float> {
    view.base + strip &* view.stripStride + row &* 16
  }

  private func copy(
    _ a: StripView, _ row: Int, _ strip: Int, to d: StripView, _ other: Int, _ target: Int
  ) {
    place(d, other, target).update(from: place(a, row, strip), count: 16)
  }

  private func add(_ a: StripView, _ row: Int, to d: StripView, _ other: Int) {
    for strip in 0..<a.columns.strips {
      let (from, to) = (place(a, row, strip), place(d, other, strip))
      for lane in 0..<16 { to[lane] += from[lane] }
    }
  }

  /// Puts a row behind `offset` columns of another.
  private func put(_ a: StripView, _ row: Int, to d: StripView, _ other: Int, at offset: Int) {
    eachPiece(a.columns, offset) { column, behind, count in
      (place(d, other, behind / 16) + behind % 16).update(
        from: place(a, row, column / 16) + column % 16, count: count)
    }
  }

  /// The opposite.
  private func take(_ a: StripView, _ row: Int, at offset: Int, to d: StripView, _ other: Int) {
    eachPiece(d.columns, offset) { column, behind, count in
      (place(d, other, column / 16) + column % 16).update(
        from: place(a, row, behind / 16) + behind % 16, count: count)
    }
  }

  /// Calls with columns that lie in one strip on both sides.
  private func eachPiece(
    _ columns: Int, _ offset: Int, _ body: (_ column: Int, _ behind: Int, _ count: Int) -> Void
  ) {
    var column = 0
    while column < columns {
      let behind = offset &+ column
      let count = min(columns &- column, 16 &- column % 16, 16 &- behind % 16)
      body(column, behind, count)
      column &+= count
    }
  }
}
