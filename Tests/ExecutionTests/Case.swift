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
    lengths: [Int]? = nil, wiring: Wiring = Wiring(), seed: UInt64, scale: Double = 0.8
  ) throws {
    var layout = ParameterLayout()
    network = try Network(
      cells: cells, inputSize: inputSize, hiddenSizes: hiddenSizes, wiring: wiring,
      layout: &layout)
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
    func isResidual(_ layer: Int) -> Bool {
      network.wiring.isResidual
        && network.inputSize(layer: layer) == network.inputSize(layer: layer + 1)
    }
    for sequence in 0..<batch {
      let length = lengths?[sequence] ?? steps
      func ofPart(_ part: NetworkPart) -> [NetworkState] {
        network.states.filter { $0.layer == part.layer && $0.isReversed == part.isReversed }
      }
      func states(_ array: [Float], _ part: NetworkPart) -> [[Double]] {
        ofPart(part).map { state in
          let start = state.offset * batch + sequence * state.size
          return array[start..<(start + state.size)].map(Double.init)
        }
      }
      func store(_ values: [[Double]], _ part: NetworkPart, into array: inout [Double]) {
        for (state, value) in zip(ofPart(part), values) {
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
      func inOrder<T>(_ values: [T], _ part: NetworkPart) -> [T] {
        part.isReversed ? values.reversed() : values
      }
      func sum(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        zip(a, b).map { zip($0, $1).map { $0 + $1 } }
      }
      var runs: [ReferenceRun] = []
      var values = rows(input, network.inputSize).map { $0.map(Double.init) }
      for layer in network.cells.indices {
        var joined = values.map { _ in [Double]() }
        for (index, part) in network.parts.enumerated() where part.layer == layer {
          let run = ReferenceRun(
            Interpreter(
              part.cell.graph, inputSize: part.inputSize, hiddenSize: part.hiddenSize),
            parameters: network.parameters[index].map { weights.read($0).map(Double.init) },
            inputs: inOrder(values, part), initialStates: states(initialState, part))
          for (step, output) in inOrder(run.outputs, part).enumerated() { joined[step] += output }
          store(run.finalStates, part, into: &finalState)
          runs.append(run)
        }
        values = isResidual(layer) ? sum(joined, values) : joined
      }
      place(values, network.outputSize, into: &output)
      var upper = rows(outputGradient, network.outputSize).map { $0.map(Double.init) }
      for layer in network.cells.indices.reversed() {
        var lower = upper.map { slope in
          isResidual(layer)
            ? slope : [Double](repeating: 0, count: network.inputSize(layer: layer))
        }
        for (index, part) in network.parts.enumerated() where part.layer == layer {
          let start = part.isReversed ? part.hiddenSize : 0
          let slopes = upper.map { Array($0[start..<start + part.hiddenSize]) }
          let gradient = ReferenceGradient(
            runs[index], outputs: inOrder(slopes, part),
            finalStates: states(finalStateGradient, part))
          store(gradient.initialStates, part, into: &initialStateGradient)
          for number in gradients[index].indices {
            for element in gradients[index][number].indices {
              gradients[index][number][element] += gradient.parameters[number][element]
            }
          }
          lower = sum(lower, inOrder(gradient.inputs, part))
        }
        upper = lower
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
