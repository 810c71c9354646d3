extension Operation {
  /// The operand kept between -1 and 1.
  package static let hardTanh = Operation(
    name: "hard_tanh", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.maximum, .make(.minimum, a[0], .constant(1)), .constant(-1)) },
      derivative: { _, y, g in
        [g * (.make(.greater, y, .constant(-1)) * .make(.greater, .constant(1), y))]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{hardtanh}\\left({0}\\right)", torch: "torch.nn.functional.hardtanh({0})",
      jax: "jax.nn.hard_tanh({0})",
      c: "fminf_(fmaxf_({0}, -1.0f), 1.0f)",
      onnx: "Clip({0}, -1, 1)"))
}
