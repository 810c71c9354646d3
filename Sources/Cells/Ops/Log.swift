extension Operation {
  /// The natural logarithm; NaN below 0.
  package static let log = Operation(
    name: "log", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.log, a[0]) },
      derivative: { a, _, g in [g / a[0]] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\log\\left({0}\\right)", torch: "torch.log({0})", jax: "jnp.log({0})",
      c: "logf_({0})",
      onnx: "Log"))
}
