extension Operation {
  /// The logistic function 1 / (1 + exp(-a)), the usual gate.
  package static let sigmoid = Operation(
    name: "sigmoid", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.sigmoid, a[0]) },
      derivative: { _, y, g in [.make(.sigmoidGradient, g, y)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\sigma\\left({0}\\right)", torch: "torch.sigmoid({0})", jax: "jax.nn.sigmoid({0})",
      c: "1.0f / (1.0f + expf_(-({0})))",
      onnx: "Sigmoid"))
}
