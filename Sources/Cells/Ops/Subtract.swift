extension Operation {
  /// The difference a - b.
  package static let subtract = Operation(
    name: "subtract", operandCount: 2...2,
    rule: .elementwise(
      value: { a in a[0] - a[1] },
      derivative: { _, _, g in [g, .make(.scale, g, k: -1)] }),
    isCommutative: false,
    notation: Notation(
      text: "{0} - {1}", precedence: 1, latex: "{0} - {1}", torch: "{0} - {1}", jax: "{0} - {1}",
      c: "{0} - {1}",
      onnx: "Sub"))
}
