import Cells
import Execution
import Kernels

/// A sequence model at work on some sequences at a time, each from a zero state.
final class SequenceModelRun {
  let unroll: Unroll
  private let model: SequenceModel
  private let outputLayer: OutputLayer
  private let batch: Int
  /// The last outputs of the sequences and their gradient [B, H], where only these count.
  private let last: StripMemory?
  private let lastGradient: StripMemory?
  /// Targets in the order of the rows.
  private let classes: Buffer<Int32>
  private let numbers: Buffer<Float>

  /// - Parameters:
  ///   - steps: the longest sequence that will come.
  ///   - masksRecurrence: whether recurrent dropout is to come.
  init(
    _ model: SequenceModel, gradients: ParameterBuffer?, steps: Int, batch: Int,
    masksRecurrence: Bool = false, kernels: KernelTable
  ) throws(Failure) {
    self.model = model
    self.batch = batch
    unroll = try Unroll(
      model.network, weights: model.weights, gradients: gradients, steps: steps, batch: batch,
      masksRecurrence: masksRecurrence, drawsZoneout: gradients != nil, kernels: kernels)
    let rows = model.shape.isPerStep ? steps * batch : batch
    outputLayer = try OutputLayer(
      matrix: model.outputMatrix, bias: model.outputBias, weights: model.weights,
      gradients: gradients, rows: rows, kernels: kernels)
    let size = model.network.outputSize
    last = model.shape.isPerStep ? nil : try StripMemory(rows: batch, columns: size)
    lastGradient =
      model.shape.isPerStep || gradients == nil
      ? nil : try StripMemory(rows: batch, columns: size)
    let isClass = model.shape.kind == .classes
    classes = try Buffer(count: isClass ? rows : 0)
    numbers = try Buffer(count: isClass ? 0 : rows * model.shape.outputSize)
  }

  /// Rows of the output layer: time steps of all sequences, or the sequences.
  private var rows: Int { model.shape.isPerStep ? unroll.rows.total : batch }

  /// The sum of the losses of sequences of the data and, with a scale, the gradient of so much of it.
  ///
  /// - Parameter sequences: B indices; where fewer are left, the places behind are empty.
  func losses(
    _ data: SequenceData, _ sequences: ArraySlice<Int>, scale: Float?, _ team: Team
  ) throws(Failure) -> Double {
    try forward(data, sequences, team)
    let rows = model.shape.isPerStep ? unroll.rows.total : sequences.count
    let targets = gatherTargets(data, sequences)
    guard let scale else {
      return try outputLayer.losses(
        hidden: hidden, targets: targets, rows: rows, hiddenGradient: nil, gradientScale: 1, team)
    }
    let slopes = lastGradient?.view ?? unroll.outputGradient
    let loss = try outputLayer.losses(
      hidden: hidden, targets: targets, rows: rows, hiddenGradient: slopes, gradientScale: scale,
      team)
    if let lastGradient { spread(lastGradient.view, sequences.count) }
    try unroll.backward(team)
    return loss
  }

  /// The outputs for sequences, [sequences, K] or one [length, K] behind another.
  func outputs(
    _ data: SequenceData, _ sequences: ArraySlice<Int>, to result: UnsafeMutablePointer<Float>,
    _ team: Team
  ) throws(Failure) {
    try forward(data, sequences, team)
    let (width, kind) = (model.shape.outputSize, model.shape.kind)
    let rows = model.shape.isPerStep ? unroll.rows.total : sequences.count
    let flat = try Buffer<Float>(count: rows * width)
    outputLayer.outputs(hidden: hidden, rows: rows, kind, to: flat.base, team)
    eachTarget(data, sequences) { row, target in
      (result + target &* width).update(from: flat.base + row &* width, count: width)
    }
  }

  /// What the output layer reads.
  private var hidden: StripView { last?.view ?? unroll.output }

  private func forward(
    _ data: SequenceData, _ sequences: ArraySlice<Int>, _ team: Team
  ) throws(Failure) {
    var lengths = sequences.map { data.lengths[$0] }
    let longest = lengths.max() ?? 1
    lengths += Array(repeating: 0, count: batch - lengths.count)
    try unroll.prepare(steps: longest, lengths: lengths)
    unroll.zeroState()
    let rows = unroll.rows
    let first = sequences.startIndex
    team.run { thread in
      for step in team.share(of: rows.steps, thread) {
        for position in 0..<rows.active[step] {
          let place = data.starts[sequences[first &+ rows.sequence[position]]] &+ step
          unroll.input.setRow(
            rows.row(step, position), data.inputs + place &* data.inputSize)
        }
      }
    }
    try unroll.forward(team)
    guard let last else { return }
    let output = unroll.output
    for position in 0..<sequences.count {
      eachLastColumn(position) { column, row in
        last.view.place(position, column).pointee = output.place(row, column).pointee
      }
    }
  }

  /// Calls with each column of a sequence's last outputs and the row that it stands in: that of the last
  /// time step or, of the other direction, that of the first, where it ends.
  private func eachLastColumn(_ position: Int, _ body: (_ column: Int, _ row: Int) -> Void) {
    let rows = unroll.rows
    let (start, end) = (rows.row(0, position), rows.row(rows.lengths[position] &- 1, position))
    let size = model.network.outputSize
    let forward = size / model.network.wiring.directions
    for column in 0..<size { body(column, column < forward ? end : start) }
  }

  /// The gradient of the outputs, which is zero but for the last ones.
  private func spread(_ slopes: StripView, _ count: Int) {
    let target = unroll.outputGradient
    for strip in 0..<target.columns.strips {
      (target.base + strip &* target.stripStride).update(
        repeating: 0, count: unroll.rows.total &* 16)
    }
    for position in 0..<count {
      eachLastColumn(position) { column, row in
        target.place(row, column).pointee = slopes.place(position, column).pointee
      }
    }
  }

  /// Calls with each row of the output layer and the target that it belongs to.
  private func eachTarget(
    _ data: SequenceData, _ sequences: ArraySlice<Int>, _ body: (_ row: Int, _ target: Int) -> Void
  ) {
    let rows = unroll.rows
    let first = sequences.startIndex
    guard model.shape.isPerStep else {
      for position in 0..<sequences.count {
        body(position, sequences[first &+ rows.sequence[position]])
      }
      return
    }
    for step in 0..<rows.steps {
      for position in 0..<rows.active[step] {
        body(
          rows.row(step, position),
          data.starts[sequences[first &+ rows.sequence[position]]] &+ step)
      }
    }
  }

  private func gatherTargets(_ data: SequenceData, _ sequences: ArraySlice<Int>) -> Targets {
    let width = model.shape.outputSize
    switch data.targets {
    case .classes(let given):
      eachTarget(data, sequences) { row, target in classes.base[row] = given[target] }
      return .classes(classes.base)
    case .values(let given), .labels(let given):
      eachTarget(data, sequences) { row, target in
        (numbers.base + row &* width).update(from: given + target &* width, count: width)
      }
      return model.shape.kind == .values ? .values(numbers.base) : .labels(numbers.base)
    case nil: return .classes(classes.base)
    }
  }
}

/// A sequence model's losses and outputs on data, a batch at a time.
final class SequenceScorer {
  private let model: SequenceModel
  private let data: SequenceData
  private let run: SequenceModelRun
  private let batch: Int

  init(
    _ model: SequenceModel, _ data: SequenceData, batch: Int = 32, needsTargets: Bool = false,
    kernels: KernelTable = .current
  ) throws(Failure) {
    try data.check(model.shape, needsTargets: needsTargets)
    self.model = model
    self.data = data
    self.batch = min(batch, data.count)
    run = try SequenceModelRun(
      model, gradients: nil, steps: data.lengths.max() ?? 1, batch: self.batch, kernels: kernels)
  }

  func loss(_ team: Team) throws(Failure) -> Double {
    guard data.targets != nil else {
      throw .invalid("there are no targets; a loss needs what is right")
    }
    var sum = 0.0
    for sequences in batches { sum += try run.losses(data, sequences, scale: nil, team) }
    let loss = sum / Double(model.shape.isPerStep ? data.stepCount : data.count)
    guard loss.isFinite else {
      throw Failure(.diverged, "the loss is \(loss); the model's weights are unusable")
    }
    return loss
  }

  func predict(to result: UnsafeMutablePointer<Float>, _ team: Team) throws(Failure) {
    for sequences in batches { try run.outputs(data, sequences, to: result, team) }
  }

  private var batches: [ArraySlice<Int>] {
    let all = Array(0..<data.count)
    return stride(from: 0, to: data.count, by: batch).map {
      all[$0..<min($0 + batch, data.count)]
    }
  }
}
