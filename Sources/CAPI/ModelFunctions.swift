import CRNNCell
import Cells
import Execution
import Kernels
import Training

/// A model of language or of sequences, and its history.
final class ModelObject: Handled {
  static let noun = "model"
  static let tag: UInt64 = 0x726E_6E6D_6F64_6C07

  let model: any TrainableModel
  let parameters: BorrowedParameters
  let texts = Texts()

  init(_ model: any TrainableModel) throws(Failure) {
    self.model = model
    parameters = try BorrowedParameters(model.weights)
  }

  /// - Throws: `.state` for a model of another kind.
  static func language(_ pointer: OpaquePointer?) throws(Failure) -> LanguageModel {
    if let model = try Handle.object(pointer, as: ModelObject.self).model as? LanguageModel {
      return model
    }
    throw .invalid("the model is of sequences, not of language; use what …_sequences does")
  }

  /// - Throws: `.state` for a model of another kind.
  static func sequences(_ pointer: OpaquePointer?) throws(Failure) -> SequenceModel {
    if let model = try Handle.object(pointer, as: ModelObject.self).model as? SequenceModel {
      return model
    }
    throw Failure(.state, "the model is of language, not of sequences; train it on a corpus")
  }
}

/// The cells of all layers, from one for all or one for each.
func cells(
  _ cells: UnsafePointer<OpaquePointer?>?, _ count: Int64, layers: Int64
) throws(Failure) -> [Cell] {
  let given = try CAPI.cells(cells, try positive(count, "cell_count", limit: Limits.layers))
  let layers = try positive(layers, default: given.count, "layers", limit: Limits.layers)
  guard given.count == 1 || given.count == layers else {
    throw .invalid("\(given.count) cells for \(layers) layers; pass one, or one for each layer")
  }
  return given.count == layers ? given : Array(repeating: given[0], count: layers)
}

@_cdecl("rnncell_model_create") @implementation
public func rnncell_model_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ corpus: OpaquePointer?,
  _ cells: UnsafePointer<OpaquePointer?>?, _ cellCount: Int64,
  _ options: UnsafePointer<rnncell_model_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let corpus = try Handle.object(corpus, as: CorpusObject.self).corpus
    let options = try read(options, zero: rnncell_model_options())
    let cells = try CAPI.cells(cells, cellCount, layers: options.layers)
    let hidden = try positive(
      options.hidden_size, default: 128, "hidden_size", limit: Limits.size)
    let embedding = try count(options.embedding_size, "embedding_size", limit: Limits.size)
    let target = try count(options.weight_count, "weight_count", limit: Limits.bufferBytes / 4)
    var shape = ModelShape(
      cells: cells, vocabulary: corpus.vocabulary, hiddenSize: hidden,
      embeddingSize: embedding == 0 ? nil : embedding,
      isTied: try flag(options.tied, "tied"),
      wiring: try wiring(residual: options.residual, zoneout: options.zoneout))
    if target > 0 { shape.hiddenSize = try shape.hiddenSize(nearestTo: target) }
    let initialization = try initialization(
      range: options.init_range, forgetBias: options.forget_bias, chrono: options.chrono,
      recurrent: options.recurrent)
    return try ModelObject(
      try LanguageModel(shape, seed: options.seed, initialization: initialization))
  }
}

@_cdecl("rnncell_model_free") @implementation
public func rnncell_model_free(_ model: OpaquePointer?) { Handle.free(model, as: ModelObject.self) }

@_cdecl("rnncell_model_describe") @implementation
public func rnncell_model_describe(
  _ out: UnsafeMutablePointer<rnncell_model_info>?, _ model: OpaquePointer?
) -> Int32 {
  fill(out) { () throws(Failure) in
    let model = try Handle.object(model, as: ModelObject.self).model
    var info = rnncell_model_info()
    info.layers = Int64(model.network.cells.count)
    info.hidden_size = Int64(model.network.hiddenSizes.last ?? 0)
    info.parameter_count = Int64(model.weights.layout.entries.count)
    info.weight_count = Int64(model.weights.layout.parameterCount)
    info.history_count = Int64(model.history.count)
    if let model = model as? LanguageModel {
      info.embedding_size = Int64(model.network.inputSize)
      info.vocabulary_size = Int64(model.vocabulary.count)
      info.unit = model.vocabulary.unit.code
      info.tied = model.isTied ? 1 : 0
    } else if let model = model as? SequenceModel {
      info.input_size = Int64(model.shape.inputSize)
      info.output_size = Int64(model.shape.outputSize)
      info.targets = model.shape.kind.code
      info.per_step = model.shape.isPerStep ? 1 : 0
    }
    return info
  }
}

@_cdecl("rnncell_model_network") @implementation
public func rnncell_model_network(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ model: OpaquePointer?
) -> Int32 {
  make(out) { () throws(Failure) in
    let (network, weights) = try Handle.object(model, as: ModelObject.self).model.bareNetwork()
    return try NetworkObject(network, weights)
  }
}

@_cdecl("rnncell_model_parameters") @implementation
public func rnncell_model_parameters(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ model: OpaquePointer?
) -> Int32 {
  lend(out) { () throws(Failure) in
    try Handle.object(model, as: ModelObject.self).parameters.handle
  }
}

@_cdecl("rnncell_model_word") @implementation
public func rnncell_model_word(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ model: OpaquePointer?, _ id: Int64
) -> Int32 {
  writeBytes(text, capacity, needed) { () throws(Failure) in
    try word(try ModelObject.language(model).vocabulary, id)
  }
}

@_cdecl("rnncell_model_encode") @implementation
public func rnncell_model_encode(
  _ tokens: UnsafeMutablePointer<Int32>?, _ capacity: Int64, _ needed: UnsafeMutablePointer<Int64>?,
  _ model: OpaquePointer?, _ text: UnsafePointer<CChar>?, _ bytes: Int
) -> Int32 {
  status { () throws(Failure) in
    needed?.pointee = 0
    guard capacity >= 0 else { throw .invalid("capacity is \(capacity); pass how many ids fit") }
    guard tokens != nil || capacity == 0 else {
      throw .invalid(
        "tokens is NULL but its capacity is \(capacity); pass 0 to learn what is needed")
    }
    let model = try ModelObject.language(model)
    let text = try array(text, "text")
    guard (0...Limits.bufferBytes).contains(bytes) else {
      throw Failure(.limit, "bytes is \(UInt(bitPattern: bytes)), more than a text can have")
    }
    let ids = try model.vocabulary.encode(UnsafeRawBufferPointer(start: text, count: bytes))
    needed?.pointee = Int64(ids.count)
    guard let tokens else { return }
    guard capacity >= ids.count else {
      throw .invalid("the text has \(ids.count) tokens, not \(capacity); pass a larger array")
    }
    for (index, id) in ids.enumerated() { tokens[index] = id }
  }
}

/// The token ids of a text of which there is to be a loss.
private func tokenIDs(
  _ tokens: UnsafePointer<Int32>?, _ count: Int64
) throws(Failure) -> UnsafeBufferPointer<Int32> {
  let tokens = try array(tokens, "tokens")
  let count = try positive(count, "the count of tokens", limit: Limits.bufferBytes / 4)
  guard count >= 2 else { throw .invalid("there is 1 token; a loss needs at least 2") }
  return UnsafeBufferPointer(start: tokens, count: count)
}

@_cdecl("rnncell_model_evaluate") @implementation
public func rnncell_model_evaluate(
  _ loss: UnsafeMutablePointer<Double>?, _ model: OpaquePointer?,
  _ tokens: UnsafePointer<Int32>?, _ count: Int64, _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    let loss = try array(loss, "loss")
    loss.pointee = .nan
    let model = try ModelObject.language(model)
    loss.pointee = try model.loss(
      try tokenIDs(tokens, count), threads: try threadCount(threads))
  }
}

@_cdecl("rnncell_model_evaluate_dynamic") @implementation
public func rnncell_model_evaluate_dynamic(
  _ loss: UnsafeMutablePointer<Double>?, _ model: OpaquePointer?,
  _ tokens: UnsafePointer<Int32>?, _ count: Int64, _ learningRate: Double, _ decay: Double,
  _ truncation: Int64, _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    let loss = try array(loss, "loss")
    loss.pointee = .nan
    let model = try ModelObject.language(model)
    let tokens = try tokenIDs(tokens, count)
    var rule = DynamicEvaluation(learningRate: learningRate)
    rule.decay = decay
    rule.truncation = try positive(truncation, default: 20, "truncation", limit: Limits.steps)
    loss.pointee = try model.loss(tokens, following: rule, threads: try threadCount(threads))
  }
}

@_cdecl("rnncell_model_generate") @implementation
public func rnncell_model_generate(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?,
  _ model: OpaquePointer?, _ prompt: UnsafePointer<CChar>?, _ count: Int64,
  _ temperature: Double, _ seed: UInt64
) -> Int32 {
  write(text, capacity, needed) { () throws(Failure) in
    let model = try ModelObject.language(model)
    let prompt = try read(prompt, "prompt")
    let count = try CAPI.count(count, "count", limit: Limits.steps)
    return try model.generate(prompt, count: count, temperature: temperature, seed: seed)
  }
}

@_cdecl("rnncell_model_save") @implementation
public func rnncell_model_save(_ model: OpaquePointer?, _ path: UnsafePointer<CChar>?) -> Int32 {
  status { () throws(Failure) in
    let model = try Handle.object(model, as: ModelObject.self).model
    try model.tensors().write(to: try read(path, "path"))
  }
}

@_cdecl("rnncell_model_load") @implementation
public func rnncell_model_load(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ path: UnsafePointer<CChar>?
) -> Int32 {
  make(out) { () throws(Failure) in
    try ModelObject(try ModelFile.load(try read(path, "path")))
  }
}
