extension Operation {
  /// log(1 + exp(a)), written so that no operand overflows: max(a, 0) + log(1 + exp(-|a|)).
  package static let softplus = Operation(
    name: "softplus", operandCount: 1...1,
    rule: .elementwise(
      value: { a in
        let decay: Expression = .make(.exp, .make(.scale, .make(.abs, a[0]), k: -1))
        return .make(.relu, a[0]) + .make(.log, .make(.offset, decay, k: 1))
      },
      derivative: { a, _, g in [g * .make(.sigmoid, a[0])] }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{softplus}\\left({0}\\right)", torch: "torch.nn.functional.softplus({0})",
      jax: "jax.nn.softplus({0})",
      c: "fmaxf_({0}, 0.0f) + log1pf_(expf_(-fabsf_({0})))",
      onnx: "Softplus"))
}
