extension Operation {
  /// The element-wise quotient a / b; infinite or NaN where b is 0.
  package static let divide = Operation(
    name: "divide", operandCount: 2...2,
    rule: .elementwise(
      value: { a in a[0] / a[1] },
      derivative: { a, y, g in
        let quotient = g / a[1]
        return [quotient, .make(.scale, quotient * y, k: -1)]
      }),
    isCommutative: false,
    notation: Notation(
      text: "{0} / {1}", precedence: 2, latex: "\\frac{{0}}{{1}}", torch: "{0} / {1}",
      jax: "{0} / {1}",
      c: "{0} / {1}",
      onnx: "Div"))
}
