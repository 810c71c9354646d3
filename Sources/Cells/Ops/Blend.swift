extension Operation {
  /// blend(g, a, b) = g * a + (1 - g) * b: where the gate g is open a passes, where it is closed b
  /// stays.
  ///
  /// Computed as b + g * (a - b), which is one multiplication less.
  package static let blend = Operation(
    name: "blend", operandCount: 3...3,
    rule: .elementwise(
      value: { a in .make(.multiplyAdd, a[0], a[1] - a[2], a[2]) },
      derivative: { a, _, g in
        let first = g * a[0]
        return [g * (a[1] - a[2]), first, g - first]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "{0} \\odot {1} + \\left(1 - {0}\\right) \\odot {2}",
      torch: "{0} * {1} + (1 - {0}) * {2}", jax: "{0} * {1} + (1 - {0}) * {2}",
      c: "({2}) + ({0}) * (({1}) - ({2}))",
      onnx: "Add({2}, Mul({0}, Sub({1}, {2})))"))
}
