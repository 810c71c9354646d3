import Cells
import Execution
import Kernels

/// A sequence model as a safetensors file.
///
/// Tensors are named as a torch module with the parts `rnn` and `output` names them.
extension SequenceModel {
  static let kind = "sequence_model"
  private static let prefix = "rnn."

  package func tensors() throws(Failure) -> SafeTensors {
    var file = SafeTensors(metadata: NetworkFile.metadata(network, kind: Self.kind))
    file.metadata["targets"] = shape.kind.rawValue
    file.metadata["output_size"] = String(shape.outputSize)
    file.metadata["per_step"] = shape.isPerStep ? "1" : "0"
    writeProgress(&file)
    try TensorNames.write(network, weights, prefix: Self.prefix, to: &file)
    try file.add(weights, outputMatrix, name: LanguageModel.outputMatrixName)
    try file.add(weights, outputBias, name: LanguageModel.outputBiasName)
    return file
  }

  package convenience init(_ file: SafeTensors) throws(Failure) {
    let format = file.metadata["format"] ?? "none"
    guard format == "rnncell.\(Self.kind).1" else {
      throw Failure(
        .format,
        "the file holds no sequence model of rnncell (format '\(format.prefix(40))'); choose "
          + "another file")
    }
    let shape: SequenceShape
    do throws(Failure) {
      shape = try SequenceShape(file)
      // Before memory is taken for what a hostile file only claims to hold.
      guard try shape.parameterCount <= file.valueCount else {
        throw Failure(
          .format,
          "the file holds \(file.valueCount) values, but its model has \(try shape.parameterCount)")
      }
    } catch {
      let isMemory = error.kind == .outOfMemory || error.kind == .limit
      throw Failure(isMemory ? error.kind : .format, error.message)
    }
    try self.init(zero: shape)
    try TensorNames.read(network, weights, prefix: Self.prefix, from: file)
    try file.load(LanguageModel.outputMatrixName, into: weights, outputMatrix)
    try file.load(LanguageModel.outputBiasName, into: weights, outputBias)
    try readProgress(file)
  }
}

extension SequenceShape {
  fileprivate init(_ file: SafeTensors) throws(Failure) {
    let parts = try NetworkFile.parts(file)
    guard let kind = file.metadata["targets"].flatMap({ TargetKind(rawValue: $0) }),
      let isPerStep = file.metadata["per_step"], ["0", "1"].contains(isPerStep)
    else {
      throw Failure(
        .format,
        "the file's metadata has no valid 'targets' or 'per_step'; was it written by rnncell?")
    }
    let outputSize = try file.count("output_size")
    guard !parts.cells.isEmpty, parts.cells.count == parts.hiddenSizes.count,
      (1...Limits.size).contains(outputSize),
      (parts.hiddenSizes + [parts.inputSize]).allSatisfy({ (1...Limits.size).contains($0) })
    else { throw Failure(.format, "the file's metadata has sizes that no model can have") }
    self.init(
      cells: parts.cells, hiddenSizes: parts.hiddenSizes, inputSize: parts.inputSize, kind: kind,
      outputSize: outputSize, isPerStep: isPerStep == "1",
      wiring: try NetworkFile.wiring(file))
  }
}

/// A model of either kind from a file.
package enum ModelFile {
  /// Reads a model that `save` wrote; a checkpoint of a training is one too.
  ///
  /// - Throws: `.io`; `.format` for a file that is no model, or whose parts do not fit each other.
  package static func load(_ path: String) throws(Failure) -> any TrainableModel {
    let file = try SafeTensors(reading: path)
    do throws(Failure) {
      return file.metadata["format"] == "rnncell.\(SequenceModel.kind).1"
        ? try SequenceModel(file) : try LanguageModel(file)
    } catch {
      throw Failure(error.kind, "'\(path.shown)': \(error.message)")
    }
  }
}
