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
    eachRun(rows, steps) { row, mirrored, count in
      copy(input, row, to: reverse.input.view, mirrored, count)
    }
  }

  /// Joins what the directions and the input give.
  func join(
    _ forward: StripView, _ backward: StripView?, input: StripView, _ rows: Rows,
    _ steps: Range<Int>
  ) {
    let target = output.view
    eachRun(rows, steps) { row, mirrored, count in
      copy(forward, row, to: target, row, count)
      if let backward { put(backward, mirrored, to: target, row, count, at: hiddenSize) }
      if isResidual { add(input, row, to: target, row, count) }
    }
  }

  /// Takes the gradient of the joined output apart.
  func split(_ gradient: StripView, _ rows: Rows, _ steps: Range<Int>) {
    guard let reverse else { return }
    eachRun(rows, steps) { row, mirrored, count in
      copy(gradient, row, to: reverse.forwardOutputGradient.view, row, count)
      take(gradient, row, count, at: hiddenSize, to: reverse.outputGradient.view, mirrored)
    }
  }

  /// Copies the gradient of the output, which zoneout is about to change, over the output, whose values
  /// nothing reads any more.
  func keepOutputGradient(_ gradient: StripView, _ rows: Rows, _ steps: Range<Int>) {
    eachRun(rows, steps) { row, _, count in copy(gradient, row, to: output.view, row, count) }
  }

  /// Adds what reaches the layer's input by other ways than the forward direction.
  func addInputGradient(
    to gradient: StripView, of output: StripView, _ rows: Rows, _ steps: Range<Int>
  ) {
    eachRun(rows, steps) { row, mirrored, count in
      if let reverse { add(reverse.inputGradient.view, mirrored, to: gradient, row, count) }
      if isResidual { add(output, row, to: gradient, row, count) }
    }
  }

  /// Calls with rows of each step that lie one behind the other, and with the first row as far from the end
  /// of these sequences, which are equally long.
  private func eachRun(
    _ rows: Rows, _ steps: Range<Int>, _ body: (_ row: Int, _ mirrored: Int, _ count: Int) -> Void
  ) {
    for step in steps {
      var position = 0
      while position < rows.active[step] {
        let length = rows.lengths[position]
        let most = rows.activePositions(rows.blocks.block[position], step).upperBound
        var end = position &+ 1
        while end < most, rows.lengths[end] == length { end &+= 1 }
        let mirror = length &- 1 &- step
        body(rows.row(step, position), rows.row(mirror, position), end &- position)
        position = end
      }
    }
  }

  private func place(_ view: StripView, _ row: Int, _ strip: Int) -> UnsafeMutablePointer<Float> {
    view.base + strip &* view.stripStride + row &* 16
  }

  /// Copies the strips that the narrower of two has.
  private func copy(
    _ a: StripView, _ row: Int, to d: StripView, _ other: Int, _ count: Int
  ) {
    for strip in 0..<min(a.columns.strips, d.columns.strips) {
      place(d, other, strip).update(from: place(a, row, strip), count: 16 &* count)
    }
  }

  private func add(_ a: StripView, _ row: Int, to d: StripView, _ other: Int, _ count: Int) {
    for strip in 0..<a.columns.strips {
      let (from, to) = (place(a, row, strip), place(d, other, strip))
      for index in 0..<16 &* count { to[index] += from[index] }
    }
  }

  /// Puts rows behind `offset` columns of others.
  private func put(
    _ a: StripView, _ row: Int, to d: StripView, _ other: Int, _ count: Int, at offset: Int
  ) {
    eachPiece(a.columns, offset) { column, behind, width in
      move(a, row, column, to: d, other, behind, count, width)
    }
  }

  /// The opposite.
  private func take(
    _ a: StripView, _ row: Int, _ count: Int, at offset: Int, to d: StripView, _ other: Int
  ) {
    eachPiece(d.columns, offset) { column, behind, width in
      move(a, row, behind, to: d, other, column, count, width)
    }
  }

  /// Copies columns that lie in one strip on both sides.
  private func move(
    _ a: StripView, _ row: Int, _ column: Int, to d: StripView, _ other: Int, _ target: Int,
    _ count: Int, _ width: Int
  ) {
    let from = place(a, row, column / 16) + column % 16
    let to = place(d, other, target / 16) + target % 16
    for index in 0..<count {
      (to + 16 &* index).update(from: from + 16 &* index, count: width)
    }
  }

  /// Calls with columns that lie in one strip on both sides.
  private func eachPiece(
    _ columns: Int, _ offset: Int, _ body: (_ column: Int, _ behind: Int, _ width: Int) -> Void
  ) {
    var column = 0
    while column < columns {
      let behind = offset &+ column
      let width = min(columns &- column, 16 &- column % 16, 16 &- behind % 16)
      body(column, behind, width)
      column &+= width
    }
  }
}
