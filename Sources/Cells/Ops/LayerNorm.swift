extension Operation {
  /// Layer normalisation without learned gain or bias.
  ///
  /// Ba, Kiros and Hinton 2016, arXiv:1607.06450, equation 4.
  ///
  /// Each row of the batch gets mean 0 and variance 1 over its elements: (a - mean) /
  /// sqrt(variance + 1e-5), with the variance divided by the number of elements. Gain and bias, where
  /// wanted, are written out: `vector(gain) * layernorm(a) + vector(shift)`.
  package static let layerNorm = Operation(
    name: "layernorm", operandCount: 1...1,
    rule: .layerNorm,
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{norm}\\left({0}\\right)",
      torch: "torch.nn.functional.layer_norm({0}, {0}.shape[-1:])",
      jax: "jax.nn.standardize({0}, epsilon=1e-5)", c: "layernorm({0})",
      onnx: "LayerNormalization"))

  /// Added to the variance by `layerNorm`.
  package static let layerNormEpsilon = 1e-5
}
