extension Operation {
  /// The square a * a.
  package static let square = Operation(
    name: "square", operandCount: 1...1,
    rule: .elementwise(
      value: { a in a[0] * a[0] },
      derivative: { a, _, g in [.make(.scale, g * a[0], k: 2)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\left({0}\\right)^2", torch: "torch.square({0})", jax: "jnp.square({0})",
      c: "({0}) * ({0})",
      onnx: "Mul({0}, {0})"))
}
