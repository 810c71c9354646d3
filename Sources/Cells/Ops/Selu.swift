extension Operation {
  /// The self-normalising exponential unit.
  ///
  /// Klambauer and others 2017, arXiv:1706.02515, equation 2.
  package static let selu = Operation(
    name: "selu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in
        .make(.scale, .make(.relu, a[0]), k: seluScale)
          + .make(.scale, .make(.offset, .make(.exp, nonPositivePart(a[0])), k: -1), k: seluSlope)
      },
      derivative: { a, _, g in
        let above: Expression = .make(.positive, a[0])
        let below: Expression = .make(.scale, .make(.exp, nonPositivePart(a[0])), k: seluSlope)
        return [g * (.make(.scale, above, k: seluScale) + below * (.constant(1) - above))]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{selu}\\left({0}\\right)", torch: "torch.selu({0})", jax: "jax.nn.selu({0})",
      c: "1.05070099f * (({0}) > 0.0f ? ({0}) : 1.67326324f * expm1f_({0}))",
      onnx: "Selu"))

  private static let seluScale = 1.050_700_987_355_480_5
  /// Scale times alpha = 1.6732632423543772.
  private static let seluSlope = 1.758_099_340_847_376_6
}
