import Kernels

/// Evaluates a graph on residues; see `Canonical`.
struct ResidueEvaluation {
  private let labels: [UInt64]
  /// Residues whose value is a known number.
  private var constants: [Residue: Double] = [.zero: 0, .one: 1]
  /// Residues of values that are never negative.
  private var nonNegative: Set<Residue> = [.zero, .one]

  /// Labels of the parameters, then of the states but h.
  init(labels: [UInt64]) { self.labels = labels }

  private enum Tag: UInt64 {
    case input = 1
    case state, parameter, matrix, layerNorm, primitive, next, label
  }

  /// Two hashes of the whole time step: h's next value, the other states' next values in any order, and
  /// the parameters in any order.
  mutating func outcome(of graph: Graph) -> [UInt64] {
    let parameterCount = graph.parameters.count
    var values: [Residue] = []
    values.reserveCapacity(graph.nodes.count)
    for node in graph.nodes { values.append(value(of: node, values, graph)) }
    var sum = Residue.zero
    for (index, state) in graph.states.enumerated() {
      let label = index == 0 ? 0 : labels[parameterCount + index - 1]
      let next = values[state.next]
      sum = sum + Residue(hashing: [Tag.next.rawValue, label, next.first, next.second])
    }
    for label in labels { sum = sum + Residue(hashing: [Tag.label.rawValue, label]) }
    return [sum.first, sum.second]
  }

  private mutating func value(of node: Node, _ values: [Residue], _ graph: Graph) -> Residue {
    switch node.kind {
    case .input: return Residue(hashing: [Tag.input.rawValue])
    case .state(let state):
      let label = state == 0 ? 0 : labels[graph.parameters.count + state - 1]
      return Residue(hashing: [Tag.state.rawValue, label])
    case .constant(let value): return constant(value)
    case .parameter(let parameter): return self.parameter(parameter)
    case .affine(let products, let bias):
      var sum = bias.map { parameter($0) } ?? .zero
      for (product, operand) in zip(products, node.operands) where values[operand] != .zero {
        sum =
          sum
          + odd(values[operand]) { operand in
            Residue(hashing: [
              Tag.matrix.rawValue, labels[product.parameter], product.isTransposed ? 1 : 0,
              operand.first, operand.second,
            ])
          }
      }
      return sum
    case .operation(let operation):
      let operands = node.operands.map { values[$0] }
      switch operation.rule {
      case .layerNorm:
        return odd(operands[0]) { operand in
          Residue(hashing: [Tag.layerNorm.rawValue, operand.first, operand.second])
        }
      case .elementwise(let value, _):
        return evaluate(value(operands.indices.map { .operand($0) }), operands)
      }
    }
  }

  private func parameter(_ index: Int) -> Residue {
    Residue(hashing: [Tag.parameter.rawValue, labels[index]])
  }

  private mutating func constant(_ value: Double) -> Residue {
    let residue = Residue(value)
    constants[residue] = constants[residue] ?? value
    if value >= 0 { nonNegative.insert(residue) }
    return residue
  }

  /// f(a) for an odd function f: -f(-a) where a counts as negative.
  private func odd(_ a: Residue, _ f: (Residue) -> Residue) -> Residue {
    a.isNegative ? -f(-a) : f(a)
  }

  private mutating func evaluate(_ expression: Expression, _ operands: [Residue]) -> Residue {
    switch expression {
    case .operand(let index): return operands[index]
    case .constant(let value): return constant(value)
    case .result, .gradient: return .zero
    case .apply(let primitive, let arguments, let k):
      var values: [Residue] = []
      for argument in arguments { values.append(evaluate(argument, operands)) }
      let result = apply(primitive, values, k)
      // What is made of known numbers alone is a known number.
      let known = values.compactMap { constants[$0] }
      if known.count == values.count, constants[result] == nil {
        let number = primitive.evaluate(
          known.first ?? 0, known.count > 1 ? known[1] : 0, known.count > 2 ? known[2] : 0, k)
        if isRing(primitive) {
          constants[result] = number
          if number >= 0 { nonNegative.insert(result) }
        } else {
          return constant(number)
        }
      }
      return result
    }
  }

  /// Whether residues follow it exactly.
  private func isRing(_ primitive: Primitive) -> Bool {
    switch primitive {
    case .fill, .copy, .add, .subtract, .multiply, .divide, .multiplyAdd, .scale, .offset,
      .reciprocal:
      true
    default: false
    }
  }

  private mutating func apply(_ primitive: Primitive, _ a: [Residue], _ k: Double) -> Residue {
    switch primitive {
    case .fill: return constant(k)
    case .copy: return a[0]
    case .add: return sum(a[0], a[1])
    case .subtract: return a[0] - a[1]
    case .multiply: return product(a[0], a[1])
    case .multiplyAdd: return sum(product(a[0], a[1]), a[2])
    case .scale: return product(a[0], constant(k))
    case .offset: return sum(a[0], constant(k))
    case .divide:
      guard let inverse = a[1].inverse else { return opaque(primitive, a, k) }
      return a[0] * inverse
    case .reciprocal: return a[0].inverse ?? opaque(primitive, a, k)
    case .maximum: return maximum(a[0], a[1])
    case .minimum: return -maximum(-a[0], -a[1])
    case .relu: return maximum(a[0], .zero)
    case .abs: return maximum(a[0], -a[0])
    // max(a, k a) for a slope below 1.
    case .leakyRelu:
      return k > 0 && k < 1 ? maximum(a[0], a[0] * constant(k)) : opaque(primitive, a, k)
    case .sigmoid: return sigmoid(a[0])
    case .tanh: return sum(product(constant(2), sigmoid(a[0] + a[0])), constant(-1))
    case .sin: return odd(a[0]) { opaque(primitive, [$0], 0) }
    case .cos: return opaque(primitive, [a[0].isNegative ? -a[0] : a[0]], 0)
    case .exp, .sqrt:
      let result = opaque(primitive, a, 0)
      nonNegative.insert(result)
      return result
    default: return opaque(primitive, a, k)
    }
  }

  private mutating func sum(_ a: Residue, _ b: Residue) -> Residue {
    let result = a + b
    if nonNegative.contains(a), nonNegative.contains(b) { nonNegative.insert(result) }
    return result
  }

  private mutating func product(_ a: Residue, _ b: Residue) -> Residue {
    let result = a * b
    if a == b || (nonNegative.contains(a) && nonNegative.contains(b)) { nonNegative.insert(result) }
    return result
  }

  /// sigmoid(-a) = 1 - sigmoid(a).
  private mutating func sigmoid(_ a: Residue) -> Residue {
    let positive = opaque(.sigmoid, [a.isNegative ? -a : a], 0)
    let result = a.isNegative ? .one - positive : positive
    nonNegative.insert(result)
    return result
  }

  private mutating func maximum(_ a: Residue, _ b: Residue) -> Residue {
    if a == b { return a }
    if a == .zero, nonNegative.contains(b) { return b }
    if b == .zero, nonNegative.contains(a) { return a }
    if a == -b, nonNegative.contains(a) { return a }
    if a == -b, nonNegative.contains(b) { return b }
    let isOrdered = (a.first, a.second) < (b.first, b.second)
    let result = opaque(.maximum, isOrdered ? [a, b] : [b, a], 0)
    if nonNegative.contains(a) || nonNegative.contains(b) || a == -b { nonNegative.insert(result) }
    return result
  }

  private func opaque(_ primitive: Primitive, _ a: [Residue], _ k: Double) -> Residue {
    let operands = a.flatMap { [$0.first, $0.second] }
    return Residue(
      hashing: [
        Tag.primitive.rawValue, Self.primitiveHashes[primitive] ?? 0, k.bitPattern,
      ] + operands)
  }

  /// Primitives by name: their numbers may change from one version to the next.
  private static let primitiveHashes = Dictionary(
    Primitive.allCases.map { ($0, stableHash("\($0)")) }, uniquingKeysWith: { first, _ in first })
}
