import Cells
import Execution
import Kernels

/// A network or model as a program of its own, for others to run.
package struct Export {
  /// What it can be written as.
  package enum Form: Int32, Sendable, CaseIterable {
    /// Source for PyTorch, whose `load_state_dict` takes our safetensors.
    case torch = 1
    /// Source for JAX, which reads our safetensors.
    case jax = 2
    /// One C99 file with the weights, for one stream.
    case c = 3
    /// An ONNX model with the weights.
    case onnx = 4
  }

  /// What stands above and below the layers.
  enum Task {
    case network
    /// Tokens in, logits out.
    case language(LanguageModel)
    /// Probabilities or values out.
    case sequences(SequenceModel)
  }

  let network: Network
  let weights: ParameterBuffer
  let task: Task

  package init(_ network: Network, _ weights: ParameterBuffer) {
    (self.network, self.weights, task) = (network, weights, .network)
  }

  package init(_ model: any TrainableModel) {
    (network, weights) = (model.network, model.weights)
    if let model = model as? LanguageModel {
      task = .language(model)
    } else if let model = model as? SequenceModel {
      task = .sequences(model)
    } else {
      task = .network
    }
  }

  /// Writes a file, whole or not at all.
  ///
  /// - Throws: `.invalidArgument` for what a form cannot say; `.io`, `.outOfMemory`.
  package func write(_ form: Form, to path: String) throws(Failure) {
    let bytes: [UInt8]
    switch form {
    case .torch: bytes = Array(torch().utf8)
    case .jax: bytes = Array(jax().utf8)
    case .c: bytes = Array(try c().utf8)
    case .onnx: bytes = try onnx()
    }
    let buffer = try Buffer<UInt8>(count: bytes.count)
    for (index, byte) in bytes.enumerated() { buffer[index] = byte }
    try withExtendedLifetime(buffer) { () throws(Failure) in
      try FileContents.write(UnsafeBufferPointer(buffer.all), to: path)
    }
  }

  // MARK: What all forms ask

  /// The graph of a part as it runs when nothing is drawn.
  func graph(_ part: NetworkPart) -> Graph { part.cell.graph.withZoneout(network.wiring.zoneout) }

  /// The name of a part's class or functions: `Layer0`, `Layer0Reverse`.
  func name(_ part: NetworkPart) -> String {
    "Layer\(part.layer)\(part.isReversed ? "Reverse" : "")"
  }

  func parts(of layer: Int) -> [Int] {
    network.parts.indices.filter { network.parts[$0].layer == layer }
  }

  func isResidual(_ layer: Int) -> Bool {
    network.wiring.isResidual
      && network.inputSize(layer: layer) == network.inputSize(layer: layer + 1)
  }

  /// Before the names of the layers' tensors in a file.
  var prefix: String { if case .network = task { "" } else { "rnn." } }

  /// The linear layer on top: its matrix and bias; nil where there is none.
  var output: (matrix: ParameterEntry, bias: ParameterEntry)? {
    switch task {
    case .network: nil
    case .language(let model): (model.outputMatrix, model.outputBias)
    case .sequences(let model): (model.outputMatrix, model.outputBias)
    }
  }

  /// What becomes of the linear layer's outputs; nil where they are the result.
  var kind: TargetKind? { if case .sequences(let model) = task { model.shape.kind } else { nil } }

  /// Whether only the end of a sequence is spoken of.
  var speaksOnce: Bool {
    if case .sequences(let model) = task { !model.shape.isPerStep } else { false }
  }

  /// Whether it reads tokens.
  var embedding: ParameterEntry? {
    if case .language(let model) = task { model.embedding.entry } else { nil }
  }

  /// A Python table of where each parameter stands in our safetensors: the sum of rows of tensors.
  func nameTable(_ path: (_ part: Int, _ parameter: String) -> String) -> String {
    var rows: [String] = []
    for (index, part) in network.parts.enumerated() {
      let names = StepProgram(graph(part)).parameterNames
      let sources = TensorNames.sources(network, index, prefix: prefix)
      for (name, sources) in zip(names, sources) {
        let parts = sources.map { source in
          let rows = source.rows.map { "\($0.lowerBound), \($0.upperBound)" } ?? "None, None"
          return "(\"\(source.tensor)\", \(rows))"
        }
        rows.append("    \"\(path(index, name))\": [\(parts.joined(separator: ", "))],")
      }
    }
    return rows.joined(separator: "\n")
  }

  /// What the file says of itself, a line each.
  func title(_ loading: [String]) -> [String] {
    let what: String
    switch task {
    case .network: what = "A network"
    case .language(let model):
      what = "A language model over \(model.vocabulary.count) \(model.vocabulary.unit.rawValue)s"
    case .sequences(let model): what = "A model of sequences that says \(model.shape.kind.rawValue)"
    }
    return ["\(what), written by rnncell."] + loading
  }
}
