extension Operation {
  /// a above 0, exp(a) - 1 below.
  ///
  /// Clevert, Unterthiner and Hochreiter 2015, arXiv:1511.07289.
  package static let elu = Operation(
    name: "elu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in
        .make(.relu, a[0]) + .make(.offset, .make(.exp, nonPositivePart(a[0])), k: -1)
      },
      derivative: { a, _, g in [g * .make(.exp, nonPositivePart(a[0]))] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{elu}\\left({0}\\right)", torch: "torch.nn.functional.elu({0})",
      jax: "jax.nn.elu({0})",
      c: "({0}) > 0.0f ? ({0}) : expm1f_({0})",
      onnx: "Elu"))

  /// min(a, 0); keeps exp from overflowing where its value is not wanted.
  static func nonPositivePart(_ a: Expression) -> Expression { .make(.minimum, a, .constant(0)) }
}
