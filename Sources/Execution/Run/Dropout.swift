import Kernels

/// What is dropped in one run forward and backward; kept values are divided by their probability.
///
/// Between layers as Zaremba and others 2014 (arXiv:1409.2329, section 3.2); variational and recurrent as
/// Gal and Ghahramani 2016 (arXiv:1512.05287); of weights as Merity and others 2018 (arXiv:1708.02182,
/// section 2).
package struct Dropout: Hashable, Sendable {
  /// Probabilities of being dropped, 0 ..< 1: of the first layer's input, of what goes from layer to
  /// layer, and of the last layer's output.
  package var input = 0.0
  package var hidden = 0.0
  package var output = 0.0
  /// Of the states that a layer's matrices read, with one mask for all time steps; only in runs that were
  /// made for it.
  package var recurrent = 0.0
  /// Of each weight of the matrices that read a state, with one mask for all steps and sequences.
  package var weight = 0.0
  /// Whether a sequence has one mask for all time steps, also between layers.
  package var isVariational = false
  /// A new one for each update gives new masks.
  package var seed: UInt64

  /// Everything between layers with one rate.
  package init(rate: Double, isVariational: Bool = false, seed: UInt64) {
    (input, hidden, output) = (rate, rate, rate)
    self.isVariational = isVariational
    self.seed = seed
  }

  /// Of the input of a layer or, for the number of layers, of the last output.
  func rate(boundary: Int, layers: Int) -> Double {
    boundary == 0 ? input : boundary == layers ? output : hidden
  }

  /// Draws the masks of some rows [rows][columns]: a function of the seed, the layer, the sequence, the
  /// step and the column alone.
  func draw(
    _ mask: StripView, boundary: Int, rate: Double, _ rows: Rows, _ range: Range<Int>,
    _ kernels: KernelTable
  ) {
    draw(
      MaskDrawing(
        mask, rate: rate, seed: seed, purpose: 0x6472_6F70_0000 &+ UInt64(boundary), kernels),
      rows, range)
  }

  /// Draws masks of zoneout, which are 1 where a state is kept.
  func drawKept(
    _ mask: StripView, rate: Double, stream: Int, _ rows: Rows, _ range: Range<Int>,
    _ kernels: KernelTable
  ) {
    var drawing = MaskDrawing(
      mask, rate: rate, seed: seed, purpose: 0x7A6F_6E65_0000 &+ UInt64(stream), kernels)
    (drawing.below, drawing.above) = (1, 0)
    draw(drawing, rows, range)
  }

  private func draw(_ drawing: MaskDrawing, _ rows: Rows, _ range: Range<Int>) {
    let groups = (rows.batch &+ 3) / 4
    var row = range.lowerBound
    var place = (step: 0, position: 0, end: row)
    while row < range.upperBound {
      if row == place.end { place = rows.place(of: row) }
      let end = min(range.upperBound, place.end)
      let (step, position) = (place.step, place.position)
      let sequence = rows.sequence[position]
      // Sequences of a group of four one after another, as many as are there and in their order.
      var count = 1
      while sequence & 3 &+ count < 4, row &+ count < end,
        rows.sequence[position &+ count] == sequence &+ count
      {
        count &+= 1
      }
      let group = (isVariational ? 0 : step &* groups) &+ sequence / 4
      drawing.draw(row, group: group, member: sequence & 3, count: count)
      row &+= count
      place.position &+= count
    }
  }

  /// Draws the masks of the recurrent states of all sequences, rows by position.
  func drawRecurrent(_ mask: StripView, layer: Int, _ rows: Rows, _ kernels: KernelTable) {
    let drawing = MaskDrawing(
      mask, rate: recurrent, seed: seed, purpose: 0x7265_6375_0000 &+ UInt64(layer), kernels)
    for position in 0..<rows.batch {
      let sequence = rows.sequence[position]
      drawing.draw(position, group: sequence / 4, member: sequence & 3, count: 1)
    }
  }
}

/// Draws rows of a mask, four at a time: Philox gives four words at once, for sixteen columns each.
///
/// Row by row, with a block for four columns, dropout took up to 5 % of an update of a word model with two
/// layers of 200.
private struct MaskDrawing {
  let mask: StripView
  private let threshold: Float
  /// The mask where a number is below the threshold, and where it is not.
  var below: Float = 0
  var above: Float
  private let seed: UInt64
  private let purpose: UInt64
  private let kernels: KernelTable

  init(_ mask: StripView, rate: Double, seed: UInt64, purpose: UInt64, _ kernels: KernelTable) {
    self.mask = mask
    threshold = Float(rate)
    above = Float(1 / (1 - rate))
    self.seed = seed
    self.purpose = purpose
    self.kernels = kernels
  }

  /// Draws the rows of some members of a group, from `member` on.
  func draw(_ row: Int, group: Int, member: Int, count: Int) {
    guard count < 4 else {
      for strip in 0..<mask.columns.strips {
        draw(mask.base + strip &* mask.stripStride + row &* 16, group, strip)
      }
      return
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: 64) { memory in
      guard let four = memory.baseAddress else { return }
      for strip in 0..<mask.columns.strips {
        draw(four, group, strip)
        (mask.base + strip &* mask.stripStride + row &* 16).update(
          from: four + member &* 16, count: 16 &* count)
      }
    }
  }

  /// One strip of four rows, [4][16].
  private func draw(_ at: UnsafeMutablePointer<Float>, _ group: Int, _ strip: Int) {
    var fill = UniformFill(
      destination: at, rows: 16, columns: 4, seed: seed, purpose: purpose,
      first: UInt64(truncatingIfNeeded: (group &* mask.columns.strips &+ strip) &* 64), low: 0,
      span: 1, isSigned: false)
    kernels.fillUniform(&fill)
    for index in 0..<64 { at[index] = at[index] < threshold ? below : above }
  }
}

/// Memory of one width with a row for every sequence and step.
package final class StripMemory: @unchecked Sendable {
  private let buffer: Buffer<Float>
  package let view: StripView

  package init(rows: Int, columns: Int) throws(Failure) {
    let stride = stripStride(rows: rows)
    let (floats, overflow) = columns.strips.multipliedReportingOverflow(by: stride)
    buffer = try Buffer(count: overflow ? .max : floats)
    view = StripView(base: buffer.base, stripStride: stride, columns: columns)
  }
}

/// The masks of one boundary between layers, and what they leave of the values.
final class DropoutMemory: @unchecked Sendable {
  let mask: StripMemory
  let values: StripMemory

  init(rows: Int, columns: Int) throws(Failure) {
    mask = try StripMemory(rows: rows, columns: columns)
    values = try StripMemory(rows: rows, columns: columns)
  }

  /// d = a * mask for some rows.
  func apply(_ a: StripView, to d: StripView, _ range: Range<Int>, _ kernels: KernelTable) {
    guard !range.isEmpty else { return }
    func operand(_ view: StripView) -> Operand {
      Operand(
        base: view.base + range.lowerBound &* 16, stripStride: view.stripStride, rowStride: 16)
    }
    var call = ElementwiseCall(
      d: operand(d), a: operand(a), b: operand(mask.view), c: operand(a), k: 0,
      strips: mask.view.columns.strips, rows: range.count)
    kernels.elementwise[Int(Primitive.multiply.rawValue)](&call)
  }
}
