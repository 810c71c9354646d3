extension Operation {
  /// The gate in three straight pieces, a/6 + 1/2 kept between 0 and 1.
  ///
  /// Howard and others 2019, arXiv:1905.02244.
  package static let hardSigmoid = Operation(
    name: "hard_sigmoid", operandCount: 1...1,
    rule: .elementwise(
      value: { a in
        let line: Expression = .make(.offset, .make(.scale, a[0], k: 1.0 / 6), k: 0.5)
        return .make(.maximum, .make(.minimum, line, .constant(1)), .constant(0))
      },
      derivative: { _, y, g in
        let inside: Expression = .make(.greater, y, .constant(0)) * .make(.greater, .constant(1), y)
        return [.make(.scale, g * inside, k: 1.0 / 6)]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{hardsigmoid}\\left({0}\\right)",
      torch: "torch.nn.functional.hardsigmoid({0})", jax: "jax.nn.hard_sigmoid({0})",
      c: "fminf_(fmaxf_(({0}) / 6.0f + 0.5f, 0.0f), 1.0f)",
      onnx: "Clip(Add(Div({0}, 6), 0.5), 0, 1)"))
}
