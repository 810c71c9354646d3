import Cells
import Execution
import Kernels
import Support
import Testing

/// A network with random weights, inputs, states and output gradients, run by the plan and by the
/// double-precision reference.
struct Case {
  let network: Network
  let weights: ParameterBuffer
  let steps: Int
  let batch: Int
  var lengths: [Int]?
  var input: [Float]
  var initialState: [Float]
  var outputGradient: [Float]
  var finalStateGradient: [Float]

  init(
    _ cells: [Cell], inputSize: Int, hiddenSizes: [Int], steps: Int, batch: Int,
    lengths: [Int]? = nil, seed: UInt64, scale: Double = 0.8
  ) throws {
    var layout = ParameterLayout()
    network = try Network(
      cells: cells, inputSize: inputSize, hiddenSizes: hiddenSizes, layout: &layout)
    weights = try ParameterBuffer(layout)
    (self.steps, self.batch, self.lengths) = (steps, batch, lengths)
    var random = TestRandom(seed: seed)
    for entry in layout.entries {
      weights.write(entry, from: random.numbers(entry.count, scale).map { Float($0) })
    }
    func floats(_ count: Int) -> [Float] { random.numbers(count, 1).map { Float($0) } }
    input = floats(steps * batch * inputSize)
    initialState = floats(batch * network.stateSize)
    outputGradient = floats(steps * batch * network.outputSize)
    finalStateGradient = floats(batch * network.stateSize)
  }

  struct Result: Equatable {
    var output: [Float]
    var finalState: [Float]
    var inputGradient: [Float]
    var initialStateGradient: [Float]
    var gradients: [[Float]]
  }

  func run(threads: Int = 1, kernels: KernelTable = .current) throws -> Result {
    try result(
      of: try SequenceRun(
        network, weights, steps: steps, batch: batch, keepsTape: true, kernels: kernels),
      threads: threads)
  }

  /// Forward and backward in the memory of a run.
  func result(of run: SequenceRun, threads: Int) throws -> Result {
    var output = [Float](repeating: .nan, count: run.outputCount)
    var finalState = [Float](repeating: .nan, count: run.stateCount)
    var inputGradient = [Float](repeating: .nan, count: input.count)
    var initialStateGradient = [Float](repeating: .nan, count: run.stateCount)
    try run.forward(
      input: input, initialState: initialState, lengths: lengths, output: &output,
      threads: threads)
    run.copyFinalState(to: &finalState)
    try run.backward(
      outputGradient: outputGradient, finalStateGradient: finalStateGradient,
      inputGradient: &inputGradient, threads: threads)
    run.copyInitialStateGradient(to: &initialStateGradient)
    for entry in run.gradients.layout.entries { expectCleanPads(run.gradients, entry) }
    return Result(
      output: output, finalState: finalState, inputGradient: inputGradient,
      initialStateGradient: initialStateGradient,
      gradients: run.gradients.layout.entries.map { run.gradients.read($0) })
  }

  /// Pads are 0, so that norms and updates may run over the flat buffer.
  private func expectCleanPads(_ buffer: ParameterBuffer, _ entry: ParameterEntry) {
    var total = 0.0
    for index in entry.offset..<(entry.offset + entry.floatCount) {
      total += Double(abs(buffer.values[index]))
    }
    let inside = buffer.read(entry).reduce(0.0) { $0 + Double(abs($1)) }
    #expect(abs(total - inside) <= 1e-9 * max(1, inside), "pads of \(entry.name) are not 0")
  }

  /// The same by the interpreter.
  func reference() -> [String: [Double]] {
    var output = [Double](repeating: 0, count: outputGradient.count)
    var finalState = [Double](repeating: 0, count: initialState.count)
    var inputGradient = [Double](repeating: 0, count: input.count)
    var initialStateGradient = finalState
    var gradients = network.parameters.map { $0.map { [Double](repeating: 0, count: $0.count) } }
    let last = network.cells.count - 1
    for sequence in 0..<batch {
      let length = lengths?[sequence] ?? steps
      func states(_ array: [Float], layer: Int) -> [[Double]] {
        network.states.filter { $0.layer == layer }.map { state in
          let start = state.offset * batch + sequence * state.size
          return array[start..<(start + state.size)].map(Double.init)
        }
      }
      func store(_ values: [[Double]], layer: Int, into array: inout [Double]) {
        for (state, value) in zip(network.states.filter { $0.layer == layer }, values) {
          let start = state.offset * batch + sequence * state.size
          array.replaceSubrange(start..<(start + state.size), with: value)
        }
      }
      func rows<T>(_ array: [T], _ size: Int) -> [[T]] {
        (0..<length).map { step in
          let start = (step * batch + sequence) * size
          return Array(array[start..<(start + size)])
        }
      }
      func place(_ values: [[Double]], _ size: Int, into array: inout [Double]) {
        for (step, value) in values.enumerated() {
          let start = (step * batch + sequence) * size
          array.replaceSubrange(start..<(start + size), with: value)
        }
      }
      var runs: [ReferenceRun] = []
      var values = rows(input, network.inputSize).map { $0.map(Double.init) }
      for (layer, cell) in network.cells.enumerated() {
        let run = ReferenceRun(
          Interpreter(
            cell.graph, inputSize: network.inputSize(layer: layer),
            hiddenSize: network.hiddenSizes[layer]),
          parameters: network.parameters[layer].map { weights.read($0).map(Double.init) },
          inputs: values, initialStates: states(initialState, layer: layer))
        values = run.outputs
        store(run.finalStates, layer: layer, into: &finalState)
        runs.append(run)
      }
      place(values, network.outputSize, into: &output)
      var upper = rows(outputGradient, network.outputSize).map { $0.map(Double.init) }
      for layer in (0...last).reversed() {
        let gradient = ReferenceGradient(
          runs[layer], outputs: upper,
          finalStates: states(finalStateGradient, layer: layer))
        store(gradient.initialStates, layer: layer, into: &initialStateGradient)
        for index in gradients[layer].indices {
          for element in gradients[layer][index].indices {
            gradients[layer][index][element] += gradient.parameters[index][element]
          }
        }
        upper = gradient.inputs
      }
      place(upper, network.inputSize, into: &inputGradient)
    }
    var named = [
      "output": output, "final state": finalState, "input gradient": inputGradient,
      "initial state gradient": initialStateGradient,
    ]
    for (entries, arrays) in zip(network.parameters, gradients) {
      for (entry, array) in zip(entries, arrays) { named["gradient of \(entry.name)"] = array }
    }
    return named
  }

  func named(_ result: Result) -> [String: [Float]] {
    var named = [
      "output": result.output, "final state": result.finalState,
      "input gradient": result.inputGradient,
      "initial state gradient": result.initialStateGradient,
    ]
    for (entry, array) in zip(weights.layout.entries, result.gradients) {
      named["gradient of \(entry.name)"] = array
    }
    return named
  }
}

/// Compares arrays by the norm of their difference, relative to the norm of what is right.
func expectClose(
  _ found: [Float], _ right: [Double], _ tolerance: Double, _ what: String,
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard found.count == right.count else {
    Issue.record(
      "\(what): \(found.count) values for \(right.count)", sourceLocation: sourceLocation)
    return
  }
  var error = 0.0
  var norm = 0.0
  for (a, b) in zip(found, right) {
    error += (Double(a) - b) * (Double(a) - b)
    norm += b * b
  }
  let relative = (error / max(norm, 1e-6)).squareRoot()
  #expect(relative <= tolerance, "\(what) is off by \(relative)", sourceLocation: sourceLocation)
}
