import Cells

/// One sequence through a cell in double precision: what the plan's forward and backward are held to.
package struct ReferenceRun {
  package let interpreter: Interpreter
  package let parameters: [[Double]]
  package let inputs: [[Double]]
  package let initialStates: [[Double]]
  /// The value of every node at every step, [steps][nodes][elements].
  package let values: [[[Double]]]

  /// Runs forward over `inputs`, [steps][inputSize].
  package init(
    _ interpreter: Interpreter, parameters: [[Double]], inputs: [[Double]],
    initialStates: [[Double]]
  ) {
    self.interpreter = interpreter
    self.parameters = parameters
    self.inputs = inputs
    self.initialStates = initialStates
    var values: [[[Double]]] = []
    var states = initialStates
    for input in inputs {
      let step = interpreter.step(parameters: parameters, input: input, states: states)
      states = interpreter.graph.states.map { step[$0.next] }
      values.append(step)
    }
    self.values = values
  }

  /// h after each step, [steps][hiddenSize].
  package var outputs: [[Double]] { values.map { $0[interpreter.graph.states[0].next] } }

  /// The states after the last step.
  package var finalStates: [[Double]] {
    guard let last = values.last else { return initialStates }
    return interpreter.graph.states.map { last[$0.next] }
  }
}

/// The gradients of a loss with respect to everything that went into a run.
package struct ReferenceGradient {
  package var parameters: [[Double]]
  package var inputs: [[Double]]
  package var initialStates: [[Double]]

  /// Reverse mode through all nodes and time steps, with the operations' own derivatives.
  ///
  /// - Parameters:
  ///   - outputs: the loss's gradient with respect to each output, [steps][hiddenSize].
  ///   - finalStates: the same for each state after the last step.
  package init(_ run: ReferenceRun, outputs: [[Double]], finalStates: [[Double]]) {
    let graph = run.interpreter.graph
    parameters = run.parameters.map { [Double](repeating: 0, count: $0.count) }
    inputs = run.inputs.map { [Double](repeating: 0, count: $0.count) }
    initialStates = []
    var states = finalStates
    for step in run.values.indices.reversed() {
      var gradients = run.values[step].map { [Double](repeating: 0, count: $0.count) }
      for (index, state) in graph.states.enumerated() {
        add(states[index], to: &gradients[state.next])
      }
      add(outputs[step], to: &gradients[graph.states[0].next])
      states = run.initialStates.map { [Double](repeating: 0, count: $0.count) }
      for node in graph.nodes.indices.reversed() {
        switch graph.nodes[node].kind {
        case .input: add(gradients[node], to: &inputs[step])
        case .state(let state): add(gradients[node], to: &states[state])
        case .constant: break
        case .parameter(let parameter): add(gradients[node], to: &parameters[parameter])
        case .affine(let products, let bias):
          if let bias { add(gradients[node], to: &parameters[bias]) }
          for (product, operand) in zip(products, graph.nodes[node].operands) {
            propagate(
              run, product, operand: run.values[step][operand], gradient: gradients[node],
              to: &gradients[operand])
          }
        case .operation(let operation):
          let operands = graph.nodes[node].operands
          let parts = Self.derivatives(
            operation, operands.map { run.values[step][$0] }, result: run.values[step][node],
            gradient: gradients[node])
          for (operand, part) in zip(operands, parts) { add(part, to: &gradients[operand]) }
        }
      }
    }
    initialStates = states
  }

  /// The gradient of each operand, before it is summed for single numbers.
  package static func derivatives(
    _ operation: Operation, _ operands: [[Double]], result: [Double], gradient: [Double]
  ) -> [[Double]] {
    switch operation.rule {
    case .elementwise(_, let derivative):
      return derivative(operands.indices.map { .operand($0) }, .result, .gradient).map {
        $0.evaluate(
          operands: operands, result: result, gradient: gradient, count: result.count)
      }
    case .layerNorm:
      let a = operands[0]
      let count = Double(a.count)
      let mean = a.reduce(0, +) / count
      let variance = a.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count
      let scale = 1 / (variance + Operation.layerNormEpsilon).squareRoot()
      let meanGradient = gradient.reduce(0, +) / count
      let meanProduct = zip(gradient, result).reduce(0) { $0 + $1.0 * $1.1 } / count
      return [zip(gradient, result).map { scale * ($0 - meanGradient - $1 * meanProduct) }]
    }
  }

  private mutating func propagate(
    _ run: ReferenceRun, _ product: MatrixProduct, operand: [Double], gradient: [Double],
    to operandGradient: inout [Double]
  ) {
    let interpreter = run.interpreter
    guard
      case .matrix(let rowSize, let columnSize, let blocks) =
        interpreter.graph.parameters[product.parameter].shape
    else { return }
    let matrix = run.parameters[product.parameter]
    let height = interpreter.count(rowSize) / blocks
    let width = interpreter.count(columnSize) / blocks
    for r in 0..<height * blocks {
      for column in 0..<width {
        let c = r / height * width + column
        let index = r * width + column
        let (from, to) = product.isTransposed ? (r, c) : (c, r)
        parameters[product.parameter][index] += gradient[to] * operand[from]
        operandGradient[from] += gradient[to] * matrix[index]
      }
    }
  }
}

/// Adds element by element; into a single number goes the sum.
private func add(_ values: [Double], to sum: inout [Double]) {
  if sum.count == 1 {
    sum[0] += values.reduce(0, +)
  } else {
    for index in sum.indices { sum[index] += values[values.count == 1 ? 0 : index] }
  }
}
