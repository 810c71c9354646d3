import Execution
import Glibc
import Kernels

/// What the rows of an output layer should have been.
package enum Targets {
  /// The class of each row [rows]; the loss is the negative logarithm of its softmax.
  case classes(UnsafePointer<Int32>)
  /// Numbers [rows, K]; the loss is the mean of the squared differences.
  case values(UnsafePointer<Float>)
  /// 0 or 1 for each of K labels [rows, K]; the loss is the sum of the negative logarithms of the sigmoids.
  case labels(UnsafePointer<Float>)
}

/// The linear layer on top and its loss: losses of hidden states and all gradients, some rows at a time.
///
/// The logits of all [T x B] rows together are never in memory: a block of rows goes through product,
/// softmax and both backward products before the next. Every sum has its rows ascending and one
/// accumulator, so results are the same for any number of threads and any size of the blocks.
package final class OutputLayer {
  private let weights: ParameterBuffer
  private let gradients: ParameterBuffer?
  /// The weights [V, H].
  private let matrix: ParameterEntry
  /// The bias [V].
  private let bias: ParameterEntry
  private let kernels: KernelTable

  /// The most rows of a block.
  let blockRows: Int
  /// The logits of a block [V / 16][block][16].
  private let logits: Buffer<Float>
  /// As much again where labels are learned.
  private var scratch: Buffer<Float>?
  private let losses: Buffer<Float>
  /// The transpose of the weights in pieces of `Self.piece` words, each [H / 16][words][16]: a piece
  /// stays in the second-level cache while it meets all rows of a thread.
  private let transpose: Buffer<Float>?
  private var transposeVersion: UInt64 = 0
  private let zeros: Buffer<Float>

  /// What rows are divided by among threads and blocks: a multiple of the heights of the products' tiles,
  /// as lower tiles are slower (5 rows: 70 GFLOP/s, 6 rows: 96).
  private static let tile = 12
  /// Words of a piece, a multiple of 16.
  private static let piece = 256
  /// Floats of the logits of a block, 8 MiB.
  ///
  /// For 400 rows, 200 hidden and 10,000 words blocks of 200 rows reach 81 GFLOP/s where products alone
  /// reach 93; 72 rows reach 75 and all rows 80 (SoftmaxBench).
  private static let blockFloats = 1 << 21

  /// - Parameters:
  ///   - matrix, bias: entries of the output layer; the matrix may be that of the embedding.
  ///   - gradients: nil where only losses are wanted.
  ///   - rows: the most rows of one call, T x B.
  ///   - blockRows: nil for a good size.
  package init(
    matrix: ParameterEntry, bias: ParameterEntry, weights: ParameterBuffer,
    gradients: ParameterBuffer?, rows: Int, blockRows: Int? = nil, kernels: KernelTable
  ) throws(Failure) {
    self.matrix = matrix
    self.bias = bias
    self.weights = weights
    self.gradients = gradients
    self.kernels = kernels
    let width = matrix.rows.strips * 16
    let most = blockRows ?? min(512, max(64, Self.blockFloats / width))
    // Near-equal blocks of whole tiles.
    let blocks = max(1, (rows + most - 1) / most)
    let size = (rows + blocks - 1) / blocks
    self.blockRows = max(1, min(rows, blockRows ?? (size + Self.tile - 1) / Self.tile * Self.tile))
    logits = try Buffer(count: self.blockRows * width)
    losses = try Buffer(count: rows)
    zeros = try Buffer(count: 16)
    transpose =
      gradients == nil ? nil : try Buffer(count: matrix.columns.strips * 16 * matrix.rows)
  }

  /// The sum of the losses of the rows, in nats.
  ///
  /// - Parameters:
  ///   - hidden: [rows, H]
  ///   - targets: what is right for each row.
  ///   - hiddenGradient: receives the gradient of `hidden`; nil where only the loss is wanted. The
  ///     gradients of weights and bias are then overwritten too.
  ///   - gradientScale: what the loss of a row counts.
  package func losses(
    hidden: StripView, targets: Targets, rows: Int, hiddenGradient: StripView?,
    gradientScale: Float, _ team: Team
  ) throws(Failure) -> Double {
    let wantsGradient = hiddenGradient != nil && gradients != nil
    if case .labels = targets, scratch == nil { scratch = try Buffer(count: logits.count) }
    if wantsGradient { packTranspose(team) }
    var row = 0
    while row < rows {
      let count = min(blockRows, rows &- row)
      computeLogits(hidden, row, count, team)
      normalize(targets, row, count, wantsGradient ? gradientScale : nil, hiddenGradient, team)
      if wantsGradient { differentiate(hidden, row, count, team) }
      row &+= count
    }
    return losses.all.prefix(rows).reduce(0) { $0 + Double($1) }
  }

  /// Logits of a block, divided by words: the weights are read once.
  private func computeLogits(_ hidden: StripView, _ row: Int, _ rows: Int, _ team: Team) {
    let a = UnsafePointer(hidden.base + row &* 16)
    let columns = matrix.columns
    let weights = UnsafePointer(weights.values.base + matrix.offset)
    let initial = UnsafePointer(self.weights.values.base + bias.offset)
    let (logits, kernels, strips) = (logits.base, kernels, matrix.rows.strips)
    team.run { index in
      let share = team.share(of: strips, index)
      var segment = Segment(
        a: a, aStripStride: hidden.stripStride,
        b: weights + share.lowerBound &* columns &* 16, bStripStride: columns &* 16, k: columns)
      withUnsafePointer(to: &segment) { segment in
        var product = Product(
          segments: segment, segmentCount: 1, c: logits + share.lowerBound &* rows &* 16,
          cStripStride: rows &* 16, initial: initial + share.lowerBound &* 16,
          initialStripStride: 16, initialRowStride: 0, rows: rows, strips: share.count)
        kernels.product(&product)
      }
    }
  }

  /// Losses of a block, divided by rows; the logits become gradients, and those become the gradient of
  /// the hidden states, where `scale` is given.
  private func normalize(
    _ targets: Targets, _ row: Int, _ rows: Int, _ scale: Float?,
    _ hiddenGradient: StripView?, _ team: Team
  ) {
    let (logits, losses) = (logits.base, losses.base)
    team.run { index in
      let tiles = team.share(of: (rows + Self.tile - 1) / Self.tile, index)
      let share = tiles.lowerBound * Self.tile..<min(rows, tiles.upperBound * Self.tile)
      guard !share.isEmpty else { return }
      self.lose(
        targets,
        StripView(
          base: logits + share.lowerBound &* 16, stripStride: rows &* 16,
          columns: self.matrix.rows),
        first: row &+ share.lowerBound, rows: share.count, scale,
        losses: losses + (row &+ share.lowerBound))
      if scale != nil, let hiddenGradient {
        self.propagate(
          logits + share.lowerBound &* 16, rows: rows, count: share.count,
          hiddenGradient.base + (row &+ share.lowerBound) &* 16, hiddenGradient.stripStride)
      }
    }
  }

  /// The losses of some rows from `first` on, whose outputs become gradients where `scale` is given.
  private func lose(
    _ targets: Targets, _ outputs: StripView, first: Int, rows: Int, _ scale: Float?,
    losses: UnsafeMutablePointer<Float>
  ) {
    losses.update(repeating: 0, count: rows)
    switch targets {
    case .classes(let classes):
      var call = SoftmaxCrossEntropy(
        logits: outputs.base, stripStride: outputs.stripStride, rows: rows,
        columns: outputs.columns, targets: classes + first, losses: losses,
        gradientScale: scale ?? 1, wantsGradient: scale != nil)
      kernels.softmaxCrossEntropy(&call)
    case .values(let values):
      let share = 1 / Float(outputs.columns)
      eachRow(outputs, values, first, rows) { row, at, wanted, lanes in
        var sum: Float = 0
        for lane in 0..<lanes {
          let difference = at[lane] - wanted[lane]
          sum += difference * difference
          if let scale { at[lane] = difference * (2 * share * scale) }
        }
        losses[row] += sum * share
      }
    case .labels(let labels): loseLabels(labels, outputs, first: first, rows: rows, scale, losses)
    }
  }

  /// relu(z) - z y + log(1 + exp(-|z|)), which is exact for outputs of any size.
  private func loseLabels(
    _ labels: UnsafePointer<Float>, _ outputs: StripView, first: Int, rows: Int, _ scale: Float?,
    _ losses: UnsafeMutablePointer<Float>
  ) {
    guard let scratch else { return }
    let other = StripView(
      base: scratch.base + (outputs.base - logits.base), stripStride: outputs.stripStride,
      columns: outputs.columns)
    apply(.abs, outputs, to: other, rows: rows)
    apply(.scale, other, to: other, k: -1, rows: rows)
    apply(.exp, other, to: other, rows: rows)
    apply(.offset, other, to: other, k: 1, rows: rows)
    apply(.log, other, to: other, rows: rows)
    eachRow(outputs, labels, first, rows) { row, at, wanted, lanes in
      let logarithms = other.base + (at - outputs.base)
      var sum: Float = 0
      for lane in 0..<lanes {
        let output = at[lane]
        sum += max(output, 0) - output * wanted[lane] + logarithms[lane]
      }
      losses[row] += sum
    }
    guard let scale else { return }
    apply(.sigmoid, outputs, to: outputs, rows: rows)
    eachRow(outputs, labels, first, rows) { _, at, wanted, lanes in
      for lane in 0..<lanes { at[lane] = (at[lane] - wanted[lane]) * scale }
    }
  }

  private func apply(
    _ primitive: Primitive, _ a: StripView, to d: StripView, k: Float = 0, rows: Int
  ) {
    func operand(_ view: StripView) -> Operand {
      Operand(base: view.base, stripStride: view.stripStride, rowStride: 16)
    }
    var call = ElementwiseCall(
      d: operand(d), a: operand(a), b: operand(a), c: operand(a), k: k, strips: a.columns.strips,
      rows: rows)
    kernels.elementwise[Int(primitive.rawValue)](&call)
  }

  /// Calls with each row's floats of a strip and the row-major targets that belong to them.
  private func eachRow(
    _ outputs: StripView, _ targets: UnsafePointer<Float>, _ first: Int, _ rows: Int,
    _ body: (
      _ row: Int, _ at: UnsafeMutablePointer<Float>, _ wanted: UnsafePointer<Float>, _ lanes: Int
    ) -> Void
  ) {
    for strip in 0..<outputs.columns.strips {
      let lanes = min(16, outputs.columns &- strip &* 16)
      for row in 0..<rows {
        body(
          row, outputs.base + strip &* outputs.stripStride + row &* 16,
          targets + (first &+ row) &* outputs.columns + strip &* 16, lanes)
      }
    }
  }

  /// The outputs of some rows, row-major [rows, K]: the softmax for classes, the sigmoid for labels.
  package func outputs(
    hidden: StripView, rows: Int, _ kind: TargetKind, to result: UnsafeMutablePointer<Float>,
    _ team: Team
  ) {
    let columns = matrix.rows
    var row = 0
    while row < rows {
      let count = min(blockRows, rows &- row)
      computeLogits(hidden, row, count, team)
      let view = StripView(base: logits.base, stripStride: count &* 16, columns: columns)
      if kind == .labels { apply(.sigmoid, view, to: view, rows: count) }
      for index in 0..<count {
        let at = result + (row &+ index) &* columns
        view.getRow(index, at)
        if kind == .classes { softmax(at, columns) }
      }
      row &+= count
    }
  }

  private func softmax(_ at: UnsafeMutablePointer<Float>, _ columns: Int) {
    var largest = -Float.infinity
    for column in 0..<columns { largest = max(largest, at[column]) }
    var sum: Float = 0
    for column in 0..<columns {
      at[column] = exp(at[column] - largest)
      sum += at[column]
    }
    for column in 0..<columns { at[column] /= sum }
  }

  /// The gradient of some rows of hidden states: that of the logits times the weights, word after word.
  private func propagate(
    _ slopes: UnsafeMutablePointer<Float>, rows: Int, count: Int,
    _ result: UnsafeMutablePointer<Float>, _ resultStride: Int
  ) {
    guard let transpose else { return }
    let strips = matrix.columns.strips
    var word = 0
    while word < matrix.rows {
      let words = min(Self.piece, matrix.rows &- word)
      var segment = Segment(
        a: UnsafePointer(slopes + word &* rows), aStripStride: rows &* 16,
        b: UnsafePointer(transpose.base + word &* strips &* 16), bStripStride: words &* 16,
        k: words)
      withUnsafePointer(to: &segment) { segment in
        var product = Product(
          segments: segment, segmentCount: 1, c: result, cStripStride: resultStride,
          initial: word == 0 ? UnsafePointer(zeros.base) : UnsafePointer(result),
          initialStripStride: word == 0 ? 0 : resultStride,
          initialRowStride: word == 0 ? 0 : 16, rows: count, strips: strips)
        kernels.product(&product)
      }
      word &+= words
    }
  }

  /// The gradients of weights and bias, divided by words.
  private func differentiate(_ hidden: StripView, _ row: Int, _ rows: Int, _ team: Team) {
    guard let gradients else { return }
    let (logits, kernels) = (logits.base, kernels)
    let (matrix, bias) = (matrix, bias)
    let values = gradients.values.base
    team.run { index in
      let share = team.share(of: matrix.rows.strips, index)
      guard !share.isEmpty else { return }
      let slopes = UnsafePointer(logits + share.lowerBound &* rows &* 16)
      let padding = Padding(columns: matrix.rows, firstStrip: share.lowerBound)
      var sums = ColumnSums(
        z: slopes, zStripStride: rows &* 16, rows: rows, strips: share.count,
        sums: values + (bias.offset &+ share.lowerBound &* 16), accumulates: row > 0,
        padding: padding)
      kernels.columnSums(&sums)
      var gradient = WeightGradient(
        a: UnsafePointer(hidden.base + row &* 16), aStripStride: hidden.stripStride, z: slopes,
        zStripStride: rows &* 16, rows: rows, k: matrix.columns, strips: share.count,
        gradient: values + (matrix.offset &+ share.lowerBound &* matrix.columns &* 16),
        gradientStripStride: matrix.columns &* 16, accumulates: row > 0, padding: padding)
      kernels.weightGradient(&gradient)
    }
  }

  /// Brings the transpose up to date with the weights.
  private func packTranspose(_ team: Team) {
    guard let transpose, transposeVersion != weights.version else { return }
    let (kernels, matrix) = (kernels, matrix)
    let from = UnsafePointer(weights.values.base + matrix.offset)
    team.run { index in
      for piece in team.share(of: (matrix.rows + Self.piece - 1) / Self.piece, index) {
        let word = piece &* Self.piece
        kernels.transposePack(
          from + word &* matrix.columns, matrix.columns, min(Self.piece, matrix.rows &- word),
          transpose.base + word &* matrix.columns.strips &* 16)
      }
    }
    transposeVersion = weights.version
  }
}
