extension Operation {
  /// a * sigmoid(a), also called swish.
  ///
  /// Elfwing, Uchibe and Doya 2017, arXiv:1702.03118.
  package static let silu = Operation(
    name: "silu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in a[0] * .make(.sigmoid, a[0]) },
      derivative: { a, y, g in
        // s + y (1 - s) = y + s (1 - y), with s = sigmoid(a).
        let s: Expression = .make(.sigmoid, a[0])
        return [g * .make(.multiplyAdd, s, .constant(1) - y, y)]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{silu}\\left({0}\\right)", torch: "torch.nn.functional.silu({0})",
      jax: "jax.nn.silu({0})",
      c: "({0}) / (1.0f + expf_(-({0})))",
      onnx: "Mul({0}, Sigmoid({0}))"))
}
