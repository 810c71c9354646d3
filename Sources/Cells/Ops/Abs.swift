extension Operation {
  /// The absolute value; its derivative at 0 is 0.
  package static let abs = Operation(
    name: "abs", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.abs, a[0]) },
      derivative: { a, _, g in
        [g * (.make(.positive, a[0]) - .make(.positive, .make(.scale, a[0], k: -1)))]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\left|{0}\\right|", torch: "torch.abs({0})", jax: "jnp.abs({0})", c: "fabsf_({0})",
      onnx: "Abs"))
}
