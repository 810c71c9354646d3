import Cells
import Execution
import Kernels

/// Under which names a network's weights stand in a file.
///
/// Those of stock `lstm`, `gru_reset_after` and `elman` are torch's, packed as torch packs them, so that
/// `load_state_dict` takes them; all others have their own, like `layers.0.W[f, x]`.
package enum TensorNames {
  /// Adds a network's weights to a file.
  package static func write(
    _ network: Network, _ weights: ParameterBuffer, prefix: String = "",
    to file: inout SafeTensors
  ) throws(Failure) {
    for layer in network.cells.indices {
      if let torch = TorchLayer(network, layer, prefix) {
        try torch.write(weights, to: &file)
        continue
      }
      for (name, entry) in names(network, layer, prefix) {
        try file.add(weights, entry, name: name)
      }
    }
  }

  /// Reads a network's weights from a file.
  ///
  /// - Throws: `.format` for a tensor that is missing or has another shape.
  package static func read(
    _ network: Network, _ weights: ParameterBuffer, prefix: String = "", from file: SafeTensors
  ) throws(Failure) {
    for layer in network.cells.indices {
      if let torch = TorchLayer(network, layer, prefix) {
        try torch.read(weights, from: file)
        continue
      }
      for (name, entry) in names(network, layer, prefix) {
        try file.load(name, into: weights, entry)
      }
    }
  }

  private static func names(
    _ network: Network, _ layer: Int, _ prefix: String
  ) -> [(String, ParameterEntry)] {
    zip(network.cells[layer].graph.parameters, network.parameters[layer]).map {
      ("\(prefix)layers.\(layer).\($0.name)", $1)
    }
  }
}

extension SafeTensors {
  /// Adds one learned array, row-major.
  package mutating func add(
    _ weights: ParameterBuffer, _ entry: ParameterEntry, name: String
  ) throws(Failure) {
    let values = try Buffer<Float>(count: entry.count)
    weights.read(entry, into: values.base)
    add(name, shape: entry.shape, values: values)
  }

  /// Reads one learned array.
  package func load(
    _ name: String, into weights: ParameterBuffer, _ entry: ParameterEntry
  ) throws(Failure) {
    weights.write(entry, from: try tensor(name, shape: entry.shape).values.base)
  }
}

/// A layer whose cell torch has too.
private struct TorchLayer {
  let packing: TorchPacking
  let entries: [String: ParameterEntry]
  let layer: Int
  let inputSize: Int
  let hiddenSize: Int
  let prefix: String

  init?(_ network: Network, _ layer: Int, _ prefix: String) {
    let cell = network.cells[layer]
    guard let packing = cell.torchPacking else { return nil }
    self.packing = packing
    self.layer = layer
    self.prefix = prefix
    inputSize = network.inputSize(layer: layer)
    hiddenSize = network.hiddenSizes[layer]
    entries = Dictionary(
      zip(cell.graph.parameters.map(\.name), network.parameters[layer]),
      uniquingKeysWith: { first, _ in first })
  }

  /// torch's arrays: the parts that are stacked, and the columns of a matrix.
  private var arrays: [(name: String, parts: [String?], columns: Int?)] {
    [
      ("weight_ih", packing.inputWeights, inputSize),
      ("weight_hh", packing.stateWeights, hiddenSize),
      ("bias_ih", packing.inputBiases, nil), ("bias_hh", packing.stateBiases, nil),
    ]
  }

  private func shape(_ parts: Int, _ columns: Int?) -> [Int] {
    [parts * hiddenSize] + (columns.map { [$0] } ?? [])
  }

  func write(_ weights: ParameterBuffer, to file: inout SafeTensors) throws(Failure) {
    for (name, parts, columns) in arrays {
      let size = hiddenSize * (columns ?? 1)
      let values = try Buffer<Float>(count: parts.count * size)
      for (index, part) in parts.enumerated() {
        guard let entry = part.flatMap({ entries[$0] }) else { continue }
        weights.read(entry, into: values.base + index * size)
      }
      file.add("\(prefix)\(name)_l\(layer)", shape: shape(parts.count, columns), values: values)
    }
  }

  func read(_ weights: ParameterBuffer, from file: SafeTensors) throws(Failure) {
    var biases: [String: [Float]] = [:]
    for (name, parts, columns) in arrays {
      let size = hiddenSize * (columns ?? 1)
      let tensor = try file.tensor(
        "\(prefix)\(name)_l\(layer)", shape: shape(parts.count, columns))
      for (index, part) in parts.enumerated() {
        let rows = tensor.values.base + index * size
        if columns != nil {
          if let entry = part.flatMap({ entries[$0] }) { weights.write(entry, from: rows) }
          continue
        }
        // Where torch has two biases and the cell one, it is their sum.
        let other = packing.inputBiases[index] ?? packing.stateBiases[index]
        guard let target = part ?? other else { continue }
        let added = (0..<size).map { rows[$0] }
        biases[target] = biases[target].map { sum in zip(sum, added).map { $0 + $1 } } ?? added
      }
    }
    for (name, values) in biases {
      if let entry = entries[name] { weights.write(entry, from: values) }
    }
  }
}
