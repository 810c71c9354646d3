import Cells
import Glibc
import Support
import Training

/// The loss of a language model in double precision, one token after another.
struct ReferenceModel {
  let model: LanguageModel
  /// The values of each entry of the layout, row-major.
  var values: [String: [Double]]

  init(_ model: LanguageModel) {
    self.model = model
    values = [:]
    for entry in model.weights.layout.entries {
      values[entry.name] = model.weights.read(entry).map { Double($0) }
    }
  }

  /// The sum of the losses of predicting each token of one sequence but the first, in nats, from a
  /// zero state.
  func loss(_ tokens: [Int32]) throws -> Double {
    let (shape, words) = (model.shape, model.vocabulary.count)
    let embedding = values["embedding.weight"] ?? []
    let width = shape.inputSize
    var rows = tokens.dropLast().map { token in
      Array(embedding[Int(token) * width..<(Int(token) + 1) * width])
    }
    for (layer, cell) in shape.cells.enumerated() {
      let inputSize = layer == 0 ? width : shape.hiddenSize
      let interpreter = Interpreter(
        cell.graph, inputSize: inputSize, hiddenSize: shape.hiddenSize)
      let parameters = try cell.parameters(inputSize: inputSize, hiddenSize: shape.hiddenSize)
      rows =
        ReferenceRun(
          interpreter, parameters: parameters.map { values["layers.\(layer).\($0.name)"] ?? [] },
          inputs: rows,
          initialStates: cell.graph.states.map {
            [Double](repeating: 0, count: interpreter.count($0.size))
          }
        ).outputs
    }
    let matrix = values["output.weight"] ?? embedding
    let bias = values["output.bias"] ?? []
    var loss = 0.0
    for (row, target) in zip(rows, tokens.dropFirst()) {
      let logits = (0..<words).map { word in
        bias[word] + row.indices.reduce(0) { $0 + matrix[word * row.count + $1] * row[$1] }
      }
      loss += log(logits.reduce(0) { $0 + exp($1) }) - logits[Int(target)]
    }
    return loss
  }
}
