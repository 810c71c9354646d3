extension Operation {
  /// The opposite -a.
  package static let negate = Operation(
    name: "negate", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.scale, a[0], k: -1) },
      derivative: { _, _, g in [.make(.scale, g, k: -1)] }),
    isCommutative: false,
    notation: Notation(
      text: "-{0}", precedence: 3, latex: "-{0}", torch: "-{0}", jax: "-{0}", c: "-{0}",
      onnx: "Neg"))
}
