import Glibc
import Kernels

/// Runs a cell in double precision, node by node, exactly as its graph says.
///
/// It shares nothing with the plan but the operations' formulas: tests hold the plan against it, and
/// the fingerprint is made with it. It is not fast.
package struct Interpreter: Sendable {
  package let graph: Graph
  package let inputSize: Int
  package let hiddenSize: Int

  package init(_ graph: Graph, inputSize: Int, hiddenSize: Int) {
    self.graph = graph
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
  }

  /// The number of elements of a size: that of an input, of a hidden state, or 1.
  package func count(_ size: Size) -> Int {
    size.count(inputSize: inputSize, hiddenSize: hiddenSize)
  }

  /// The number of elements of a parameter's array.
  package func count(_ parameter: Parameter) -> Int {
    switch parameter.shape {
    case .matrix(let rows, let columns, let blocks): count(rows) &* (count(columns) / blocks)
    case .vector(let size): count(size)
    case .scalar: 1
    }
  }

  /// The values of all nodes at one time step.
  ///
  /// - Parameters:
  ///   - parameters: one array per parameter of the graph, matrices row-major [rows, columns / blocks].
  ///   - input: [inputSize].
  ///   - states: the previous value of each state, [size].
  /// - Returns: [nodes][elements]; single numbers have one element.
  package func step(
    parameters: [[Double]], input: [Double], states: [[Double]]
  ) -> [[Double]] {
    var values: [[Double]] = []
    values.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      switch node.kind {
      case .input: values.append(input)
      case .state(let state): values.append(states[state])
      case .constant(let value): values.append([value])
      case .parameter(let parameter): values.append(parameters[parameter])
      case .affine(let products, let bias):
        var sum = bias.map { parameters[$0] } ?? [Double](repeating: 0, count: count(node.size))
        for (product, operand) in zip(products, node.operands) {
          apply(product, parameters[product.parameter], values[operand], to: &sum)
        }
        values.append(sum)
      case .operation(let operation):
        values.append(
          evaluate(operation, node.operands.map { values[$0] }, count: count(node.size)))
      }
    }
    return values
  }

  /// The states after each time step, starting from `states`: [steps][states][elements].
  package func run(
    parameters: [[Double]], inputs: [[Double]], states: [[Double]]
  ) -> [[[Double]]] {
    var current = states
    return inputs.map { input in
      let values = step(parameters: parameters, input: input, states: current)
      current = graph.states.map { values[$0.next] }
      return current
    }
  }

  /// Adds a matrix times a vector to a sum.
  private func apply(
    _ product: MatrixProduct, _ matrix: [Double], _ vector: [Double], to sum: inout [Double]
  ) {
    guard
      case .matrix(let rows, let columns, let blocks) = graph.parameters[product.parameter].shape
    else { return }
    let height = count(rows) / blocks
    let width = count(columns) / blocks
    for block in 0..<blocks {
      for row in 0..<height {
        for column in 0..<width {
          let (r, c) = (block * height + row, block * width + column)
          if product.isTransposed {
            sum[c] += matrix[r * width + column] * vector[r]
          } else {
            sum[r] += matrix[r * width + column] * vector[c]
          }
        }
      }
    }
  }

  /// An operation applied to vectors and single numbers.
  package func evaluate(_ operation: Operation, _ operands: [[Double]], count: Int) -> [Double] {
    switch operation.rule {
    case .elementwise(let value, _):
      let expression = value(operands.indices.map { .operand($0) })
      return expression.evaluate(operands: operands, result: [], gradient: [], count: count)
    case .layerNorm: return layerNorm(operands[0])
    }
  }

  private func layerNorm(_ a: [Double]) -> [Double] {
    let mean = a.reduce(0, +) / Double(a.count)
    let variance = a.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(a.count)
    let scale = 1 / (variance + Operation.layerNormEpsilon).squareRoot()
    return a.map { ($0 - mean) * scale }
  }
}

extension Expression {
  /// The formula's value for each of `count` elements; arrays of one element are spread.
  package func evaluate(
    operands: [[Double]], result: [Double], gradient: [Double], count: Int
  ) -> [Double] {
    func spread(_ values: [Double]) -> [Double] {
      values.count == count ? values : [Double](repeating: values.first ?? 0, count: count)
    }
    switch self {
    case .operand(let index): return spread(operands[index])
    case .result: return spread(result)
    case .gradient: return spread(gradient)
    case .constant(let value): return [Double](repeating: value, count: count)
    case .apply(let primitive, let arguments, let k):
      let values = arguments.map {
        $0.evaluate(operands: operands, result: result, gradient: gradient, count: count)
      }
      return (0..<count).map { i in
        primitive.evaluate(
          values.isEmpty ? 0 : values[0][i], values.count > 1 ? values[1][i] : 0,
          values.count > 2 ? values[2][i] : 0, k)
      }
    }
  }
}
