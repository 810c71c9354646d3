import Kernels

extension Cell {
  /// Reads a recipe of NAS-Bench-NLP (arXiv:2006.07116): `{"node": {"op": …, "input": [...]}, …}`.
  ///
  /// Operations: linear (with bias), blend, prod (also elementwise_prod), sum (also elementwise_sum),
  /// activation_tanh, activation_sigm, activation_leaky_relu (slope 0.01) and their kin. Inputs are x,
  /// h_prev_i and nodes; h_new_i is the next value of state i and h_new_0 the output. Nodes that the
  /// output does not depend on are dropped.
  /// - Throws: `.parse` for bad JSON, `.invalidArgument` naming the node for a bad recipe.
  package init(recipe text: String) throws(Failure) {
    try CellLimits.check("the recipe", bytes: text.utf8.count)
    try self.init(recipe: try JSON(parsing: text))
  }

  package init(recipe: JSON) throws(Failure) {
    var importer = try RecipeImporter(recipe)
    try self.init(graph: try importer.graph())
  }
}

/// Turns a recipe into a graph, operands before what uses them.
private struct RecipeImporter {
  private struct Entry {
    var name: String
    var operation: String
    var inputs: [String]
  }

  private let entries: [Entry]
  private let index: [String: Int]
  private var builder = GraphBuilder()
  private var nodes: [String: Int] = [:]
  private var labels: Set<String> = ["h", "x"]

  init(_ recipe: JSON) throws(Failure) {
    guard let members = recipe.members, !members.isEmpty else {
      throw .invalid("a recipe is an object with a member for each node, such as h_new_0")
    }
    guard members.count <= CellLimits.statements else {
      throw Failure(
        .limit, "a recipe of \(members.count) nodes is over the limit of \(CellLimits.statements)")
    }
    var entries: [Entry] = []
    var index: [String: Int] = [:]
    for member in members {
      guard let operation = member.value["op"]?.string, let inputs = member.value["input"]?.array
      else {
        throw .invalid("node '\(member.name.prefix(64))' needs \"op\" and a list \"input\"")
      }
      let names = inputs.compactMap(\.string)
      guard names.count == inputs.count, (1...CellLimits.operands).contains(names.count) else {
        throw .invalid(
          "node '\(member.name.prefix(64))' needs 1 to \(CellLimits.operands) names as input")
      }
      index[member.name] = entries.count
      entries.append(Entry(name: member.name, operation: operation, inputs: names))
    }
    self.entries = entries
    self.index = index
  }

  mutating func graph() throws(Failure) -> Graph {
    guard index["h_new_0"] != nil else {
      throw .invalid("the recipe has no h_new_0, the output; add that node")
    }
    nodes["x"] = builder.input
    nodes["h_prev_0"] = builder.state("h")
    var read: Set<Int> = []
    for name in entries.flatMap(\.inputs) {
      guard let number = RecipeImporter.number(name, after: "h_prev_"), number > 0 else { continue }
      read.insert(number)
    }
    for number in read.sorted() {
      guard index["h_new_\(number)"] != nil else {
        throw .invalid("h_prev_\(number) is read but there is no h_new_\(number); add that node")
      }
      nodes["h_prev_\(number)"] = builder.state("h\(number)")
      labels.insert("h\(number)")
    }
    for entry in try order() { try add(entry) }
    for number in [0] + read.sorted() {
      guard let node = nodes["h_new_\(number)"] else { continue }
      builder.setNext(number == 0 ? "h" : "h\(number)", node)
    }
    return builder.graph
  }

  /// The entries, inputs before their readers, otherwise as written.
  private func order() throws(Failure) -> [Entry] {
    var isDone = [Bool](repeating: false, count: entries.count)
    var order: [Entry] = []
    while order.count < entries.count {
      let placed = order.count
      for (number, entry) in entries.enumerated() where !isDone[number] {
        let isReady = entry.inputs.allSatisfy { name in
          nodes[name] != nil || index[name].map { isDone[$0] } ?? false
        }
        guard isReady else { continue }
        isDone[number] = true
        order.append(entry)
      }
      guard order.count > placed else { break }
    }
    if order.count == entries.count { return order }
    for (number, entry) in entries.enumerated() where !isDone[number] {
      for name in entry.inputs where nodes[name] == nil && index[name] == nil {
        throw .invalid(
          "node '\(entry.name.prefix(64))' reads '\(name.prefix(64))', which is no node"
            + (nearest(to: name, among: entries.map(\.name) + ["x", "h_prev_0"])
              .map { "; did you mean '\($0)'?" } ?? ""))
      }
    }
    let first = isDone.firstIndex(of: false) ?? 0
    throw .invalid(
      "node '\(entries[first].name.prefix(64))' is part of a circle; break it with h_prev_…")
  }

  private mutating func add(_ entry: Entry) throws(Failure) {
    let operands = entry.inputs.compactMap { nodes[$0] }
    let label = self.label(entry.name)
    let node: Int
    switch entry.operation {
    case "linear":
      node = builder.linear(operands, as: label)
    case "prod", "elementwise_prod", "sum", "elementwise_sum":
      let isSum = entry.operation.hasSuffix("sum")
      var total = operands[0]
      for operand in operands.dropFirst() {
        total = try builder.apply(isSum ? "add" : "multiply", [total, operand])
      }
      if operands.count > 1 { builder.label(total, label) }
      node = total
    case "blend":
      guard operands.count == 3 else {
        throw .invalid(
          "node '\(entry.name.prefix(64))': blend takes a gate and two values, not \(operands.count)"
        )
      }
      node = try builder.apply("blend", operands, as: label)
    default:
      guard entry.operation.hasPrefix("activation_"), operands.count == 1,
        let activation = RecipeImporter.activation(String(entry.operation.dropFirst(11)))
      else {
        throw .invalid(
          "node '\(entry.name.prefix(64))': unknown op '\(entry.operation.prefix(64))' of "
            + "\(operands.count) inputs; there are linear, blend, prod, sum, activation_tanh, "
            + "activation_sigm, activation_leaky_relu")
      }
      node =
        activation == "identity" ? operands[0] : try builder.apply(activation, operands, as: label)
    }
    nodes[entry.name] = node
  }

  private static func activation(_ name: String) -> String? {
    let name = name == "sigm" ? "sigmoid" : name
    guard let operation = Operation.named(name), operation.operandCount == 1...1 else { return nil }
    return name
  }

  /// A name that equations can use; next states get theirs from the state.
  private mutating func label(_ name: String) -> String {
    if RecipeImporter.number(name, after: "h_new_") != nil { return "" }
    guard isIdentifier(name), !labels.contains(name) else { return "" }
    labels.insert(name)
    return name
  }

  private static func number(_ name: String, after prefix: String) -> Int? {
    guard name.hasPrefix(prefix), let number = Int(name.dropFirst(prefix.count)),
      (0..<CellLimits.states).contains(number)
    else { return nil }
    return number
  }
}
