import Cells
import Execution
import Kernels

/// A language model as a safetensors file.
///
/// Tensors are named as a torch module with the parts `embedding`, `rnn` and `output` names them.
/// Equations, sizes, vocabulary and history are in the metadata.
extension LanguageModel {
  private static let kind = "model"
  /// Where the network's tensors are.
  private static let prefix = "rnn."

  /// Reads a model that `save` wrote; a checkpoint of a training is one too.
  ///
  /// - Throws: `.io`; `.format` for a file that is no model, or whose parts do not fit each other.
  package convenience init(loading path: String) throws(Failure) {
    let file = try SafeTensors(reading: path)
    do throws(Failure) {
      try self.init(file)
    } catch {
      throw Failure(error.kind, "'\(path.shown)': \(error.message)")
    }
  }

  /// All that makes the model, ready to be written.
  package func tensors() throws(Failure) -> SafeTensors {
    var file = SafeTensors(metadata: NetworkFile.metadata(network, kind: Self.kind))
    file.metadata["tied"] = isTied ? "1" : "0"
    file.metadata["unit"] = vocabulary.unit.rawValue
    file.metadata["vocabulary"] = JSON.array(vocabulary.tokens.map { .string($0) }).text
    writeProgress(&file)
    try file.add(weights, embedding.entry, name: Self.embeddingName)
    try TensorNames.write(network, weights, prefix: Self.prefix, to: &file)
    if !isTied { try file.add(weights, outputMatrix, name: Self.outputMatrixName) }
    try file.add(weights, outputBias, name: Self.outputBiasName)
    return file
  }

  /// A model from what `tensors` made.
  package convenience init(_ file: SafeTensors) throws(Failure) {
    let shape = try ModelShape(file, kind: Self.kind)
    // Before memory is taken for what a hostile file only claims to hold.
    let held = file.tensors.reduce(0) { $0 + $1.values.count }
    guard try shape.parameterCount <= held else {
      throw Failure(
        .format, "the file holds \(held) values, but its model has \(try shape.parameterCount)")
    }
    try self.init(zero: shape)
    try file.load(Self.embeddingName, into: weights, embedding.entry)
    try TensorNames.read(network, weights, prefix: Self.prefix, from: file)
    if !isTied { try file.load(Self.outputMatrixName, into: weights, outputMatrix) }
    try file.load(Self.outputBiasName, into: weights, outputBias)
    try readProgress(file)
  }
}

extension TrainableModel {
  /// Writes the model to a file.
  ///
  /// - Throws: `.io`, `.outOfMemory`.
  package func save(to path: String) throws(Failure) { try tensors().write(to: path) }

  /// Adds to a file what training has made beside the weights.
  func writeProgress(_ file: inout SafeTensors) {
    file.metadata["updates"] = String(updates)
    file.metadata["tokens"] = String(tokens)
    file.metadata["history"] = JSON.array(history.map(\.json)).text
  }

  /// Takes what `writeProgress` wrote.
  func readProgress(_ file: SafeTensors) throws(Failure) {
    updates = try file.count("updates")
    tokens = try file.count("tokens")
    var rows: [TrainingProgress] = []
    for row in try file.json("history").array ?? [] {
      guard let row = TrainingProgress(row) else {
        throw Failure(.format, "the file's history has a row that is none")
      }
      rows.append(row)
    }
    history = rows
  }
}

extension ModelShape {
  /// The shape that a file's metadata describes.
  fileprivate init(_ file: SafeTensors, kind: String) throws(Failure) {
    let format = file.metadata["format"] ?? "none"
    guard format == "rnncell.\(kind).1" else {
      throw Failure(
        .format,
        "the file holds no language model of rnncell (format '\(format.prefix(40))'); "
          + "choose another file")
    }
    func wrong(_ what: String) -> Failure {
      Failure(.format, "the file's metadata has no valid '\(what)'; was it written by rnncell?")
    }
    let equations = try file.json("cells").array?.compactMap(\.string) ?? []
    let sizes = try file.json("hidden_sizes").array?.compactMap(\.integer) ?? []
    guard !equations.isEmpty, equations.count <= Limits.layers else { throw wrong("cells") }
    var cells: [Cell] = []
    for text in equations {
      do throws(Failure) {
        cells.append(try Cell(parsing: text))
      } catch {
        throw Failure(.format, "a cell of the file cannot be read: \(error.message)")
      }
    }
    guard sizes.count == cells.count, let hiddenSize = sizes.first,
      (1...Limits.size).contains(hiddenSize), sizes.allSatisfy({ $0 == hiddenSize })
    else { throw wrong("hidden_sizes") }
    let inputSize = try file.count("input_size")
    guard (1...Limits.size).contains(inputSize) else { throw wrong("input_size") }
    guard let tied = file.metadata["tied"], ["0", "1"].contains(tied) else { throw wrong("tied") }
    guard let unit = file.metadata["unit"].flatMap({ TextUnit(rawValue: $0) }) else {
      throw wrong("unit")
    }
    let words = try file.json("vocabulary").array ?? []
    let tokens = words.compactMap(\.string)
    guard !tokens.isEmpty, tokens.count == words.count else { throw wrong("vocabulary") }
    let vocabulary: Vocabulary
    do throws(Failure) {
      vocabulary = try Vocabulary(unit: unit, tokens: tokens)
    } catch {
      throw Failure(.format, "the file's vocabulary is none: \(error.message)")
    }
    self.init(
      cells: cells, vocabulary: vocabulary, hiddenSize: hiddenSize, embeddingSize: inputSize,
      isTied: tied == "1", wiring: try NetworkFile.wiring(file))
  }
}

extension SafeTensors {
  /// A count of the metadata.
  func count(_ name: String) throws(Failure) -> Int {
    guard let count = metadata[name].flatMap({ Int($0) }), Limits.counts.contains(count) else {
      throw Failure(
        .format, "the file's metadata has no valid '\(name)'; was it written by rnncell?")
    }
    return count
  }

  /// A JSON text of the metadata.
  ///
  /// - Throws: `.format` where there is none.
  func json(_ name: String) throws(Failure) -> JSON {
    guard let text = metadata[name] else {
      throw Failure(.format, "the file's metadata has no '\(name)'; it was not written by rnncell")
    }
    do throws(Failure) {
      return try JSON(parsing: text)
    } catch {
      throw Failure(.format, "the file's '\(name)' is no JSON: \(error.message)")
    }
  }
}

extension TrainingProgress {
  /// As a file keeps it; numbers that are not finite become null.
  var json: JSON {
    .object([
      JSON.Member("epoch", .integer(epoch)), JSON.Member("update", .integer(update)),
      JSON.Member("updates", .integer(updates)), JSON.Member("tokens", .integer(tokens)),
      JSON.Member("train_loss", .number(trainLoss)), JSON.Member("valid_loss", .number(validLoss)),
      JSON.Member("learning_rate", .number(learningRate)),
      JSON.Member("tokens_per_second", .number(tokensPerSecond)),
      JSON.Member("seconds", .number(seconds)),
    ])
  }

  /// What `json` made; nil for anything else.
  init?(_ json: JSON) {
    guard let epoch = json["epoch"]?.integer, let update = json["update"]?.integer,
      let updates = json["updates"]?.integer, let tokens = json["tokens"]?.integer,
      [epoch, update, updates, tokens].allSatisfy(Limits.counts.contains)
    else { return nil }
    func number(_ name: String) -> Double { json[name]?.double ?? .nan }
    self.init(
      epoch: epoch, update: update, updates: updates, tokens: tokens,
      trainLoss: number("train_loss"), validLoss: number("valid_loss"),
      learningRate: number("learning_rate"), tokensPerSecond: number("tokens_per_second"),
      seconds: number("seconds"))
  }
}
