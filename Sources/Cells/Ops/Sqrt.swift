extension Operation {
  /// The square root; NaN below 0, and of infinite slope at 0.
  package static let sqrt = Operation(
    name: "sqrt", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.sqrt, a[0]) },
      derivative: { _, y, g in [.make(.scale, g / y, k: 0.5)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\sqrt{{0}}", torch: "torch.sqrt({0})", jax: "jnp.sqrt({0})", c: "sqrtf_({0})",
      onnx: "Sqrt"))
}
