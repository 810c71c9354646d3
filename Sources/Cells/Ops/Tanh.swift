extension Operation {
  /// The hyperbolic tangent.
  package static let tanh = Operation(
    name: "tanh", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.tanh, a[0]) },
      derivative: { _, y, g in [.make(.tanhGradient, g, y)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\tanh\\left({0}\\right)", torch: "torch.tanh({0})", jax: "jnp.tanh({0})",
      c: "tanhf_({0})",
      onnx: "Tanh"))
}
