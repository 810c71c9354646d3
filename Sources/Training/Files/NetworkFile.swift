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
    var layout = ParameterLayout()
    let network = try network(file, kind: "network", path, layout: &layout)
    let weights = try ParameterBuffer(layout)
    try TensorNames.read(network, weights, from: file)
    return (network, weights)
  }

  /// What describes a network in a file's metadata.
  static func metadata(_ network: Network, kind: String) -> [String: String] {
    [
      "format": "rnncell.\(kind).1",
      "cells": JSON.array(network.cells.map { .string($0.equations) }).text,
      "input_size": "\(network.inputSize)",
      "hidden_sizes": JSON.array(network.hiddenSizes.map { .integer($0) }).text,
    ]
  }

  /// The network that a file's metadata describes, added to a layout.
  static func network(
    _ file: SafeTensors, kind: String, _ path: String, layout: inout ParameterLayout
  ) throws(Failure) -> Network {
    guard file.metadata["format"] == "rnncell.\(kind).1" else {
      throw Failure(
        .format,
        "'\(path.shown)' holds no \(kind) of rnncell "
          + "(format '\((file.metadata["format"] ?? "none").prefix(40))'); choose another file")
    }
    do throws(Failure) {
      let equations = try list(file, "cells").compactMap(\.string)
      let sizes = try list(file, "hidden_sizes").compactMap(\.integer)
      guard let inputSize = file.metadata["input_size"].flatMap({ Int($0) }) else {
        throw Failure(.format, "the metadata has no input_size")
      }
      var cells: [Cell] = []
      for text in equations { cells.append(try Cell(parsing: text)) }
      return try Network(
        cells: cells, inputSize: inputSize, hiddenSizes: sizes, layout: &layout)
    } catch {
      let isMemory = error.kind == .outOfMemory || error.kind == .limit
      throw Failure(isMemory ? error.kind : .format, "'\(path.shown)': \(error.message)")
    }
  }

  private static func list(_ file: SafeTensors, _ name: String) throws(Failure) -> [JSON] {
    guard let text = file.metadata[name], let values = try JSON(parsing: text).array else {
      throw Failure(.format, "the metadata has no list of \(name)")
    }
    return values
  }
}
