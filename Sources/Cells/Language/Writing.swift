/// A value as equations write it: its text, and how strongly its outermost operator binds.
///
/// The parser names parameters by it (`W[n, r * h]`) and the printer builds statements from it, so a
/// name never disagrees with the printed equations.
struct Writing {
  var text: String
  var precedence: Int

  /// Stronger than every operator: names, calls, numbers.
  static let atom = 100

  init(_ text: String, precedence: Int = Writing.atom) {
    self.text = text
    self.precedence = precedence
  }

  /// The text as parameter names use it: what is longer than 80 bytes ends in `...`.
  var shortText: String { text.utf8.count <= 80 ? text : "\(text.prefix(77))..." }

  static func constant(_ value: Double) -> Writing { Writing(number(value)) }

  /// An operation applied to operands.
  static func operation(_ operation: Operation, _ operands: [Writing]) -> Writing {
    guard let form = operation.notation.text, let precedence = operation.notation.precedence else {
      return call(operation.name, operands)
    }
    // Operators group from the left: a right operand of equal strength needs brackets.
    let texts = operands.enumerated().map { index, operand in
      let isEnclosed =
        operand.precedence < precedence || (index > 0 && operand.precedence == precedence)
      return isEnclosed ? "(\(operand.text))" : operand.text
    }
    if operands.count == 1 {
      return Writing("\(form.prefix(1))\(texts[0])", precedence: precedence)
    }
    let sign = form.dropFirst(4).prefix(1)
    return Writing("\(texts[0]) \(sign) \(texts[1])", precedence: precedence)
  }

  /// `name(a, b, blocks=2)`.
  static func call(_ name: String, _ operands: [Writing], blocks: Int = 1) -> Writing {
    let texts = operands.map(\.text) + (blocks == 1 ? [] : ["blocks=\(blocks)"])
    return Writing("\(name)(\(texts.joined(separator: ", ")))")
  }

  static func matrix(
    _ name: String, isTransposed: Bool, blocks: Int, _ operand: Writing
  ) -> Writing {
    call(isTransposed ? "transposed" : "matrix", [Writing(name), operand], blocks: blocks)
  }
}
