import Kernels

/// A formula over the elements of an operation's operands, in the primitives that the kernels offer.
///
/// One formula serves three readers: the plan turns it into kernel instructions, the interpreter
/// evaluates it in double precision, and the gradient tests compare it with finite differences.
package indirect enum Expression: Sendable {
  /// The i-th operand.
  case operand(Int)
  /// The operation's own result (in derivatives: what forward stored).
  case result
  /// The gradient of the result (in derivatives).
  case gradient
  case constant(Double)
  /// A primitive of up to three arguments; `k` is its constant, for those that have one.
  case apply(Primitive, [Expression], k: Double)

  package static func + (a: Expression, b: Expression) -> Expression { .apply(.add, [a, b], k: 0) }
  package static func - (a: Expression, b: Expression) -> Expression {
    .apply(.subtract, [a, b], k: 0)
  }
  package static func * (a: Expression, b: Expression) -> Expression {
    .apply(.multiply, [a, b], k: 0)
  }
  package static func / (a: Expression, b: Expression) -> Expression {
    .apply(.divide, [a, b], k: 0)
  }

  /// Applies a primitive to arguments: `.make(.tanh, a)`.
  package static func make(_ primitive: Primitive, _ a: Expression..., k: Double = 0) -> Expression
  {
    .apply(primitive, a, k: k)
  }
}
