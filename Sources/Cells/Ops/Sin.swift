extension Operation {
  /// The sine; the operand is in radians.
  package static let sin = Operation(
    name: "sin", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.sin, a[0]) },
      derivative: { a, _, g in [g * .make(.cos, a[0])] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\sin\\left({0}\\right)", torch: "torch.sin({0})", jax: "jnp.sin({0})",
      c: "sinf_({0})",
      onnx: "Sin"))
}
