import Cells
import Execution
import Kernels

/// A network with its weights in one safetensors file.
package enum NetworkFile {
  /// Writes the file whole or not at all.
  package static func save(
    _ network: Network, _ weights: ParameterBuffer, to path: String
  ) throws(Failure) {
    var file = SafeTensors(metadata: metadata(network, kind: "network"))
    try TensorNames.write(network, weights, to: &file)
    try file.write(to: path)
  }

  /// Reads a network and its weights.
  ///
  /// - Throws: `.io`; `.format` for a file that holds no network.
  package static func load(_ path: String) throws(Failure) -> (Network, ParameterBuffer) {
    let file = try SafeTensors(reading: path)
    do throws(Failure) {
      let format = file.metadata["format"] ?? "none"
      guard format == "rnncell.network.1" else {
        throw Failure(
          .format,
          "no network of rnncell (its format is '\(format.prefix(40))'); choose another file")
      }
      var layout = ParameterLayout()
      let network = try network(file, layout: &layout)
      guard layout.parameterCount <= file.valueCount else {
        throw Failure(
          .format,
          "it holds \(file.valueCount) values, but its network has \(layout.parameterCount)")
      }
      let weights = try ParameterBuffer(layout)
      try TensorNames.read(network, weights, from: file)
      return (network, weights)
    } catch {
      let isMemory = error.kind == .outOfMemory || error.kind == .limit
      throw Failure(isMemory ? error.kind : .format, "'\(path.shown)': \(error.message)")
    }
  }

  /// What describes a network in a file's metadata.
  static func metadata(_ network: Network, kind: String) -> [String: String] {
    let wiring = network.wiring
    var metadata = [
      "format": "rnncell.\(kind).1",
      "cells": JSON.array(network.cells.map { .string($0.equations) }).text,
      "input_size": "\(network.inputSize)",
      "hidden_sizes": JSON.array(network.hiddenSizes.map { .integer($0) }).text,
    ]
    if wiring.isBidirectional { metadata["bidirectional"] = "1" }
    if wiring.isResidual { metadata["residual"] = "1" }
    if wiring.zoneout > 0 { metadata["zoneout"] = "\(wiring.zoneout)" }
    return metadata
  }

  /// The network that a file's metadata describes, added to a layout.
  private static func network(
    _ file: SafeTensors, layout: inout ParameterLayout
  ) throws(Failure) -> Network {
    let parts = try parts(file)
    return try Network(
      cells: parts.cells, inputSize: parts.inputSize, hiddenSizes: parts.hiddenSizes,
      wiring: try wiring(file), layout: &layout)
  }

  /// How the layers are joined, as `metadata` wrote it.
  static func wiring(_ file: SafeTensors) throws(Failure) -> Wiring {
    var wiring = Wiring()
    for (name, flag) in [("bidirectional", \Wiring.isBidirectional), ("residual", \.isResidual)] {
      guard let text = file.metadata[name] else { continue }
      guard ["0", "1"].contains(text) else {
        throw Failure(.format, "the metadata has no valid \(name)")
      }
      wiring[keyPath: flag] = text == "1"
    }
    guard let text = file.metadata["zoneout"] else { return wiring }
    guard let rate = Double(text), rate >= 0, rate < 1 else {
      throw Failure(.format, "the metadata has no valid zoneout")
    }
    wiring.zoneout = rate
    return wiring
  }

  /// What `metadata` wrote.
  static func parts(
    _ file: SafeTensors
  ) throws(Failure) -> (cells: [Cell], inputSize: Int, hiddenSizes: [Int]) {
    guard let inputSize = file.metadata["input_size"].flatMap({ Int($0) }) else {
      throw Failure(.format, "the metadata has no input_size")
    }
    let sizes = try list(file, "hidden_sizes", \.integer)
    var cells: [Cell] = []
    for text in try list(file, "cells", \.string) { cells.append(try Cell(parsing: text)) }
    return (cells, inputSize, sizes)
  }

  /// A JSON list of the metadata, at most one element for each layer.
  private static func list<Element>(
    _ file: SafeTensors, _ name: String, _ element: (JSON) -> Element?
  ) throws(Failure) -> [Element] {
    guard let text = file.metadata[name], let values = try JSON(parsing: text).array,
      values.count <= Limits.layers
    else { throw Failure(.format, "the metadata has no list of \(name)") }
    let elements = values.compactMap(element)
    guard elements.count == values.count else {
      throw Failure(.format, "\(name) of the metadata holds something else")
    }
    return elements
  }
}
