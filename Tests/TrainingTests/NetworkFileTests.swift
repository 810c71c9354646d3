import Cells
import Execution
import Kernels
import Support
import Testing
import Training

@Suite struct NetworkFileTests {
  /// A network with random weights.
  private static func network(
    _ cells: [Cell], inputSize: Int, hiddenSizes: [Int], seed: UInt64
  ) throws -> (Network, ParameterBuffer) {
    var layout = ParameterLayout()
    let network = try Network(
      cells: cells, inputSize: inputSize, hiddenSizes: hiddenSizes, layout: &layout)
    let weights = try ParameterBuffer(layout)
    var random = TestRandom(seed: seed)
    for entry in layout.entries {
      weights.write(entry, from: random.numbers(entry.count, 1).map { Float($0) })
    }
    return (network, weights)
  }

  private static func expectSame(
    _ found: (Network, ParameterBuffer), _ expected: (Network, ParameterBuffer)
  ) {
    #expect(found.0.cells == expected.0.cells)
    #expect(found.0.cells.map(\.equations) == expected.0.cells.map(\.equations))
    #expect(found.0.inputSize == expected.0.inputSize)
    #expect(found.0.hiddenSizes == expected.0.hiddenSizes)
    #expect(found.1.layout.entries == expected.1.layout.entries)
    #expect(
      found.1.values.array.map(\.bitPattern) == expected.1.values.array.map(\.bitPattern), "weights"
    )
  }

  @Test("every stock cell is read as it was saved", arguments: StockCell.all.map(\.name))
  func stock(name: String) throws {
    let folder = try ScratchFolder()
    let path = "\(folder.path)/network"
    let cell = try Cell.stock(name)
    // Some cells need an input of the hidden size.
    for (inputSize, hiddenSizes) in [(16, [16, 16]), (5, [24, 12])] {
      guard
        let saved = try? Self.network(
          [cell, cell], inputSize: inputSize, hiddenSizes: hiddenSizes, seed: 3)
      else {
        #expect(inputSize == 5, "\(name)")
        continue
      }
      try NetworkFile.save(saved.0, saved.1, to: path)
      Self.expectSame(try NetworkFile.load(path), saved)
    }
    #expect(folder.names == ["network"])
  }

  @Test("random cells with blocks, shared matrices, vectors and scalars are too", arguments: 1...40)
  func randomCells(seed: UInt64) throws {
    let folder = try ScratchFolder()
    let cells = [
      try randomCell(seed: seed, usesBlocks: true), try randomCell(seed: seed + 1000),
    ]
    let saved = try Self.network(cells, inputSize: 6, hiddenSizes: [18, 4], seed: seed)
    try NetworkFile.save(saved.0, saved.1, to: "\(folder.path)/network")
    Self.expectSame(try NetworkFile.load("\(folder.path)/network"), saved)
  }

  /// A torch network's weights as torch saves them, and as our network.
  private static func torch(
    _ golden: TorchCase, prefix: String = ""
  ) throws -> (file: SafeTensors, network: Network, weights: ParameterBuffer) {
    let source = try golden.file()
    let cell = try Cell.stock(golden.cell)
    let (network, weights) = try network(
      Array(repeating: cell, count: golden.layers), inputSize: golden.inputSize,
      hiddenSizes: Array(repeating: golden.hiddenSize, count: golden.layers), seed: 1)
    var file = SafeTensors()
    for layer in 0..<golden.layers {
      for name in ["weight_ih", "weight_hh", "bias_ih", "bias_hh"] {
        let values = try source.values("\(name)_l\(layer)").map { Float($0) }
        let buffer = try Buffer<Float>(count: values.count)
        for (index, value) in values.enumerated() { buffer[index] = value }
        file.add(
          "\(prefix)\(name)_l\(layer)", shape: try source.shape("\(name)_l\(layer)"), values: buffer
        )
      }
    }
    return (file, network, weights)
  }

  @Test("torch's arrays become the parameters of its cell", arguments: TorchCase.all)
  func readsTorch(golden: TorchCase) throws {
    let (file, network, weights) = try Self.torch(golden, prefix: "rnn.")
    try TensorNames.read(network, weights, prefix: "rnn.", from: file)
    let source = try golden.file()
    for layer in 0..<golden.layers {
      let expected = try golden.parameters(source, layer: layer)
      for (parameter, entry) in zip(
        network.cells[layer].graph.parameters, network.parameters[layer])
      {
        let values = try #require(expected[parameter.name])
        let found = weights.read(entry)
        for (a, b) in zip(found, values) { #expect(abs(Double(a) - b) < 1e-6, "\(entry.name)") }
        #expect(found.count == values.count)
      }
    }
  }

  @Test("a network of torch's cells is written as torch's arrays", arguments: TorchCase.all)
  func writesTorch(golden: TorchCase) throws {
    let (theirs, network, weights) = try Self.torch(golden)
    try TensorNames.read(network, weights, from: theirs)
    var file = SafeTensors()
    try TensorNames.write(network, weights, to: &file)
    #expect(Set(file.tensors.map(\.name)) == Set(theirs.tensors.map(\.name)))
    let h = golden.hiddenSize
    for tensor in file.tensors {
      let expected = try theirs.tensor(tensor.name, shape: tensor.shape)
      guard tensor.name.hasPrefix("bias") else {
        #expect(tensor.values.array == expected.values.array, "\(tensor.name)")
        continue
      }
      // The biases that are one for us stand in bias_ih as their sum, beside zeros.
      let layer = try #require(tensor.name.last)
      let input = try #require(theirs["bias_ih_l\(layer)"]).values
      let state = try #require(theirs["bias_hh_l\(layer)"]).values
      for index in 0..<tensor.values.count {
        let isApart = golden.cell == "gru_reset_after" && index >= 2 * h
        let isInput = tensor.name.hasPrefix("bias_ih")
        let wanted =
          isApart ? expected.values[index] : isInput ? input[index] + state[index] : 0
        #expect(tensor.values[index] == wanted, "\(tensor.name)[\(index)]")
      }
    }
  }

  static let names: [(String, [String])] = [
    ("elman", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]),
    ("lstm", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]),
    ("gru_reset_after", ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]),
    // Resets before the product, which torch's does not.
    (
      "gru",
      [
        "layers.0.W[r, x]", "layers.0.W[r, h]", "layers.0.b[r]", "layers.0.W[z, x]",
        "layers.0.W[z, h]", "layers.0.b[z]", "layers.0.W[n, x]", "layers.0.W[n, r * h]",
        "layers.0.b[n]",
      ]
    ),
  ]

  @Test("only cells that torch has get torch's names", arguments: names)
  func checkNames(name: String, expected: [String]) throws {
    let (network, weights) = try Self.network(
      [try Cell.stock(name)], inputSize: 3, hiddenSizes: [4], seed: 1)
    var file = SafeTensors()
    try TensorNames.write(network, weights, to: &file)
    #expect(file.tensors.map(\.name).sorted() == expected.sorted())
  }

  /// Changes of the metadata, and what the message says.
  static let hostile: [(String, String?, String)] = [
    ("format", nil, "no network of rnncell (its format is 'none')"),
    ("format", "rnncell.model.1", "'rnncell.model.1'"), ("cells", nil, "no list of cells"),
    ("cells", "[]", "0 layers"), ("cells", "[1]", "cells of the metadata"),
    ("cells", "[\"h' = sigmod(x)\"]", "sigmod"), ("cells", "{", "quotes"),
    ("cells", "[\"h' = tanh(linear(x, h))\",\"h' = tanh(linear(x, h))\"]", "1 hidden sizes"),
    ("hidden_sizes", "[0]", "0"), ("hidden_sizes", "[-1]", "-1"),
    ("hidden_sizes", "[9223372036854775807]", "9223372036854775807"),
    ("hidden_sizes", "[65536]", "but its network has"), ("hidden_sizes", "[3.5]", "hidden_sizes"),
    ("hidden_sizes", "[5]", "has"), ("hidden_sizes", "[3]", "[4, 3], not [3, 3]"),
    ("input_size", nil, "no input_size"), ("input_size", "many", "no input_size"),
    ("input_size", "0", "0"), ("input_size", "65536", "but its network has"),
    ("input_size", "2", "[4, 3], not [4, 2]"),
  ]

  @Test(
    "a file with wrong metadata is refused with its path, and no memory is taken for it",
    arguments: hostile)
  func checkHostile(name: String, value: String?, message: String) throws {
    let folder = try ScratchFolder()
    let path = "\(folder.path)/network"
    let cell = try Cell(parsing: "g = sigmoid(linear(x, h))\nh' = g * tanh(linear(x))")
    let (network, weights) = try Self.network([cell], inputSize: 3, hiddenSizes: [4], seed: 1)
    try NetworkFile.save(network, weights, to: path)
    var file = try SafeTensors(reading: path)
    file.metadata[name] = value
    try file.write(to: path)
    let failure = #expect(throws: Failure.self) { try NetworkFile.load(path) }
    #expect(failure?.kind == (value == "[9223372036854775807]" ? .limit : .format))
    #expect(failure?.message.contains(path) == true, "\(failure?.message ?? "")")
    #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
  }

  @Test("a file without one of its tensors is refused by the tensor's name")
  func missing() throws {
    let folder = try ScratchFolder()
    let path = "\(folder.path)/network"
    let saved = try Self.network(
      [try Cell.stock("gru"), try Cell.stock("lstm")], inputSize: 3, hiddenSizes: [4, 5], seed: 1)
    try NetworkFile.save(saved.0, saved.1, to: path)
    let whole = try SafeTensors(reading: path)
    for left in whole.tensors {
      var file = SafeTensors(metadata: whole.metadata)
      for tensor in whole.tensors where tensor.name != left.name {
        file.add(tensor.name, shape: tensor.shape, values: tensor.values)
      }
      // As many values as before.
      file.add("other", shape: left.shape, values: left.values)
      try file.write(to: path)
      let failure = #expect(throws: Failure.self) { try NetworkFile.load(path) }
      #expect(failure?.kind == .format)
      #expect(failure?.message.contains("'\(left.name)'") == true, "\(failure?.message ?? "")")
    }
  }
}
