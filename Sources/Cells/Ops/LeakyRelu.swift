extension Operation {
  /// The rectifier with slope 0.01 below 0.
  ///
  /// Maas, Hannun and Ng 2013.
  package static let leakyRelu = Operation(
    name: "leaky_relu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in .make(.leakyRelu, a[0], k: 0.01) },
      derivative: { a, _, g in
        [g * .make(.offset, .make(.scale, .make(.positive, a[0]), k: 0.99), k: 0.01)]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{lrelu}\\left({0}\\right)",
      torch: "torch.nn.functional.leaky_relu({0}, 0.01)", jax: "jax.nn.leaky_relu({0}, 0.01)",
      c: "fmaxf_({0}, 0.01f * ({0}))",
      onnx: "LeakyRelu"))
}
