/// y = (a - mean) / sqrt(variance + epsilon) for each row, over exactly `columns` columns.
///
/// Layer normalisation without gain and bias (Ba et al. 2016, equation 3). Pad lanes of y become 0.
package struct Normalization {
  package var a: UnsafePointer<Float>
  package var aStripStride: Int
  package var y: UnsafeMutablePointer<Float>
  package var yStripStride: Int
  /// 1 / sqrt(variance + epsilon), 16 times for each row [rows][16].
  package var scale: UnsafeMutablePointer<Float>
  package var rows: Int
  package var columns: Int
  package var epsilon: Float

  @inlinable
  package init(
    a: UnsafePointer<Float>, aStripStride: Int, y: UnsafeMutablePointer<Float>,
    yStripStride: Int, scale: UnsafeMutablePointer<Float>, rows: Int, columns: Int, epsilon: Float
  ) {
    self.a = a
    self.aStripStride = aStripStride
    self.y = y
    self.yStripStride = yStripStride
    self.scale = scale
    self.rows = rows
    self.columns = columns
    self.epsilon = epsilon
  }
}

/// d (+)= scale * (g - mean(g) - y * mean(g * y)): the gradient of `Normalization`'s operand.
///
/// d may be g itself. Pad lanes of g are not read, those of d become 0, or stay where it adds.
package struct NormalizationGradient {
  package var g: UnsafePointer<Float>
  package var gStripStride: Int
  package var y: UnsafePointer<Float>
  package var yStripStride: Int
  package var scale: UnsafePointer<Float>
  package var d: UnsafeMutablePointer<Float>
  package var dStripStride: Int
  package var rows: Int
  package var columns: Int
  package var accumulates: Bool

  @inlinable
  package init(
    g: UnsafePointer<Float>, gStripStride: Int, y: UnsafePointer<Float>, yStripStride: Int,
    scale: UnsafePointer<Float>, d: UnsafeMutablePointer<Float>, dStripStride: Int, rows: Int,
    columns: Int, accumulates: Bool
  ) {
    self.g = g
    self.gStripStride = gStripStride
    self.y = y
    self.yStripStride = yStripStride
    self.scale = scale
    self.d = d
    self.dStripStride = dStripStride
    self.rows = rows
    self.columns = columns
    self.accumulates = accumulates
  }
}

/// The loss of each row, -log(softmax(logits)[target]) in nats, and its gradient.
///
/// The softmax is over exactly `columns` columns. The logits are overwritten; where `wantsGradient`,
/// with (softmax - one at the target) * gradientScale, pad lanes with 0. A target outside the columns
/// takes its row out: loss and gradient are 0.
package struct SoftmaxCrossEntropy {
  package var logits: UnsafeMutablePointer<Float>
  package var stripStride: Int
  package var rows: Int
  package var columns: Int
  /// The right column of each row [rows].
  package var targets: UnsafePointer<Int32>
  /// Receives the loss of each row [rows].
  package var losses: UnsafeMutablePointer<Float>
  package var gradientScale: Float
  package var wantsGradient: Bool

  @inlinable
  package init(
    logits: UnsafeMutablePointer<Float>, stripStride: Int, rows: Int, columns: Int,
    targets: UnsafePointer<Int32>, losses: UnsafeMutablePointer<Float>, gradientScale: Float,
    wantsGradient: Bool
  ) {
    self.logits = logits
    self.stripStride = stripStride
    self.rows = rows
    self.columns = columns
    self.targets = targets
    self.losses = losses
    self.gradientScale = gradientScale
    self.wantsGradient = wantsGradient
  }
}
