import KernelTypes

/// The kernels of this module's instruction set.
package let kernelTable = KernelTable(
  instructionSet: instructionSet,
  product: { product($0) },
  weightGradient: { weightGradient($0) },
  columnSums: { columnSums($0) },
  transposePack: { transposePack($0, $1, $2, $3) },
  elementwise: { elementwiseKernel($0) },
  normalize: { normalize($0) },
  normalizeGradient: { normalizeGradient($0) },
  softmaxCrossEntropy: { softmaxCrossEntropy($0) },
  squaredNorm: { squaredNorm($0, $1) },
  descend: { descend($0) },
  descendWithMomentum: { descendWithMomentum($0) },
  rmsprop: { rmsprop($0) },
  adam: { adam($0) },
  fillUniform: { fillUniform($0) })
