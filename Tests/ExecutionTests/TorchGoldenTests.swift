import Cells
import Execution
import Support
import Testing

/// The plan beside PyTorch: outputs to 1e-5, gradients to 1e-4.
@Suite struct TorchGoldenTests {
  @Test("the plan computes torch's outputs, states and gradients", arguments: TorchCase.all)
  func planEqualsTorch(golden: TorchCase) throws {
    let file = try golden.file()
    let cell = try Cell.stock(golden.cell)
    var example = try Case(
      Array(repeating: cell, count: golden.layers), inputSize: golden.inputSize,
      hiddenSizes: Array(repeating: golden.hiddenSize, count: golden.layers), steps: golden.steps,
      batch: golden.batch, seed: 1)
    for layer in 0..<golden.layers {
      let named = try golden.parameters(file, layer: layer)
      for (parameter, entry) in zip(cell.graph.parameters, example.network.parameters[layer]) {
        example.weights.write(
          entry, from: try #require(named[parameter.name]).map { Float($0) })
      }
    }
    example.input = try file.values("x").map { Float($0) }
    example.initialState = try states(golden, file, example, prefix: "", suffix: "0").map(
      Float.init)
    example.outputGradient = try file.values("gy").map { Float($0) }
    example.finalStateGradient = try states(golden, file, example, prefix: "g", suffix: "T")
      .map(Float.init)
    let result = try example.run(threads: 2)
    expectClose(result.output, try file.values("y"), 1e-5, "output")
    expectClose(
      result.finalState, try states(golden, file, example, prefix: "", suffix: "T"), 1e-5,
      "final state")
    expectClose(result.inputGradient, try file.values("grad.x"), 1e-4, "dx")
    expectClose(
      result.initialStateGradient,
      try states(golden, file, example, prefix: "grad.", suffix: "0"), 1e-4, "d initial state")
    let found = example.named(result)
    for layer in 0..<golden.layers {
      let named = try golden.gradients(file, layer: layer)
      for (parameter, entry) in zip(cell.graph.parameters, example.network.parameters[layer]) {
        expectClose(
          try #require(found["gradient of \(entry.name)"]), try #require(named[parameter.name]),
          1e-4, entry.name)
      }
    }
  }

  /// A file's states [layers, B, H] as ours.
  private func states(
    _ golden: TorchCase, _ file: GoldenFile, _ example: Case, prefix: String, suffix: String
  ) throws -> [Double] {
    var values = [Double](repeating: 0, count: golden.batch * example.network.stateSize)
    for state in example.network.states {
      let theirs = try file.values(prefix + state.name + suffix)
      for row in 0..<golden.batch {
        let from = (state.layer * golden.batch + row) * golden.hiddenSize
        let to = state.offset * golden.batch + row * state.size
        values.replaceSubrange(to..<(to + state.size), with: theirs[from..<(from + state.size)])
      }
    }
    return values
  }
}
