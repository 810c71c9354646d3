import Kernels

/// Turns `Syntax` into a `Graph`: looks names up, orders statements, names parameters, finds sizes.
///
/// Node 0 of the graph is `x` and node 1 + i the previous value of state i; the rest follows in the
/// order of the (sorted) statements.
struct Assembly {
  private let syntax: Syntax
  private var graph = Graph()
  private var sizes = SizeUnifier()
  /// Size variable of each node; nil for single numbers.
  private var variables: [Int?] = []
  /// What each name stands for; states also under their primed name once that is computed.
  private var nodes: [String: Int] = [:]
  private var parameters: [String: SharedParameter] = [:]
  private var names: Set<String> = []
  /// Size variables of each parameter: rows and columns, or elements.
  private var parameterVariables: [[Int]] = []
  private var parameterBlocks: [Int] = []

  private struct SharedParameter {
    var index: Int
    var form: ParameterForm
    /// The node that reads it, for vectors and scalars.
    var node: Int?
  }

  private init(_ syntax: Syntax) { self.syntax = syntax }

  /// The graph of a text's syntax.
  ///
  /// - Throws: `.parse` with the place of the mistake.
  static func graph(of syntax: Syntax) throws(Failure) -> Graph {
    let order = try StatementOrder.sort(syntax)
    var assembly = Assembly(syntax)
    try assembly.declareStates(order)
    for index in order { try assembly.add(syntax.statements[index]) }
    assembly.resolveSizes()
    return assembly.graph
  }

  private mutating func declareStates(_ order: [Int]) throws(Failure) {
    _ = append(Node(.input, size: .input), sizes.variable(.input))
    nodes["x"] = 0
    let names = order.map { syntax.statements[$0] }.filter(\.definesState)
      .map { String($0.target.dropLast()) }
    for name in ["h"] + names.filter({ $0 != "h" }) {
      let variable = sizes.variable(name == "h" ? .hidden : nil)
      nodes[name] = append(Node(.state(graph.states.count), size: .hidden), variable)
      graph.states.append(StateVariable(name: name, size: .hidden, next: 0))
    }
    guard graph.states.count <= CellLimits.states else {
      throw Failure(
        .limit, "\(graph.states.count) states are over the limit of \(CellLimits.states)")
    }
  }

  private mutating func append(_ node: Node, _ variable: Int?) -> Int {
    graph.nodes.append(node)
    variables.append(variable)
    return graph.nodes.count - 1
  }

  private mutating func add(_ statement: Statement) throws(Failure) {
    var values: [Int] = []
    values.reserveCapacity(statement.expressions.count)
    let created = graph.nodes.count
    for index in statement.expressions {
      let expression = syntax.expressions[index]
      let operands = expression.operands.map { values[$0 - statement.expressions.lowerBound] }
      values.append(try value(of: expression, operands, target: statement.target))
    }
    guard let result = values.last else { return }
    nodes[statement.target] = result
    if result >= created {
      switch graph.nodes[result].kind {
      case .affine, .operation:
        graph.nodes[result].name = statement.target
      // Inputs and parameters keep their own name; the statement only gives them another.
      case .input, .state, .constant, .parameter: break
      }
    }
    guard statement.definesState,
      let state = graph.states.firstIndex(where: { $0.name == statement.target.dropLast() })
    else { return }
    guard let variable = variables[result], let own = variables[1 + state] else {
      throw statement.place.failure(
        "\(statement.target) is a single number; a state is a vector, so add one to it")
    }
    sizes.unify(variable, own)
    graph.states[state].next = result
  }

  // MARK: - Values

  private mutating func value(
    of expression: SyntaxExpression, _ operands: [Int], target: String
  ) throws(Failure) -> Int {
    switch expression.kind {
    case .name(let name):
      guard let node = nodes[name] else {
        throw expression.place.failure("'\(name)' is not defined")
      }
      return node
    case .number(let value):
      return append(Node(.constant(value), size: .scalar), nil)
    case .operation(let operation):
      return try apply(operation, operands, at: expression.place)
    case .linear(let hasBias, let blocks):
      return try linear(
        operands, hasBias: hasBias, blocks: blocks, target: target, at: expression.place)
    case .matrix(let name, let isTransposed, let blocks):
      return try matrix(
        name, isTransposed: isTransposed, blocks: blocks, operands[0], at: expression.place)
    case .vector(let name):
      return try shared(name, .vector, at: expression.place)
    case .scalar(let name):
      return try shared(name, .scalar, at: expression.place)
    }
  }

  private mutating func apply(
    _ operation: Operation, _ operands: [Int], at place: Place
  ) throws(Failure) -> Int {
    var common: Int?
    for operand in operands {
      guard let variable = variables[operand] else { continue }
      if let common { sizes.unify(common, variable) }
      common = common ?? variable
    }
    if case .layerNorm = operation.rule, common == nil {
      throw place.failure("\(operation.name) of a single number; it needs a vector")
    }
    return append(Node(.operation(operation), operands: operands, size: .scalar), common)
  }

  private mutating func linear(
    _ operands: [Int], hasBias: Bool, blocks: Int, target: String, at place: Place
  ) throws(Failure) -> Int {
    let result = sizes.variable()
    var products: [MatrixProduct] = []
    for operand in operands {
      guard let variable = variables[operand] else {
        throw place.failure(
          "linear of \(quote(operand)), a single number; a matrix needs a vector")
      }
      let name = freshName("W[\(target), \(writing(of: operand).shortText)]")
      products.append(
        MatrixProduct(parameter: try addParameter(name, [result, variable], blocks, at: place)))
    }
    var bias: Int?
    if hasBias { bias = try addParameter(freshName("b[\(target)]"), [result], 0, at: place) }
    return append(
      Node(.affine(products: products, bias: bias), operands: operands, size: .hidden), result)
  }

  private mutating func matrix(
    _ name: String, isTransposed: Bool, blocks: Int, _ operand: Int, at place: Place
  ) throws(Failure) -> Int {
    guard let variable = variables[operand] else {
      throw place.failure("matrix of \(quote(operand)), a single number; it needs a vector")
    }
    let index: Int
    if let known = parameters[name] {
      guard known.form == .matrix else {
        throw place.failure("'\(name)' is a \(known.form.rawValue), not a matrix; use another name")
      }
      guard parameterBlocks[known.index] == blocks else {
        throw place.failure(
          "matrix '\(name)' has \(parameterBlocks[known.index]) blocks elsewhere, here \(blocks)")
      }
      index = known.index
    } else {
      index = try addParameter(name, [sizes.variable(), sizes.variable()], blocks, at: place)
      parameters[name] = SharedParameter(index: index, form: .matrix)
    }
    let (rows, columns) = (parameterVariables[index][0], parameterVariables[index][1])
    sizes.unify(isTransposed ? rows : columns, variable)
    let product = MatrixProduct(parameter: index, isTransposed: isTransposed)
    return append(
      Node(.affine(products: [product], bias: nil), operands: [operand], size: .hidden),
      isTransposed ? columns : rows)
  }

  private mutating func shared(
    _ name: String, _ form: ParameterForm, at place: Place
  ) throws(Failure) -> Int {
    if let known = parameters[name] {
      guard known.form == form, let node = known.node else {
        throw place.failure(
          "'\(name)' is a \(known.form.rawValue), not a \(form.rawValue); use another name")
      }
      return node
    }
    let variable = form == .vector ? sizes.variable() : nil
    let index = try addParameter(name, variable.map { [$0] } ?? [], 0, at: place)
    let node = append(Node(.parameter(index), size: .scalar), variable)
    parameters[name] = SharedParameter(index: index, form: form, node: node)
    return node
  }

  // MARK: - Parameters

  /// Adds a parameter whose size variables are `[rows, columns]`, `[elements]` or none; `blocks` is 0
  /// for what is no matrix.
  private mutating func addParameter(
    _ name: String, _ variables: [Int], _ blocks: Int, at place: Place
  ) throws(Failure) -> Int {
    guard graph.parameters.count < CellLimits.parameters else {
      throw place.failure("more than \(CellLimits.parameters) parameters in one cell")
    }
    names.insert(name)
    // Shapes are filled in when all sizes are known.
    graph.parameters.append(
      Parameter(name: name, shape: .scalar, isBias: name.hasPrefix("b[")))
    parameterVariables.append(variables)
    parameterBlocks.append(blocks)
    return graph.parameters.count - 1
  }

  /// The name, with `.2`, `.3`… when it is taken.
  private func freshName(_ name: String) -> String {
    guard names.contains(name) else { return name }
    var count = 2
    while names.contains("\(name).\(count)") { count += 1 }
    return "\(name).\(count)"
  }

  private mutating func resolveSizes() {
    for node in graph.nodes.indices {
      graph.nodes[node].size = variables[node].map { sizes.size($0) } ?? .scalar
    }
    for state in graph.states.indices { graph.states[state].size = graph.nodes[1 + state].size }
    for (index, variables) in parameterVariables.enumerated() {
      let found = variables.map { sizes.size($0) }
      switch found.count {
      case 2:
        graph.parameters[index].shape = .matrix(
          rows: found[0], columns: found[1], blocks: parameterBlocks[index])
      case 1: graph.parameters[index].shape = .vector(found[0])
      default: graph.parameters[index].shape = .scalar
      }
    }
  }

  // MARK: - Texts

  /// How the equations write the node where it is read.
  ///
  /// Recursion ends at the statement's beginning, so it is no deeper than `CellLimits.depth`.
  private func writing(of index: Int) -> Writing {
    let node = graph.nodes[index]
    if let name = node.name { return Writing(name) }
    switch node.kind {
    case .input: return Writing("x")
    case .state(let state): return Writing(graph.states[state].name)
    case .constant(let value): return .constant(value)
    case .parameter(let parameter):
      let form = parameterVariables[parameter].isEmpty ? ParameterForm.scalar : .vector
      return .call(form.rawValue, [Writing(graph.parameters[parameter].name)])
    case .operation(let operation):
      return .operation(operation, node.operands.map { writing(of: $0) })
    case .affine(let products, let bias):
      let first = products[0]
      let (name, blocks) = (
        graph.parameters[first.parameter].name, parameterBlocks[first.parameter]
      )
      let operands = node.operands.map { writing(of: $0) }
      return isIdentifier(name)
        ? .matrix(name, isTransposed: first.isTransposed, blocks: blocks, operands[0])
        : .call(bias == nil ? "product" : "linear", operands, blocks: blocks)
    }
  }

  private func quote(_ node: Int) -> String {
    let text = writing(of: node).text
    return text.utf8.count <= 40 ? "'\(text)'" : "'\(text.prefix(37))…'"
  }
}
