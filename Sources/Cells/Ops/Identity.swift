extension Operation {
  /// The operand itself; what DARTS calls identity.
  package static let identity = Operation(
    name: "identity", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.copy, a[0]) },
      derivative: { _, _, g in [g] }),
    isCommutative: false,
    notation: Notation(
      latex: "{0}", torch: "{0}", jax: "{0}", c: "{0}",
      onnx: "Identity"))
}
