extension Operation {
  /// The cosine; the operand is in radians.
  package static let cos = Operation(
    name: "cos", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.cos, a[0]) },
      derivative: { a, _, g in [.make(.scale, g * .make(.sin, a[0]), k: -1)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\cos\\left({0}\\right)", torch: "torch.cos({0})", jax: "jnp.cos({0})",
      c: "cosf_({0})",
      onnx: "Cos"))
}
