import Execution
import Glibc
import Kernels

/// The softmax over the vocabulary: losses of hidden states and all gradients, some rows at a time.
///
/// The logits of all [T x B] rows together are never in memory: a block of rows goes through product,
/// softmax and both backward products before the next. Every sum has its rows ascending and one
/// accumulator, so results are the same for any number of threads and any size of the blocks.
package final class Softmax {
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
  ///   - targets: the right word of each row [rows].
  ///   - hiddenGradient: receives the gradient of `hidden`; nil where only the loss is wanted. The
  ///     gradients of weights and bias are then overwritten too.
  ///   - gradientScale: what the loss of a row counts.
  package func losses(
    hidden: StripView, targets: UnsafePointer<Int32>, rows: Int, hiddenGradient: StripView?,
    gradientScale: Float, _ team: Team
  ) -> Double {
    let wantsGradient = hiddenGradient != nil && gradients != nil
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
    _ targets: UnsafePointer<Int32>, _ row: Int, _ rows: Int, _ scale: Float?,
    _ hiddenGradient: StripView?, _ team: Team
  ) {
    let (logits, losses, kernels) = (logits.base, losses.base, kernels)
    let words = matrix.rows
    team.run { index in
      let tiles = team.share(of: (rows + Self.tile - 1) / Self.tile, index)
      let share = tiles.lowerBound * Self.tile..<min(rows, tiles.upperBound * Self.tile)
      guard !share.isEmpty else { return }
      var call = SoftmaxCrossEntropy(
        logits: logits + share.lowerBound &* 16, stripStride: rows &* 16, rows: share.count,
        columns: words, targets: targets + (row &+ share.lowerBound),
        losses: losses + (row &+ share.lowerBound), gradientScale: scale ?? 1,
        wantsGradient: scale != nil)
      kernels.softmaxCrossEntropy(&call)
      if scale != nil, let hiddenGradient {
        self.propagate(
          logits + share.lowerBound &* 16, rows: rows, count: share.count,
          hiddenGradient.base + (row &+ share.lowerBound) &* 16, hiddenGradient.stripStride)
      }
    }
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
