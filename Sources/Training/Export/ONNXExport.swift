import Cells
import Execution
import Kernels

extension Export {
  /// An ONNX model: inputs `x` and the states of all layers, outputs `y` and the states after the last step.
  ///
  /// Length and batch are free. Cells that ONNX has an operator for become that; all others a `Scan`.
  /// - Throws: `.invalidArgument` for a matrix that is read transposed in blocks.
  func onnx() throws(Failure) -> [UInt8] {
    var graph = ONNXGraph("model")
    let batch = ONNXGraph.Dimension.free("batch")
    let steps = ONNXGraph.Dimension.free("steps")
    var below = "x"
    if let embedding {
      graph.addInput("x", [steps, batch], isInteger: true)
      let table = graph.add(
        "embedding.weight", shape: embedding.shape, floats: weights.read(embedding))
      below = graph.node("Gather", [table, "x"])
    } else {
      graph.addInput("x", [steps, batch, .number(network.inputSize)])
    }
    for state in network.states {
      graph.addInput(name(state), [batch, .number(state.size)])
    }
    for layer in network.cells.indices {
      let isEnd = speaksOnce && layer == network.cells.count - 1
      var outputs: [String] = []
      for index in parts(of: layer) {
        var output = try add(part: index, below, to: &graph)
        if isEnd { output = end(output, first: network.parts[index].isReversed, &graph) }
        outputs.append(output)
      }
      var joined =
        outputs.count == 1
        ? outputs[0] : graph.node("Concat", outputs, [("axis", .integer(-1))])
      if isResidual(layer) {
        joined = graph.node("Add", [joined, isEnd ? ends(of: below, layer, &graph) : below])
      }
      below = joined
    }
    addTop(below, to: &graph)
    let size = output?.matrix.rows ?? network.outputSize
    graph.addOutput("y", (speaksOnce ? [batch] : [steps, batch]) + [.number(size)])
    for state in network.states {
      graph.addOutput("next.\(name(state))", [batch, .number(state.size)])
    }
    return graph.model
  }

  private func name(_ state: NetworkState) -> String {
    "layers.\(state.layer).\(state.isReversed ? "reverse." : "")\(state.name)"
  }

  /// The values of the last time step, or the first.
  private func end(_ sequence: String, first: Bool, _ graph: inout ONNXGraph) -> String {
    let index = graph.constant([first ? 0 : -1])
    let one = graph.node("Gather", [sequence, index], [("axis", .integer(0))])
    return graph.node("Squeeze", [one, graph.constant([0])])
  }

  /// What is added to the end of a residual layer: of its input, the part for each direction where that ends.
  private func ends(of below: String, _ layer: Int, _ graph: inout ONNXGraph) -> String {
    let last = end(below, first: false, &graph)
    guard network.wiring.isBidirectional else { return last }
    let half = network.hiddenSizes[layer]
    func part(_ value: String, _ from: Int, _ to: Int, _ graph: inout ONNXGraph) -> String {
      graph.node(
        "Slice", [value, graph.constant([from]), graph.constant([to]), graph.constant([-1])])
    }
    let other = end(below, first: true, &graph)
    return graph.node(
      "Concat", [part(last, 0, half, &graph), part(other, half, 2 * half, &graph)],
      [("axis", .integer(-1))])
  }

  private func addTop(_ value: String, to graph: inout ONNXGraph) {
    guard let output else {
      graph.node("Identity", [value], to: ["y"])
      return
    }
    let matrix =
      isTied
      ? "embedding.weight"
      : graph.add("output.weight", shape: output.matrix.shape, floats: weights.read(output.matrix))
    let bias = graph.add("output.bias", shape: output.bias.shape, floats: weights.read(output.bias))
    let turned = graph.node("Transpose", [matrix], [("perm", .integers([1, 0]))])
    let product = graph.node("MatMul", [value, turned])
    let result = graph.node(
      "Add", [product, bias], to: kind == .values || kind == nil ? ["y"] : nil)
    switch kind {
    case .classes: graph.node("Softmax", [result], to: ["y"], [("axis", .integer(-1))])
    case .labels: graph.node("Sigmoid", [result], to: ["y"])
    case .values, nil: break
    }
  }

  /// A part of a layer over all time steps; gives the name of its outputs [steps, batch, H].
  private func add(
    part index: Int, _ input: String, to graph: inout ONNXGraph
  ) throws(Failure) -> String {
    let part = network.parts[index]
    let states = network.states.filter {
      $0.layer == part.layer && $0.isReversed == part.isReversed
    }.map { name($0) }
    if network.wiring.zoneout == 0, let known = ONNXOperator(part.cell) {
      return add(known, part, index, input, states, to: &graph)
    }
    let body = try step(part, index, &graph)
    let direction = part.isReversed ? 1 : 0
    let results = states.map { "next.\($0)" } + [graph.fresh()]
    graph.node(
      "Scan", states + [input], to: results,
      [
        ("body", .graph(body)), ("num_scan_inputs", .integer(1)),
        ("scan_input_directions", .integers([direction])),
        ("scan_output_directions", .integers([direction])),
      ])
    return results[results.count - 1]
  }

  /// The body of a Scan: the states and x in, the next states and h out.
  private func step(
    _ part: NetworkPart, _ index: Int, _ outer: inout ONNXGraph
  ) throws(Failure) -> ONNXGraph {
    let cell = graph(part)
    let program = StepProgram(cell)
    var body = ONNXGraph("layer\(part.layer)\(part.isReversed ? "r" : "")")
    // Weights belong to the outer graph, whose names the body sees.
    var matrices: [String] = []
    for (parameter, entry) in zip(cell.parameters, network.parameters[index]) {
      let name = "layers.\(part.name)\(parameter.name)"
      matrices.append(outer.add(name, shape: entry.shape, floats: weights.read(entry)))
    }
    var values = [String](repeating: "", count: cell.nodes.count)
    for (state, variable) in cell.states.enumerated() {
      values[1 + state] = "\(body.name)_in_\(variable.name)"
      body.addInput(values[1 + state], nil)
    }
    values[0] = "\(body.name)_in_x"
    body.addInput(values[0], nil)
    func value(_ node: Int, _ body: inout ONNXGraph) -> String {
      switch cell.nodes[node].kind {
      case .constant(let number): body.constant(Float(number))
      case .parameter(let index): matrices[index]
      case .input, .state, .affine, .operation: values[node]
      }
    }
    for node in program.computed {
      switch cell.nodes[node].kind {
      case .affine(let products, let bias):
        var sum: String?
        for (product, operand) in zip(products, cell.nodes[node].operands) {
          let one = try self.product(
            product, cell.parameters[product.parameter], matrices[product.parameter],
            value(operand, &body), part, &outer, &body)
          sum = sum.map { body.node("Add", [$0, one]) } ?? one
        }
        let whole = sum ?? body.constant(0)
        values[node] = bias.map { body.node("Add", [whole, matrices[$0]]) } ?? whole
      case .operation(let operation):
        let operands = cell.nodes[node].operands.map { value($0, &body) }
        values[node] =
          operation.name == "layernorm"
          ? Self.layerNorm(operands[0], &body)
          : body.formula(operation.notation.onnx, operands)
      case .input, .state, .constant, .parameter: continue
      }
    }
    let hasRows = cell.hasRows
    var ends: [String] = []
    for (state, variable) in cell.states.enumerated() {
      let end = value(variable.next, &body)
      if hasRows[variable.next] {
        ends.append(body.node("Identity", [end]))
      } else {
        let shape = body.node("Shape", [values[1 + state]])
        ends.append(body.node("Expand", [end, shape]))
      }
    }
    for end in ends { body.addOutput(end, nil) }
    body.addOutput(body.node("Identity", [ends[0]]), nil)
    return body
  }

  /// Zero mean and unit variance, of the operators that a Scan may have in opset 18.
  private static func layerNorm(_ operand: String, _ body: inout ONNXGraph) -> String {
    let axes = body.constant([-1])
    let centred = body.node("Sub", [operand, body.node("ReduceMean", [operand, axes])])
    let square = body.node("Mul", [centred, centred])
    let variance = body.node("ReduceMean", [square, axes])
    let deviation = body.node("Sqrt", [body.node("Add", [variance, body.constant(1e-5)])])
    return body.node("Div", [centred, deviation])
  }

  private func product(
    _ product: MatrixProduct, _ parameter: Parameter, _ matrix: String, _ operand: String,
    _ part: NetworkPart, _ outer: inout ONNXGraph, _ body: inout ONNXGraph
  ) throws(Failure) -> String {
    guard case .matrix(let rows, let columns, let blocks) = parameter.shape else { return operand }
    guard blocks > 1 else {
      if product.isTransposed { return body.node("MatMul", [operand, matrix]) }
      let turned = body.node("Transpose", [matrix], [("perm", .integers([1, 0]))])
      return body.node("MatMul", [operand, turned])
    }
    guard !product.isTransposed else {
      throw .invalid(
        "ONNX has no form here for '\(parameter.name)', a matrix in blocks that is read transposed; export to "
          + "another form")
    }
    // [batch, blocks, 1, width] times [blocks, width, height].
    let height = rows.count(inputSize: part.inputSize, hiddenSize: part.hiddenSize)
    let width = columns.count(inputSize: part.inputSize, hiddenSize: part.hiddenSize)
    let cut = body.node("Reshape", [operand, body.constant([-1, blocks, 1, width / blocks])])
    let stack = body.node(
      "Reshape", [matrix, body.constant([blocks, height / blocks, width / blocks])])
    let turned = body.node("Transpose", [stack], [("perm", .integers([0, 2, 1]))])
    let result = body.node("MatMul", [cut, turned])
    return body.node("Reshape", [result, body.constant([-1, height])])
  }

  /// One of ONNX's own recurrent operators.
  private func add(
    _ known: ONNXOperator, _ part: NetworkPart, _ index: Int, _ input: String, _ states: [String],
    to graph: inout ONNXGraph
  ) -> String {
    let entries = Dictionary(
      zip(part.cell.graph.parameters.map(\.name), network.parameters[index]),
      uniquingKeysWith: { first, _ in first })
    func stacked(_ names: [String?], _ columns: Int) -> [Float] {
      names.flatMap { name in
        name.flatMap { entries[$0] }.map { weights.read($0) }
          ?? [Float](repeating: 0, count: part.hiddenSize * columns)
      }
    }
    let (gates, hidden) = (known.inputWeights.count, part.hiddenSize)
    let name = "layers.\(part.name)"
    let w = graph.add(
      "\(name)W", shape: [1, gates * hidden, part.inputSize],
      floats: stacked(known.inputWeights, part.inputSize))
    let r = graph.add(
      "\(name)R", shape: [1, gates * hidden, hidden], floats: stacked(known.stateWeights, hidden))
    let b = graph.add(
      "\(name)B", shape: [1, 2 * gates * hidden],
      floats: stacked(known.inputBiases, 1) + stacked(known.stateBiases, 1))
    let axis = graph.constant([0])
    let initial = states.map { graph.node("Unsqueeze", [$0, axis]) }
    var attributes: [(String, ONNXGraph.Attribute)] = [
      ("hidden_size", .integer(hidden)),
      ("direction", .text(part.isReversed ? "reverse" : "forward")),
    ]
    if known.type == "GRU" {
      attributes.append(("linear_before_reset", .integer(known.isResetAfter ? 1 : 0)))
    }
    let ends = states.map { _ in graph.fresh() }
    let whole = graph.fresh()
    graph.node(
      known.type, [input, w, r, b, ""] + initial, to: [whole] + ends, attributes)
    for (state, end) in zip(states, ends) {
      graph.node("Squeeze", [end, axis], to: ["next.\(state)"])
    }
    return graph.node("Squeeze", [whole, graph.constant([1])])
  }
}

/// The operator of ONNX that a cell is, with the names of its parameters in the order of its gates.
private struct ONNXOperator {
  let type: String
  let inputWeights: [String]
  let stateWeights: [String]
  let inputBiases: [String?]
  let stateBiases: [String?]
  var isResetAfter = false

  /// nil for a cell that ONNX does not have.
  init?(_ cell: Cell) {
    if let torch = cell.torchPacking {
      // torch: i f g o and r z n; ONNX: i o f c and z r h.
      let order: [Int]
      switch torch.inputWeights.count {
      case 4: (type, order) = ("LSTM", [0, 3, 1, 2])
      case 3: (type, order) = ("GRU", [1, 0, 2])
      default: (type, order) = ("RNN", [0])
      }
      inputWeights = order.map { torch.inputWeights[$0] }
      stateWeights = order.map { torch.stateWeights[$0] }
      inputBiases = order.map { torch.inputBiases[$0] }
      stateBiases = order.map { torch.stateBiases[$0] }
      isResetAfter = true
    } else if let gru = try? Cell.stock("gru"), cell.equations == gru.equations {
      // Reset before the product.
      type = "GRU"
      inputWeights = ["W[z, x]", "W[r, x]", "W[n, x]"]
      stateWeights = ["W[z, h]", "W[r, h]", "W[n, r * h]"]
      inputBiases = ["b[z]", "b[r]", "b[n]"]
      stateBiases = [nil, nil, nil]
    } else {
      return nil
    }
  }
}

extension Graph {
  /// Whether each node has a row for each sequence: what depends on x or a state, not on parameters alone.
  fileprivate var hasRows: [Bool] {
    var rows = [Bool](repeating: false, count: nodes.count)
    for (index, node) in nodes.enumerated() {
      switch node.kind {
      case .input, .state: rows[index] = true
      default: rows[index] = node.operands.contains { rows[$0] }
      }
    }
    return rows
  }
}
