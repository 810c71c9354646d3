/// y = (a - mean) / sqrt(variance + epsilon) for each row, over exactly `columns` columns.
///
/// Layer normalisation without gain and bias (Ba et al. 2016, equation 3). Pad lanes of y become 0.
public struct Normalization {
  public var a: UnsafePointer<Float>
  public var aStripStride: Int
  public var y: UnsafeMutablePointer<Float>
  public var yStripStride: Int
  /// 1 / sqrt(variance + epsilon), 16 times for each row [rows][16].
  public var scale: UnsafeMutablePointer<Float>
  public var rows: Int
  public var columns: Int
  public var epsilon: Float

  @inlinable
  public init(
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
public struct NormalizationGradient {
  public var g: UnsafePointer<Float>
  public var gStripStride: Int
  public var y: UnsafePointer<Float>
  public var yStripStride: Int
  public var scale: UnsafePointer<Float>
  public var d: UnsafeMutablePointer<Float>
  public var dStripStride: Int
  public var rows: Int
  public var columns: Int
  public var accumulates: Bool

  @inlinable
  public init(
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
public struct SoftmaxCrossEntropy {
  public var logits: UnsafeMutablePointer<Float>
  public var stripStride: Int
  public var rows: Int
  public var columns: Int
  /// The right column of each row [rows].
  public var targets: UnsafePointer<Int32>
  /// Receives the loss of each row [rows].
  public var losses: UnsafeMutablePointer<Float>
  public var gradientScale: Float
  public var wantsGradient: Bool

  @inlinable
  public init(
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
