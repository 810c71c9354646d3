extension Operation {
  /// The op table: every operation that equations may use, in the order of the documentation.
  ///
  /// Parser, printer, plan, interpreter, search spaces and gradient tests all read this list; adding
  /// an operation is one file in `Ops/` and one line here.
  package static let all: [Operation] = [
    // Arithmetic.
    .add, .subtract, .multiply, .divide, .negate, .square, .sqrt, .abs, .max, .min,
    // Gates and activations.
    .sigmoid, .tanh, .relu, .leakyRelu, .identity, .softplus, .silu, .gelu, .elu, .selu, .softsign,
    .hardSigmoid, .hardTanh,
    // Functions.
    .exp, .log, .sin, .cos,
    // Mixtures and normalisation.
    .blend, .mean, .layerNorm,
  ]

  private static let byName = Dictionary(
    all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

  /// The operation of that name, or nil.
  package static func named(_ name: String) -> Operation? { byName[name] }

  /// The operation written between its two operands with that symbol, like `+`.
  static func infix(_ symbol: Character) -> Operation? {
    all.first { $0.notation.text == "{0} \(symbol) {1}" }
  }

  /// The operation written before its operand with that symbol, like `-`.
  static func prefix(_ symbol: Character) -> Operation? {
    all.first { $0.notation.text == "\(symbol){0}" }
  }
}
