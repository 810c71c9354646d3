import Cells
import Support
import Testing

/// The reference interpreter beside PyTorch: what the plan is held to is itself held to something.
struct TorchGoldenTests {
  @Test("The interpreter computes torch's outputs, states and gradients", arguments: TorchCase.all)
  func interpreterEqualsTorch(golden: TorchCase) throws {
    let file = try golden.file()
    let cell = try Cell.stock(golden.cell)
    var weights: [[[Double]]] = []
    for row in 0..<golden.batch {
      let gradients = try check(Sequence(golden, file, cell.graph, row: row))
      weights = row == 0 ? gradients : sum(weights, gradients)
    }
    for layer in 0..<golden.layers {
      let named = try golden.gradients(file, layer: layer)
      let torch = try cell.graph.parameters.map { try #require(named[$0.name]) }
      expectClose(weights[layer], torch, "weight gradients of \(golden)")
    }
  }

  private func sum(_ a: [[[Double]]], _ b: [[[Double]]]) -> [[[Double]]] {
    zip(a, b).map { zip($0, $1).map { zip($0, $1).map(+) } }
  }

  /// One sequence of the batch through all layers, and back.
  ///
  /// - Returns: its gradients by the weights, [layers][parameters][elements].
  private func check(_ sequence: Sequence) throws -> [[[Double]]] {
    let (golden, file) = (sequence.golden, sequence.file)
    var runs: [ReferenceRun] = []
    var inputs = try sequence.steps("x", golden.inputSize)
    for layer in 0..<golden.layers {
      let run = try ReferenceRun(
        Interpreter(
          sequence.graph, inputSize: golden.inputSize(layer: layer), hiddenSize: golden.hiddenSize),
        parameters: sequence.parameters(golden.parameters(file, layer: layer)), inputs: inputs,
        initialStates: sequence.states(suffix: "0", layer: layer))
      expectClose(
        run.finalStates, try sequence.states(suffix: "T", layer: layer), "final states of \(golden)"
      )
      inputs = run.outputs
      runs.append(run)
    }
    expectClose(inputs, try sequence.steps("y", golden.hiddenSize), "outputs of \(golden)")

    var weights: [[[Double]]] = []
    var gradients = try sequence.steps("gy", golden.hiddenSize)
    for layer in (0..<golden.layers).reversed() {
      let gradient = ReferenceGradient(
        runs[layer], outputs: gradients,
        finalStates: try sequence.states(prefix: "g", suffix: "T", layer: layer))
      gradients = gradient.inputs
      expectClose(
        gradient.initialStates, try sequence.states(prefix: "grad.", suffix: "0", layer: layer),
        "initial state gradients of \(golden)")
      weights.insert(gradient.parameters, at: 0)
    }
    expectClose(gradients, try sequence.steps("grad.x", golden.inputSize), "dx of \(golden)")
    return weights
  }

  private func expectClose(_ ours: [[Double]], _ torch: [[Double]], _ what: String) {
    #expect(ours.map(\.count) == torch.map(\.count), "\(what)")
    let error = zip(ours.joined(), torch.joined()).map { abs($0 - $1) / max(1, abs($1)) }.max() ?? 0
    #expect(error < 2e-7, "\(what) are off by \(error)")
  }

  /// What a file says of one row of the batch.
  private struct Sequence {
    let golden: TorchCase
    let file: GoldenFile
    let graph: Graph
    let row: Int

    init(_ golden: TorchCase, _ file: GoldenFile, _ graph: Graph, row: Int) {
      (self.golden, self.file, self.graph, self.row) = (golden, file, graph, row)
    }

    /// The row of an array [T, B, size].
    func steps(_ name: String, _ size: Int) throws -> [[Double]] {
      let values = try file.values(name)
      return (0..<golden.steps).map { step in
        let start = (step * golden.batch + row) * size
        return Array(values[start..<(start + size)])
      }
    }

    /// The row of every state's array [layers, B, H].
    func states(prefix: String = "", suffix: String, layer: Int) throws -> [[Double]] {
      try graph.states.map { state in
        let values = try file.values(prefix + state.name + suffix)
        let start = (layer * golden.batch + row) * golden.hiddenSize
        return Array(values[start..<(start + golden.hiddenSize)])
      }
    }

    /// Arrays in the order of the graph's parameters.
    func parameters(_ named: [String: [Double]]) throws -> [[Double]] {
      try graph.parameters.map { parameter in try #require(named[parameter.name]) }
    }
  }
}
