extension Operation {
  /// The rectifier max(a, 0); its derivative at 0 is taken as 0.
  package static let relu = Operation(
    name: "relu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.relu, a[0]) },
      derivative: { _, y, g in [.make(.reluGradient, g, y)] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{relu}\\left({0}\\right)", torch: "torch.relu({0})", jax: "jax.nn.relu({0})",
      c: "fmaxf_({0}, 0.0f)",
      onnx: "Relu"))
}
