/// The equations as they are written, before names are looked up.
///
/// Expressions lie in one flat array, operands before what uses them, so that nothing that reads them
/// needs to recurse.
struct Syntax {
  var expressions: [SyntaxExpression] = []
  var statements: [Statement] = []
}

/// `target = value`.
struct Statement {
  /// The name that is defined, with its prime if it is a next state.
  var target: String
  var place: Place
  /// Index range of its expressions; the last is the value.
  var expressions: Range<Int>

  var definesState: Bool { target.hasSuffix("'") }
}

/// One expression of the equations.
struct SyntaxExpression {
  enum Kind {
    case name(String)
    case number(Double)
    case operation(Operation)
    /// `linear(a, b, …)` or, without bias, `product(a, b, …)`.
    case linear(hasBias: Bool, blocks: Int)
    /// `matrix(M, a)` or `transposed(M, a)`.
    case matrix(name: String, isTransposed: Bool, blocks: Int)
    case vector(String)
    case scalar(String)
  }
  var kind: Kind
  var operands: [Int]
  /// Where its name or sign stands.
  var place: Place
  /// Operations on the longest path below, itself included.
  var depth: Int
}

/// The forms that are called like operations but hold parameters.
enum ParameterForm: String, CaseIterable {
  case linear, product, matrix, transposed, vector, scalar
}
