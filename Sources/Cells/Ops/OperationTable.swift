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

  /// The operation written between its two operands with that ASCII sign, like `+`.
  static func infix(_ sign: UInt8) -> Operation? { infixes[sign] }

  /// The operation written before its operand with that ASCII sign, like `-`.
  static func prefix(_ sign: UInt8) -> Operation? { prefixes[sign] }

  private static let infixes = signs { $0.hasPrefix("{0} ") ? $0.utf8.dropFirst(4).first : nil }
  private static let prefixes = signs { $0.hasSuffix("{0}") ? $0.utf8.first : nil }

  /// The operations by the sign in their notation, where it has one of that kind.
  private static func signs(_ sign: (String) -> UInt8?) -> [UInt8: Operation] {
    var found: [UInt8: Operation] = [:]
    for operation in all {
      guard let text = operation.notation.text, let sign = sign(text) else { continue }
      found[sign] = operation
    }
    return found
  }
}
