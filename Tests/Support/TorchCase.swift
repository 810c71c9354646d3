import Cells
import Kernels

/// One run of torch's RNN, LSTM or GRU with all gradients, in our cells' parameters.
package struct TorchCase: Sendable, CustomStringConvertible {
  package let cell: String
  package let layers: Int
  package let steps: Int
  package let batch: Int
  package let inputSize: Int
  package let hiddenSize: Int

  /// Every file that `make_torch_golden.py` writes.
  package static let all: [TorchCase] = ["elman", "lstm", "gru_reset_after"].flatMap { cell in
    [(1, 5, 3, 7, 17), (1, 1, 1, 1, 1), (1, 9, 5, 33, 20), (2, 6, 2, 5, 11)].map {
      TorchCase(
        cell: cell, layers: $0.0, steps: $0.1, batch: $0.2, inputSize: $0.3, hiddenSize: $0.4)
    }
  }

  package var description: String {
    "\(cell)_L\(layers)_T\(steps)_B\(batch)_I\(inputSize)_H\(hiddenSize)"
  }

  package func file() throws -> GoldenFile { try GoldenFile("torch/\(description).txt") }

  /// The input size of a layer.
  package func inputSize(layer: Int) -> Int { layer == 0 ? inputSize : hiddenSize }

  /// The parameters of a layer under our names, matrices row-major; torch's two biases are summed
  /// where we have one.
  package func parameters(_ file: GoldenFile, layer: Int) throws -> [String: [Double]] {
    try unpack(file, prefix: "", layer: layer, sumsBiases: true)
  }

  /// The gradients of `parameters`; both of torch's biases have that of ours.
  package func gradients(_ file: GoldenFile, layer: Int) throws -> [String: [Double]] {
    try unpack(file, prefix: "grad.", layer: layer, sumsBiases: false)
  }

  private func unpack(
    _ file: GoldenFile, prefix: String, layer: Int, sumsBiases: Bool
  ) throws -> [String: [Double]] {
    guard let packing = StockCell.named(cell)?.torch else {
      throw GoldenFile.Malformed(description: "\(cell) has no counterpart in torch")
    }
    func rows(_ name: String, _ gate: Int, _ columns: Int) throws -> [Double] {
      let count = hiddenSize * columns
      return Array(
        try file.values("\(prefix)\(name)_l\(layer)")[(gate * count)..<((gate + 1) * count)])
    }
    var result: [String: [Double]] = [:]
    for (gate, name) in packing.inputWeights.enumerated() {
      result[name] = try rows("weight_ih", gate, inputSize(layer: layer))
    }
    for (gate, name) in packing.stateWeights.enumerated() {
      result[name] = try rows("weight_hh", gate, hiddenSize)
    }
    for gate in packing.inputBiases.indices {
      let input = try rows("bias_ih", gate, 1)
      let state = try rows("bias_hh", gate, 1)
      switch (packing.inputBiases[gate], packing.stateBiases[gate]) {
      case (let name?, nil), (nil, let name?):
        result[name] = sumsBiases ? zip(input, state).map { $0 + $1 } : input
      case (let inputName?, let stateName?):
        result[inputName] = input
        result[stateName] = state
      case (nil, nil): break
      }
    }
    return result
  }
}
