extension Operation {
  /// The exponential function.
  package static let exp = Operation(
    name: "exp", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.exp, a[0]) },
      derivative: { _, y, g in [g * y] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\exp\\left({0}\\right)", torch: "torch.exp({0})", jax: "jnp.exp({0})",
      c: "expf_({0})",
      onnx: "Exp"))
}
