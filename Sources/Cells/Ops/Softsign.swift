extension Operation {
  /// a / (1 + |a|).
  package static let softsign = Operation(
    name: "softsign", operandCount: 1...1,
    rule: .elementwise(
      value: { a in a[0] / .make(.offset, .make(.abs, a[0]), k: 1) },
      derivative: { a, _, g in
        let width: Expression = .make(.offset, .make(.abs, a[0]), k: 1)
        return [g / (width * width)]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{softsign}\\left({0}\\right)", torch: "torch.nn.functional.softsign({0})",
      jax: "jax.nn.soft_sign({0})",
      c: "({0}) / (1.0f + fabsf_({0}))",
      onnx: "Softsign"))
}
