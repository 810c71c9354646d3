import CRNNCell
import Cells
import Execution
import Kernels
import Training

extension TargetKind {
  /// As the header numbers them.
  var code: Int32 {
    switch self {
    case .classes: RNNCELL_TARGETS_CLASSES
    case .values: RNNCELL_TARGETS_VALUES
    case .labels: RNNCELL_TARGETS_LABELS
    }
  }

  fileprivate init(code: Int32) throws(Failure) {
    guard let kind = Self.allCases.first(where: { $0.code == code }) else {
      throw .invalid("targets is \(code); pass a RNNCELL_TARGETS_… value")
    }
    self = kind
  }
}

@_cdecl("rnncell_model_create_for_sequences") @implementation
public func rnncell_model_create_for_sequences(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ cells: UnsafePointer<OpaquePointer?>?,
  _ cellCount: Int64, _ options: UnsafePointer<rnncell_sequence_options>?
) -> Int32 {
  make(out) { () throws(Failure) in
    let options = try read(options, zero: rnncell_sequence_options())
    let cells = try CAPI.cells(cells, cellCount, layers: options.layers)
    let hidden = try positive(options.hidden_size, default: 128, "hidden_size", limit: Limits.size)
    let kind = try TargetKind(code: options.targets)
    var shape = SequenceShape(
      cells: cells, hiddenSizes: cells.map { _ in hidden },
      inputSize: try positive(options.input_size, "input_size", limit: Limits.size), kind: kind,
      outputSize: try positive(
        options.output_size, default: kind == .classes ? 2 : 1, "output_size", limit: Limits.size),
      isPerStep: try flag(options.per_step, "per_step"),
      wiring: try wiring(
        bidirectional: options.bidirectional, residual: options.residual,
        zoneout: options.zoneout))
    let target = try count(options.weight_count, "weight_count", limit: Limits.bufferBytes / 4)
    if target > 0 { shape = try shape.sized(nearestTo: target) }
    let initialization = try initialization(
      range: options.init_range, forgetBias: options.forget_bias, chrono: options.chrono,
      recurrent: options.recurrent)
    return try ModelObject(
      try SequenceModel(shape, seed: options.seed, initialization: initialization))
  }
}

extension SequenceData {
  /// Reads the sequences of the header for a model.
  fileprivate init(
    _ pointer: UnsafePointer<rnncell_sequences>?, _ model: SequenceModel
  ) throws(Failure) {
    guard let pointer else { throw .invalid("the sequences are NULL; pass some") }
    let given = try read(pointer, zero: rnncell_sequences())
    let count = try positive(given.count, "the count of sequences", limit: Limits.bufferBytes / 8)
    let lengths = try array(given.lengths, "lengths")
    var steps: [Int] = []
    steps.reserveCapacity(count)
    for index in 0..<count {
      steps.append(try positive(lengths[index], "lengths[\(index)]", limit: Limits.steps))
    }
    guard given.classes == nil || given.values == nil else {
      throw .invalid("classes and values are both given; pass what the model learns")
    }
    var targets: Targets?
    if let classes = given.classes { targets = .classes(classes) }
    if let values = given.values {
      targets = model.shape.kind == .labels ? .labels(values) : .values(values)
    }
    try self.init(
      inputs: try array(given.inputs, "inputs"), inputSize: model.shape.inputSize, lengths: steps,
      targets: targets)
  }
}

@_cdecl("rnncell_model_fit_sequences") @implementation
public func rnncell_model_fit_sequences(
  _ model: OpaquePointer?, _ train: UnsafePointer<rnncell_sequences>?,
  _ valid: UnsafePointer<rnncell_sequences>?, _ options: UnsafePointer<rnncell_fit_options>?,
  _ callback: rnncell_progress_callback?, _ user: UnsafeMutableRawPointer?
) -> Int32 {
  status { () throws(Failure) in
    let model = try ModelObject.sequences(model)
    let data = try SequenceData(train, model)
    let valid = valid == nil ? nil : try SequenceData(valid, model)
    let options = try TrainingOptions(try read(options, zero: rnncell_fit_options()))
    try model.fit(data, valid: valid, options) { callback.hears($0, user) }
  }
}

@_cdecl("rnncell_model_predict") @implementation
public func rnncell_model_predict(
  _ outputs: UnsafeMutablePointer<Float>?, _ count: Int64, _ model: OpaquePointer?,
  _ sequences: UnsafePointer<rnncell_sequences>?, _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    let model = try ModelObject.sequences(model)
    let data = try SequenceData(sequences, model)
    let outputs = try array(outputs, "outputs")
    let rows = model.shape.isPerStep ? data.stepCount : data.count
    let wanted = try product(rows, model.shape.outputSize, of: "outputs")
    guard count == wanted else {
      throw .invalid(
        "the outputs have \(rows) x \(model.shape.outputSize) values, not \(count); pass an array "
          + "of that size")
    }
    try model.predict(data, to: outputs, threads: try threadCount(threads))
  }
}

@_cdecl("rnncell_model_evaluate_sequences") @implementation
public func rnncell_model_evaluate_sequences(
  _ loss: UnsafeMutablePointer<Double>?, _ model: OpaquePointer?,
  _ sequences: UnsafePointer<rnncell_sequences>?, _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    let loss = try array(loss, "loss")
    loss.pointee = .nan
    let model = try ModelObject.sequences(model)
    loss.pointee = try model.loss(
      try SequenceData(sequences, model), threads: try threadCount(threads))
  }
}
