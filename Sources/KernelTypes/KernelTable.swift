/// All kernels of one instruction set.
///
/// Matrices are column strips everywhere: [ceil(columns / 16)][rows][16], activations with rows of the
/// batch, the weights of a map from K to N with K rows and N columns. Pad lanes of weights, their
/// gradients and optimiser state are always 0, those of activations hold anything.
public struct KernelTable: Sendable {
  /// Takes an `ElementwiseCall`; a bare function, as a closure's context is counted at every call (2 %
  /// of a step of IndRNN).
  public typealias Elementwise = @convention(c) @Sendable (UnsafeRawPointer) -> Void

  public let instructionSet: InstructionSet
  public let product: @Sendable (UnsafePointer<Product>) -> Void
  public let weightGradient: @Sendable (UnsafePointer<WeightGradient>) -> Void
  public let columnSums: @Sendable (UnsafePointer<ColumnSums>) -> Void
  /// Strips of a map from `inputs` to `outputs` [ceil(outputs / 16)][inputs][16] to those of its
  /// transpose [ceil(inputs / 16)][outputs][16]: (weights, inputs, outputs, transpose).
  public let transposePack:
    @Sendable (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>) -> Void
  /// By the raw value of `Primitive`.
  public let elementwise: [Elementwise]
  public let normalize: @Sendable (UnsafePointer<Normalization>) -> Void
  public let normalizeGradient: @Sendable (UnsafePointer<NormalizationGradient>) -> Void
  public let softmaxCrossEntropy: @Sendable (UnsafePointer<SoftmaxCrossEntropy>) -> Void
  /// The sum of squares of a flat array, in a fixed order.
  public let squaredNorm: @Sendable (UnsafePointer<Float>, Int) -> Double
  public let descend: @Sendable (UnsafePointer<DescentUpdate>) -> Void
  public let descendWithMomentum: @Sendable (UnsafePointer<MomentumUpdate>) -> Void
  public let rmsprop: @Sendable (UnsafePointer<RMSpropUpdate>) -> Void
  public let adam: @Sendable (UnsafePointer<AdamUpdate>) -> Void
  public let fillUniform: @Sendable (UnsafePointer<UniformFill>) -> Void

  public init(
    instructionSet: InstructionSet,
    product: @escaping @Sendable (UnsafePointer<Product>) -> Void,
    weightGradient: @escaping @Sendable (UnsafePointer<WeightGradient>) -> Void,
    columnSums: @escaping @Sendable (UnsafePointer<ColumnSums>) -> Void,
    transposePack:
      @escaping @Sendable (UnsafePointer<Float>, Int, Int, UnsafeMutablePointer<Float>) -> Void,
    elementwise: (Primitive) -> Elementwise,
    normalize: @escaping @Sendable (UnsafePointer<Normalization>) -> Void,
    normalizeGradient: @escaping @Sendable (UnsafePointer<NormalizationGradient>) -> Void,
    softmaxCrossEntropy: @escaping @Sendable (UnsafePointer<SoftmaxCrossEntropy>) -> Void,
    squaredNorm: @escaping @Sendable (UnsafePointer<Float>, Int) -> Double,
    descend: @escaping @Sendable (UnsafePointer<DescentUpdate>) -> Void,
    descendWithMomentum: @escaping @Sendable (UnsafePointer<MomentumUpdate>) -> Void,
    rmsprop: @escaping @Sendable (UnsafePointer<RMSpropUpdate>) -> Void,
    adam: @escaping @Sendable (UnsafePointer<AdamUpdate>) -> Void,
    fillUniform: @escaping @Sendable (UnsafePointer<UniformFill>) -> Void
  ) {
    self.instructionSet = instructionSet
    self.product = product
    self.weightGradient = weightGradient
    self.columnSums = columnSums
    self.transposePack = transposePack
    // Made here: an array that is filled in a module of one instruction set leaves compiled functions
    // of the standard library there, which the linker may take for all.
    self.elementwise = Primitive.allCases.map(elementwise)
    self.normalize = normalize
    self.normalizeGradient = normalizeGradient
    self.softmaxCrossEntropy = softmaxCrossEntropy
    self.squaredNorm = squaredNorm
    self.descend = descend
    self.descendWithMomentum = descendWithMomentum
    self.rmsprop = rmsprop
    self.adam = adam
    self.fillUniform = fillUniform
  }
}
