import Kernels

/// Checks which names the statements define and read, and puts definitions before uses.
enum StatementOrder {
  /// The statements' indices in an order where every name is defined before it is read, as near as
  /// possible to how they are written.
  ///
  /// - Throws: `.parse` for duplicate, undefined, unused and circular names and for a missing `h'`.
  static func sort(_ syntax: Syntax) throws(Failure) -> [Int] {
    let statements = syntax.statements
    guard let last = statements.last else {
      throw Place(line: 1, column: 1).failure(
        "no equations; write at least h' = …, as in h' = tanh(linear(x, h))")
    }
    guard statements.count <= CellLimits.statements else {
      throw Failure(
        .limit, "\(statements.count) statements are over the limit of \(CellLimits.statements)")
    }
    let definitions = try definitions(in: statements)
    guard definitions["h'"] != nil else {
      throw last.place.failure(
        "h' is not defined; h is the output, so one statement must be h' = …")
    }
    let needs = try dependencies(of: syntax, definitions)
    return try order(statements, needs)
  }

  private static func definitions(in statements: [Statement]) throws(Failure) -> [String: Int] {
    var definitions: [String: Int] = [:]
    for (index, statement) in statements.enumerated() {
      let target = statement.target
      if target == "x" || target == "x'" {
        throw statement.place.failure(
          "\(target) cannot be defined; x is the input, so choose another name")
      }
      if target == "h" {
        throw statement.place.failure("h is the previous state; the next one is written h' = …")
      }
      if Operation.named(target) != nil || ParameterForm(rawValue: target) != nil {
        throw statement.place.failure("'\(target)' is an operation; choose another name")
      }
      if let earlier = definitions[target] {
        throw statement.place.failure(
          "'\(target)' is defined a second time (first on line \(statements[earlier].place.line)); "
            + "choose another name")
      }
      definitions[target] = index
    }
    for statement in statements where statement.definesState {
      let plain = String(statement.target.dropLast())
      if let other = definitions[plain] {
        throw statements[other].place.failure(
          "'\(plain)' is a state, because \(plain)' is defined; give this value another name")
      }
      if Operation.named(plain) != nil || ParameterForm(rawValue: plain) != nil {
        throw statement.place.failure("'\(plain)' is an operation; choose another name")
      }
    }
    return definitions
  }

  /// For each statement, the statements whose names it reads.
  private static func dependencies(
    of syntax: Syntax, _ definitions: [String: Int]
  ) throws(Failure) -> [[Int]] {
    var read: Set<String> = []
    var needs: [[Int]] = []
    for statement in syntax.statements {
      var own: [Int] = []
      for index in statement.expressions {
        let expression = syntax.expressions[index]
        guard case .name(let name) = expression.kind else { continue }
        read.insert(name)
        if let definition = definitions[name] {
          own.append(definition)
        } else if name != "x", name != "h", definitions[name + "'"] == nil {
          throw expression.place.failure(undefined(name, definitions, syntax.statements))
        }
      }
      needs.append(own)
    }
    for statement in syntax.statements {
      if statement.definesState {
        let plain = String(statement.target.dropLast())
        guard plain == "h" || read.contains(plain) else {
          throw statement.place.failure(
            "the state \(plain) is never read; write \(plain) = … without the prime, or use \(plain)"
          )
        }
      } else if !read.contains(statement.target) {
        throw statement.place.failure(
          "'\(statement.target)' is not used; use it or remove the statement")
      }
    }
    return needs
  }

  private static func undefined(
    _ name: String, _ definitions: [String: Int], _ statements: [Statement]
  ) -> String {
    if Operation.named(name) != nil || ParameterForm(rawValue: name) != nil {
      return "'\(name)' is an operation and needs brackets: \(name)(…)"
    }
    if name == "x'" { return "the input has no next state; write x" }
    if name.hasSuffix("'"), definitions[String(name.dropLast())] != nil {
      return "'\(name)' is not defined; did you mean '\(name.dropLast())'?"
    }
    let names =
      ["x", "h"]
      + statements.flatMap {
        $0.definesState ? [$0.target, String($0.target.dropLast())] : [$0.target]
      }
    if name.utf8.count > 1, let match = nearest(to: name, among: names) {
      return "'\(name)' is not defined; did you mean '\(match)'?"
    }
    if let first = name.utf8.first, "WU".utf8.contains(first) {
      return "'\(name)' is not defined; weights need no names: linear(a, b) has a matrix for each "
        + "and a bias"
    }
    return name.hasSuffix("'")
      ? "'\(name)' is not defined; add a statement \(name) = …"
      : "'\(name)' is not defined; add \(name) = …, or \(name)' = … to make it a state"
  }

  private static func order(
    _ statements: [Statement], _ needs: [[Int]]
  ) throws(Failure) -> [Int] {
    var isDone = [Bool](repeating: false, count: statements.count)
    var order: [Int] = []
    order.reserveCapacity(statements.count)
    // `next` is the first statement not yet placed; usually it is ready.
    var next = 0
    while next < statements.count {
      if isDone[next] {
        next += 1
        continue
      }
      guard
        let ready = (next..<statements.count).first(where: { index in
          !isDone[index] && needs[index].allSatisfy { isDone[$0] }
        })
      else { throw circle(statements, needs, isDone, from: next) }
      isDone[ready] = true
      order.append(ready)
    }
    return order
  }

  /// The failure for names that need each other.
  private static func circle(
    _ statements: [Statement], _ needs: [[Int]], _ isDone: [Bool], from start: Int
  ) -> Failure {
    var path: [Int] = [start]
    while let blocked = needs[path[path.count - 1]].first(where: { !isDone[$0] }) {
      if let first = path.firstIndex(of: blocked) {
        let names = (path[first...] + [blocked]).map { statements[$0].target }
        return statements[blocked].place.failure(
          "\(names.prefix(8).joined(separator: " needs ")); break the circle with a previous state, "
            + "which is written without a prime")
      }
      path.append(blocked)
    }
    return statements[start].place.failure("'\(statements[start].target)' depends on itself")
  }
}
