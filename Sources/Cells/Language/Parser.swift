import Kernels

/// Reads equations into `Syntax`: one statement per line or `;`.
///
/// Precedence climbing; recursion is bounded by `CellLimits.nesting`.
struct Parser {
  private var tokens: [Token]
  private var position = 0
  private var nesting = 0
  private var syntax = Syntax()

  private init(tokens: [Token]) { self.tokens = tokens }

  /// The syntax of a text.
  ///
  /// - Throws: `.parse` with the place, or `.limit`.
  static func parse(_ text: String) throws(Failure) -> Syntax {
    var parser = Parser(tokens: try Cells.tokens(of: text))
    while parser.token.kind != .end {
      if parser.token.kind == .separator {
        parser.position += 1
      } else {
        try parser.statement()
      }
    }
    return parser.syntax
  }

  private var token: Token { tokens[min(position, tokens.count - 1)] }

  private func isNext(_ symbol: Unicode.Scalar, after count: Int = 0) -> Bool {
    guard case .symbol(let byte) = tokens[min(position + count, tokens.count - 1)].kind else {
      return false
    }
    return byte == UInt8(ascii: symbol)
  }

  private mutating func accept(_ symbol: Unicode.Scalar) -> Bool {
    guard isNext(symbol) else { return false }
    position += 1
    return true
  }

  private mutating func statement() throws(Failure) {
    let start = token
    guard case .name(let target) = start.kind else {
      throw start.place.failure(
        "a statement starts with the name it defines, not with \(start.description)")
    }
    position += 1
    guard accept("=") else {
      if StockCell.named(target) != nil {
        throw start.place.failure(
          "'\(target)' is the name of a stock cell, and equations are needed; take it from the stock"
        )
      }
      throw token.place.failure(
        "expected '=' after '\(target)', found \(token.description); write \(target) = …")
    }
    let first = syntax.expressions.count
    _ = try expression(minimum: 1)
    switch token.kind {
    case .separator, .end: break
    case .symbol(UInt8(ascii: "=")):
      throw token.place.failure("a second '=' in one statement; start a new line")
    case .symbol(UInt8(ascii: ")")):
      throw token.place.failure("')' without '('")
    default:
      throw token.place.failure(
        "expected an operator or the end of the line, found \(token.description)")
    }
    syntax.statements.append(
      Statement(
        target: target, place: start.place, expressions: first..<syntax.expressions.count))
  }

  private mutating func append(
    _ kind: SyntaxExpression.Kind, _ operands: [Int], at place: Place
  ) throws(Failure) -> Int {
    guard syntax.expressions.count < CellLimits.nodes else {
      throw Failure(
        .limit, "\(place.line):\(place.column): more than \(CellLimits.nodes) values in one cell",
        line: place.line, column: place.column)
    }
    let depth = 1 + (operands.map { syntax.expressions[$0].depth }.max() ?? 0)
    guard depth <= CellLimits.depth else {
      throw place.failure(
        "more than \(CellLimits.depth) operations deep; give a part of the expression a name")
    }
    syntax.expressions.append(
      SyntaxExpression(kind: kind, operands: operands, place: place, depth: depth))
    return syntax.expressions.count - 1
  }

  /// An expression whose operators bind at least as strongly as `minimum`.
  private mutating func expression(minimum: Int) throws(Failure) -> Int {
    nesting += 1
    defer { nesting -= 1 }
    guard nesting <= CellLimits.nesting else {
      throw token.place.failure(
        "more than \(CellLimits.nesting) brackets deep; give a part of the expression a name")
    }
    var left = try operand()
    while case .symbol(let symbol) = token.kind, let operation = Operation.infix(symbol),
      let precedence = operation.notation.precedence, precedence >= minimum
    {
      let place = token.place
      position += 1
      let right = try expression(minimum: precedence + 1)
      left = try append(.operation(operation), [left, right], at: place)
    }
    return left
  }

  private mutating func operand() throws(Failure) -> Int {
    let start = token
    position += 1
    switch start.kind {
    case .number(let value):
      return try append(.number(value), [], at: start.place)
    case .name(let name):
      if isNext("(") { return try call(name, at: start.place) }
      return try append(.name(name), [], at: start.place)
    case .symbol(UInt8(ascii: "(")):
      let inner = try expression(minimum: 1)
      guard accept(")") else {
        throw token.place.failure(
          "expected ')' for the '(' at \(start.place.line):\(start.place.column), found "
            + token.description)
      }
      return inner
    case .symbol(let symbol):
      guard let operation = Operation.prefix(symbol) else { break }
      let inner = try expression(minimum: operation.notation.precedence ?? 3)
      // A sign before a number belongs to the number.
      if operation == .negate, case .number(let value) = syntax.expressions[inner].kind {
        syntax.expressions[inner].kind = .number(-value)
        return inner
      }
      return try append(.operation(operation), [inner], at: start.place)
    default: break
    }
    let times = Token.Kind.symbol(UInt8(ascii: "*"))
    let isPower = start.kind == times && position > 1 && tokens[position - 2].kind == times
    throw start.place.failure(
      "expected a value, found \(start.description)"
        + (isPower ? "; write square(a) for a power" : ""))
  }

  // MARK: - Calls

  private mutating func call(_ name: String, at place: Place) throws(Failure) -> Int {
    let form = ParameterForm(rawValue: name)
    let operation = Operation.named(name)
    guard form != nil || operation != nil else {
      throw place.failure("'\(name)' is not an operation\(Parser.remedy(name))")
    }
    position += 1
    var parameterName = ""
    if let form, form != .linear, form != .product {
      parameterName = try self.parameterName(of: form)
    }
    let (operands, blocks) = try arguments(
      after: parameterName.isEmpty ? nil : parameterName, of: name)
    let expected: ClosedRange<Int> =
      switch form {
      case .linear, .product: 1...CellLimits.operands
      case .matrix, .transposed: 1...1
      case .vector, .scalar: 0...0
      case nil: operation?.operandCount ?? 1...1
      }
    guard expected.contains(operands.count) else {
      throw place.failure(
        "\(name) takes \(Parser.count(expected, form: form)), not \(operands.count)"
          + (form == .linear ? "" : Parser.usage(form, name: name, count: expected)))
    }
    if blocks != nil, form == nil || form == .vector || form == .scalar {
      throw place.failure("\(name) takes no blocks=; only linear, product and matrices do")
    }
    let kind: SyntaxExpression.Kind
    switch form {
    case .linear: kind = .linear(hasBias: true, blocks: blocks ?? 1)
    case .product: kind = .linear(hasBias: false, blocks: blocks ?? 1)
    case .matrix, .transposed:
      kind = .matrix(
        name: parameterName, isTransposed: form == .transposed, blocks: blocks ?? 1)
    case .vector: kind = .vector(parameterName)
    case .scalar: kind = .scalar(parameterName)
    case nil: kind = .operation(operation ?? .identity)
    }
    return try append(kind, operands, at: place)
  }

  /// The name that `matrix(M, …)`, `vector(v)` and their like begin with.
  private mutating func parameterName(of form: ParameterForm) throws(Failure) -> String {
    guard case .name(let name) = token.kind, !name.hasSuffix("'") else {
      throw token.place.failure(
        "\(form.rawValue) needs the parameter's name first, found \(token.description)"
          + Parser.usage(form, name: form.rawValue, count: 1...1))
    }
    position += 1
    return name
  }

  /// What stands between the brackets: operands, then `blocks=n` where given.
  private mutating func arguments(
    after parameterName: String?, of name: String
  ) throws(Failure) -> (operands: [Int], blocks: Int?) {
    var operands: [Int] = []
    var blocks: Int?
    if accept(")") { return (operands, blocks) }
    if parameterName != nil {
      if accept(")") { return (operands, blocks) }
      guard accept(",") else {
        throw token.place.failure("expected ',' or ')' in \(name)(…), found \(token.description)")
      }
    }
    repeat {
      guard blocks == nil else { throw token.place.failure("blocks= comes last in \(name)(…)") }
      if case .name("blocks") = token.kind, isNext("=", after: 1) {
        position += 2
        guard case .number(let value) = token.kind, value >= 1, value <= 1024,
          value == value.rounded()
        else {
          throw token.place.failure(
            "blocks is a whole number from 1 to 1024, not \(token.description)")
        }
        position += 1
        blocks = Int(value)
      } else {
        operands.append(try expression(minimum: 1))
      }
    } while accept(",")
    guard accept(")") else {
      throw token.place.failure("expected ',' or ')' in \(name)(…), found \(token.description)")
    }
    return (operands, blocks)
  }

  // MARK: - Messages

  /// `; did you mean 'tanh'?`, or the list of what there is.
  static func remedy(_ name: String) -> String {
    let known = ParameterForm.allCases.map(\.rawValue) + Operation.all.map(\.name)
    let common = [
      "sigm": "sigmoid", "logistic": "sigmoid", "lin": "linear", "matmul": "product",
      "layer_norm": "layernorm", "norm": "layernorm", "swish": "silu", "leakyrelu": "leaky_relu",
      "maximum": "max", "minimum": "min", "pow": "square", "id": "identity", "lerp": "blend",
      "dense": "linear", "neg": "negate", "sub": "subtract", "mul": "multiply", "div": "divide",
    ]
    if let match = common[name] ?? nearest(to: name, among: known) {
      return "; did you mean '\(match)'?"
    }
    return "; there are \(known.joined(separator: ", "))"
  }

  private static func count(_ range: ClosedRange<Int>, form: ParameterForm?) -> String {
    let what = form == .matrix || form == .transposed ? "name and operand" : "operand"
    if form == .vector || form == .scalar { return "a name alone" }
    if range.lowerBound == range.upperBound {
      return "\(range.lowerBound) \(what)\(range.lowerBound == 1 ? "" : "s")"
    }
    return "\(range.lowerBound) to \(range.upperBound) operands"
  }

  private static func usage(
    _ form: ParameterForm?, name: String, count: ClosedRange<Int>
  ) -> String {
    switch form {
    case .matrix, .transposed: return "; write \(name)(M, a)"
    case .vector, .scalar: return "; write \(name)(v)"
    case .linear, .product: return ""
    case nil:
      guard count.upperBound <= 3 else { return "" }
      let letters = name == "blend" ? ["gate", "a", "b"] : ["a", "b", "c"]
      return "; write \(name)(\(letters.prefix(count.upperBound).joined(separator: ", ")))"
    }
  }
}
