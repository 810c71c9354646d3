extension Operation {
  /// The element-wise product a * b.
  package static let multiply = Operation(
    name: "multiply", operandCount: 2...2,
    rule: .elementwise(
      value: { a in a[0] * a[1] },
      derivative: { a, _, g in [g * a[1], g * a[0]] }),
    isCommutative: true,
    notation: Notation(
      text: "{0} * {1}", precedence: 2, latex: "{0} \\odot {1}", torch: "{0} * {1}",
      jax: "{0} * {1}", c: "{0} * {1}",
      onnx: "Mul"))
}
