extension Operation {
  /// The Gaussian error linear unit in its tanh form (Hendrycks and Gimpel 2016,
  /// arXiv:1606.08415, section 2): a/2 (1 + tanh(sqrt(2/pi) (a + 0.044715 a^3))).
  package static let gelu = Operation(
    name: "gelu", operandCount: 1...1,
    rule: .elementwise(
      value: { a in
        .make(.scale, a[0], k: 0.5) * .make(.offset, geluTanh(a[0]), k: 1)
      },
      derivative: { a, _, g in
        // 1/2 (1 + t) + a/2 (1 - t^2) u', with t = tanh(u) and u' = sqrt(2/pi) (1 + 3 * 0.044715 a^2).
        let t = geluTanh(a[0])
        let slope: Expression = .make(
          .offset, .make(.scale, a[0] * a[0], k: geluScale * 3 * 0.044715), k: geluScale)
        let inner = a[0] * slope * (.constant(1) - t * t)
        return [.make(.scale, g * (.make(.offset, t, k: 1) + inner), k: 0.5)]
      }),
    isCommutative: false,
    notation: Notation(
      latex: "\\mathrm{gelu}\\left({0}\\right)",
      torch: "torch.nn.functional.gelu({0}, approximate='tanh')",
      jax: "jax.nn.gelu({0}, approximate=True)",
      c:
        "0.5f * ({0}) * (1.0f + tanhf_(0.79788456f * (({0}) + 0.044715f * ({0}) * ({0}) * ({0}))))",
      onnx:
        "Mul(Mul({0}, 0.5), Add(Tanh(Mul(Add({0}, Mul(Mul({0}, 0.044715), Mul({0}, {0}))), 0.79788456)), 1))"
    ))

  /// sqrt(2 / pi).
  private static let geluScale = 0.797_884_560_802_865_4

  /// tanh(sqrt(2/pi) (a + 0.044715 a^3)).
  private static func geluTanh(_ a: Expression) -> Expression {
    let polynomial: Expression = .make(.multiplyAdd, .make(.scale, a * a, k: 0.044715), a, a)
    return .make(.tanh, .make(.scale, polynomial, k: geluScale))
  }
}
