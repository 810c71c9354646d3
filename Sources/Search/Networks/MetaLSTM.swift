import Cells
import Execution
import Kernels
import Training

/// Curves as a Meta-LSTM reads them: B curves of K known points and L that follow.
package struct CurveBatch: Sendable {
  package var count: Int
  /// What the encoder reads [K, B, 2].
  package var start: [Float]
  /// What the decoder reads [L, B, 2].
  package var queries: [Float]
  /// What an output of zero means [L, B].
  package var base: [Double]
  /// What an output of one adds to it.
  package var scale: Double
  /// What follows [L, B]; empty where it is not known.
  package var targets: [Double]

  package init(
    count: Int, start: [Float], queries: [Float], base: [Double], scale: Double, targets: [Double]
  ) {
    self.count = count
    self.start = start
    self.queries = queries
    self.base = base
    self.scale = scale
    self.targets = targets
  }

  /// The same with the last of what follows alone.
  package var last: CurveBatch {
    var last = self
    last.queries = Array(queries.suffix(count * MetaLSTM.inputs))
    last.base = Array(base.suffix(count))
    last.targets = Array(targets.suffix(count))
    return last
  }
}

/// An encoder that reads the start of a learning curve and a decoder that writes the rest.
///
/// After Rawal and Miikkulainen 2018, arXiv:1803.04439: both are two layers of LSTM, the decoder starts
/// from the encoder's last state, the loss is the mean absolute percentage error. The gradient of the
/// decoder's first state is that of the encoder's last one. The decoder reads how far it is and not
/// what it wrote, so that it is one run. Used by one thread at a time.
package final class MetaLSTM {
  package static let inputs = 2
  static let layers = 2

  package let weights: ParameterBuffer
  /// After `gradient`.
  package let gradients: ParameterBuffer
  private let start: Int
  private let rest: Int
  private let encoder: Network
  private let decoder: Network
  private let head: ParameterEntry
  private let bias: ParameterEntry
  private var runs: Runs?

  /// The memory for batches of one size.
  private struct Runs {
    let encoder: SequenceRun
    let decoder: SequenceRun
    let state: Buffer<Float>
    let hidden: Buffer<Float>
  }

  /// - Parameters:
  ///   - start: points that the encoder reads, K.
  ///   - rest: points that the decoder writes, L.
  package init(hidden: Int, start: Int, rest: Int, seed: UInt64) throws(Failure) {
    let cells = [Cell](repeating: try Cell.stock("lstm"), count: Self.layers)
    let sizes = [Int](repeating: hidden, count: Self.layers)
    var layout = ParameterLayout()
    encoder = try Network(
      cells: cells, inputSize: Self.inputs, hiddenSizes: sizes, layout: &layout, prefix: "encoder.")
    decoder = try Network(
      cells: cells, inputSize: Self.inputs, hiddenSizes: sizes, layout: &layout, prefix: "decoder.")
    let head = try layout.addMatrix("output.weight", rows: 1, columns: hidden)
    let bias = try layout.addVector("output.bias", count: 1, role: .bias)
    self.head = layout.entries[head]
    self.bias = layout.entries[bias]
    self.start = start
    self.rest = rest
    weights = try ParameterBuffer(layout)
    gradients = try ParameterBuffer(layout)
    encoder.initialize(weights, seed: stableHash([seed, 1]))
    decoder.initialize(weights, seed: stableHash([seed, 2]))
    // The head starts at zero: before training, everything is predicted to be its base.
  }

  /// Outputs [L, B], before base and scale.
  private func forward(
    _ batch: CurveBatch, keepsTape: Bool
  ) throws(Failure) -> (runs: Runs, outputs: [Double]) {
    guard batch.count > 0, batch.start.count == start * batch.count * Self.inputs,
      batch.queries.count == rest * batch.count * Self.inputs,
      batch.base.count == rest * batch.count
    else { throw .invalid("the curves have other lengths than the Meta-LSTM was made for") }
    let runs = try self.runs(batch.count, keepsTape: keepsTape)
    try runs.encoder.forward(input: batch.start, initialState: nil, threads: 1)
    runs.encoder.copyFinalState(to: runs.state.base)
    try runs.decoder.forward(
      input: batch.queries, initialState: runs.state.base, output: runs.hidden.base, threads: 1)
    let size = decoder.outputSize
    let outputs = (0..<rest * batch.count).map { row in
      var sum = Double(weights.values[bias.offset])
      for k in 0..<size {
        sum += Double(weights.values[head.place(0, k)]) * Double(runs.hidden[row * size + k])
      }
      return sum
    }
    return (runs, outputs)
  }

  private func runs(_ batch: Int, keepsTape: Bool) throws(Failure) -> Runs {
    if let runs, runs.encoder.batch == batch, runs.encoder.keepsTape || !keepsTape { return runs }
    let encoderRun = try SequenceRun(
      encoder, weights, steps: start, batch: batch, keepsTape: keepsTape)
    let decoderRun = try SequenceRun(
      decoder, weights, steps: rest, batch: batch, keepsTape: keepsTape)
    let made = Runs(
      encoder: encoderRun, decoder: decoderRun, state: try Buffer(count: encoderRun.stateCount),
      hidden: try Buffer(count: decoderRun.outputCount))
    runs = made
    return made
  }

  /// What follows each curve [L, B].
  package func predict(_ batch: CurveBatch) throws(Failure) -> [Double] {
    let outputs = try forward(batch, keepsTape: false).outputs
    return zip(outputs, batch.base).map { $1 + batch.scale * $0 }
  }

  /// The mean absolute percentage error, as a fraction.
  package func loss(_ batch: CurveBatch) throws(Failure) -> Double {
    Self.error(try predict(batch), batch.targets)
  }

  static func error(_ predicted: [Double], _ targets: [Double]) -> Double {
    let sum = zip(predicted, targets).reduce(0) { $0 + abs($1.0 - $1.1) / divisor($1.1) }
    return sum / Double(max(1, targets.count))
  }

  /// Losses of programs that score for themselves may be zero or below.
  private static func divisor(_ target: Double) -> Double { max(abs(target), 1e-3) }

  /// Writes the gradient of the loss to `gradients`.
  package func gradient(_ batch: CurveBatch) throws(Failure) {
    let (runs, outputs) = try forward(batch, keepsTape: true)
    guard batch.targets.count == outputs.count else {
      throw .invalid("curves that end unknown cannot be learned from")
    }
    let size = decoder.outputSize
    var hiddenGradient = [Float](repeating: 0, count: outputs.count * size)
    var headGradient = [Double](repeating: 0, count: size)
    var biasGradient = 0.0
    for (row, output) in outputs.enumerated() {
      let difference = batch.base[row] + batch.scale * output - batch.targets[row]
      let sign: Double = difference > 0 ? 1 : difference < 0 ? -1 : 0
      let slope =
        sign * batch.scale / Self.divisor(batch.targets[row]) / Double(outputs.count)
      biasGradient += slope
      for k in 0..<size {
        headGradient[k] += slope * Double(runs.hidden[row * size + k])
        hiddenGradient[row * size + k] = Float(slope) * weights.values[head.place(0, k)]
      }
    }
    try runs.decoder.backward(
      outputGradient: hiddenGradient, finalStateGradient: nil, threads: 1)
    runs.decoder.copyInitialStateGradient(to: runs.state.base)
    try runs.encoder.backward(
      outputGradient: nil, finalStateGradient: runs.state.base, threads: 1)
    // Each run writes its own network's part, and zeros are elsewhere.
    for index in 0..<gradients.values.count {
      gradients.values.base[index] =
        runs.encoder.gradients.values[index] + runs.decoder.gradients.values[index]
    }
    gradients.values.base[bias.offset] = Float(biasGradient)
    for k in 0..<size { gradients.values.base[head.place(0, k)] = Float(headGradient[k]) }
  }

  /// Trains by Adam on the whole batch at once, at a rate that falls to zero.
  package func train(_ batch: CurveBatch, updates: Int, learningRate: Double) throws(Failure) {
    let update = try WeightUpdate(
      Adam(weights.layout), floatCount: weights.layout.floatCount)
    for number in 1...max(1, updates) {
      try gradient(batch)
      let rate = learningRate * Double(updates - number + 1) / Double(max(1, updates))
      try TeamPool.with(threads: 1) { team in
        update.apply(
          gradients, norm: update.norm(gradients, team), clip: 1, to: weights, number: number,
          learningRate: rate, team)
      }
    }
  }
}
