/// A kind of node: what it computes, its derivative, and how it is written.
///
/// Each operation is one file in `Ops/` and one line in the op table; everything else (parser, plan,
/// search space, gradient tests) reads the table. Two operations are equal when their names are.
///
/// A class, so that a node holds one reference and no copy of all the texts and formulas.
package final class Operation: Hashable, Sendable {
  /// How it is computed.
  package enum Rule: Sendable {
    /// Element by element. `value` gives the expression of the result for the operands; `derivative`
    /// gives, for operands a, result y and gradient g of the result, the gradient of each operand.
    case elementwise(
      value: @Sendable (_ a: [Expression]) -> Expression,
      derivative: @Sendable (_ a: [Expression], _ y: Expression, _ g: Expression) -> [Expression])
    /// Over the elements of a vector: zero mean and unit variance, without learned gain or bias
    /// (Ba et al. 2016, arXiv:1607.06450, equation 4), epsilon 1e-5.
    case layerNorm
  }

  /// The formulas of an element-wise operation for a number of operands.
  package struct Formulas: Sendable {
    package let value: Expression
    /// The gradient of each operand.
    package let derivative: [Expression]
  }

  package let name: String
  package let operandCount: ClosedRange<Int>
  package let rule: Rule
  /// Whether operands may be exchanged without changing the result.
  package let isCommutative: Bool
  /// How it is printed; see `Notation`.
  package let notation: Notation

  init(
    name: String, operandCount: ClosedRange<Int>, rule: Rule, isCommutative: Bool,
    notation: Notation
  ) {
    self.name = name
    self.operandCount = operandCount
    self.rule = rule
    self.isCommutative = isCommutative
    self.notation = notation
  }

  /// The formulas for that many operands; nil where it is not element-wise.
  package func formulas(operands count: Int) -> Formulas? {
    guard case .elementwise(let value, let derivative) = rule else { return nil }
    let operands = (0..<count).map { Expression.operand($0) }
    return Formulas(value: value(operands), derivative: derivative(operands, .result, .gradient))
  }

  package static func == (a: Operation, b: Operation) -> Bool { a === b || a.name == b.name }
  package func hash(into hasher: inout Hasher) { hasher.combine(name) }
}

/// The printed forms of an operation: `{0}`, `{1}`… stand for the operands, `{*}` for all of them with
/// commas between.
package struct Notation: Sendable {
  /// The form of an operator, `{0} + {1}` or `-{0}`; nil prints `name(a, b)`.
  package var text: String?
  /// Binding strength of an operator: 1 sum, 2 product, 3 prefix; calls need no brackets.
  package var precedence: Int?
  package var latex: String
  package var torch: String
  package var jax: String
  package var c: String
  /// The ONNX operator, or a composition of several with its operands.
  package var onnx: String
}
