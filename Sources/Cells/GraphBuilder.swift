import Kernels

/// Builds a cell node by node, for importers and searches.
///
/// Nodes are integers. Sizes and parameter names are worked out when the cell is made.
///
///     var builder = GraphBuilder()
///     let h = builder.state("h")
///     let sum = builder.linear([builder.input, h])
///     builder.setNext("h", try builder.apply("tanh", [sum]))
///     let cell = try builder.cell()
package struct GraphBuilder {
  package private(set) var graph = Graph()

  /// Starts with `x` and the previous `h`.
  package init() {
    graph.nodes.append(Node(.input, size: .input))
    _ = state("h")
  }

  /// The node of `x`.
  package var input: Int { 0 }

  /// The node of a state's previous value; the state is added when it is new.
  package mutating func state(_ name: String) -> Int {
    if let index = graph.states.firstIndex(where: { $0.name == name }) {
      return graph.nodes.firstIndex { $0.kind == .state(index) } ?? 0
    }
    graph.states.append(StateVariable(name: name, size: .hidden, next: -1))
    return add(Node(.state(graph.states.count - 1), size: .hidden, name: nil))
  }

  /// Says what a state becomes; the state is added when it is new.
  package mutating func setNext(_ name: String, _ node: Int) {
    _ = state(name)
    guard let index = graph.states.firstIndex(where: { $0.name == name }) else { return }
    graph.states[index].next = node
  }

  package mutating func constant(_ value: Double) -> Int {
    add(Node(.constant(value), size: .scalar))
  }

  /// An operation by name.
  ///
  /// - Throws: `.invalidArgument` for an unknown operation or a wrong number of operands.
  package mutating func apply(
    _ name: String, _ operands: [Int], as label: String? = nil
  ) throws(Failure) -> Int {
    guard let operation = Operation.named(name) else {
      throw .invalid("'\(name.prefix(64))' is not an operation\(Parser.remedy(name))")
    }
    guard operation.operandCount.contains(operands.count) else {
      throw .invalid("\(name) does not take \(operands.count) operands")
    }
    return apply(operation, operands, as: label)
  }

  package mutating func apply(
    _ operation: Operation, _ operands: [Int], as label: String? = nil
  ) -> Int {
    add(Node(.operation(operation), operands: operands, size: .hidden, name: label))
  }

  /// A fresh matrix for each operand, summed, with a fresh bias unless told otherwise.
  package mutating func linear(
    _ operands: [Int], hasBias: Bool = true, blocks: Int = 1, as label: String? = nil
  ) -> Int {
    let products = operands.map { _ in
      MatrixProduct(
        parameter: add(
          Parameter(name: "", shape: .matrix(rows: .hidden, columns: .hidden, blocks: blocks))))
    }
    let bias =
      hasBias ? add(Parameter(name: "", shape: .vector(.hidden), isBias: true)) : nil
    return add(
      Node(
        .affine(products: products, bias: bias), operands: operands, size: .hidden, name: label))
  }

  /// A learned vector.
  package mutating func vector(_ name: String) -> Int {
    add(Node(.parameter(add(Parameter(name: name, shape: .vector(.hidden)))), size: .hidden))
  }

  /// A learned number.
  package mutating func scalar(_ name: String) -> Int {
    add(Node(.parameter(add(Parameter(name: name, shape: .scalar))), size: .scalar))
  }

  /// Names a node as a statement would.
  package mutating func label(_ node: Int, _ name: String) { graph.nodes[node].name = name }

  /// The cell built so far.
  ///
  /// - Throws: what `Cell.init(graph:)` throws; `.invalidArgument` when a state has no next value.
  package func cell() throws(Failure) -> Cell { try Cell(graph: graph) }

  private mutating func add(_ node: Node) -> Int {
    graph.nodes.append(node)
    return graph.nodes.count - 1
  }

  private mutating func add(_ parameter: Parameter) -> Int {
    graph.parameters.append(parameter)
    return graph.parameters.count - 1
  }
}
