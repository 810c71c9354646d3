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
    for part in network.parts.indices {
      if let torch = TorchLayer(network, part, prefix) {
        try torch.write(weights, to: &file)
        continue
      }
      for (name, entry) in names(network, part, prefix) {
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
    for part in network.parts.indices {
      if let torch = TorchLayer(network, part, prefix) {
        try torch.read(weights, from: file)
        continue
      }
      for (name, entry) in names(network, part, prefix) {
        try file.load(name, into: weights, entry)
      }
    }
  }

  /// Where a part's parameters stand in a file, by their order in the cell: the sum of rows of tensors.
  static func sources(_ network: Network, _ index: Int, prefix: String) -> [[TensorRows]] {
    let part = network.parts[index]
    let torch = TorchLayer(network, index, prefix)
    return part.cell.graph.parameters.map { parameter in
      torch?.rows(of: parameter.name)
        ?? [TensorRows(tensor: "\(prefix)layers.\(part.name)\(parameter.name)", rows: nil)]
    }
  }

  private static func names(
    _ network: Network, _ index: Int, _ prefix: String
  ) -> [(String, ParameterEntry)] {
    let part = network.parts[index]
    return zip(part.cell.graph.parameters, network.parameters[index]).map {
      ("\(prefix)layers.\(part.name)\($0.name)", $1)
    }
  }
}

/// Some rows of a tensor of a file; nil for all.
struct TensorRows {
  var tensor: String
  var rows: Range<Int>?
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
  /// What the names of its arrays end with: `_l0` or `_l0_reverse`.
  let suffix: String
  let inputSize: Int
  let hiddenSize: Int
  let prefix: String

  init?(_ network: Network, _ index: Int, _ prefix: String) {
    let part = network.parts[index]
    guard let packing = part.cell.torchPacking else { return nil }
    self.packing = packing
    self.prefix = prefix
    suffix = "_l\(part.layer)\(part.isReversed ? "_reverse" : "")"
    inputSize = part.inputSize
    hiddenSize = part.hiddenSize
    entries = Dictionary(
      zip(part.cell.graph.parameters.map(\.name), network.parameters[index]),
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

  /// The rows of torch's arrays whose sum a parameter is.
  func rows(of parameter: String) -> [TensorRows] {
    var found: [TensorRows] = []
    for (name, parts, columns) in arrays {
      for (index, part) in parts.enumerated() {
        let own =
          columns != nil ? part : part ?? packing.inputBiases[index] ?? packing.stateBiases[index]
        guard own == parameter else { continue }
        found.append(
          TensorRows(
            tensor: "\(prefix)\(name)\(suffix)",
            rows: index * hiddenSize..<(index + 1) * hiddenSize))
      }
    }
    return found
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
      file.add("\(prefix)\(name)\(suffix)", shape: shape(parts.count, columns), values: values)
    }
  }

  func read(_ weights: ParameterBuffer, from file: SafeTensors) throws(Failure) {
    var biases: [String: [Float]] = [:]
    for (name, parts, columns) in arrays {
      let size = hiddenSize * (columns ?? 1)
      let tensor = try file.tensor(
        "\(prefix)\(name)\(suffix)", shape: shape(parts.count, columns))
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
