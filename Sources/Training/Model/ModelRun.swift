import Execution
import Kernels

/// A model at work on segments of text: B sequences of up to T tokens at a time.
///
/// The state is carried from one segment to the next.
package final class ModelRun {
  let model: LanguageModel
  package let unroll: Unroll
  /// The token of each row, and the one that follows it [T x B], rows as `unroll.rows` says.
  package let words: Buffer<Int32>
  package let targets: Buffer<Int32>
  private let softmax: OutputLayer
  private let gradients: ParameterBuffer?
  /// With which probability each token is dropped from the vocabulary, and what decides.
  package var wordDropout: (rate: Double, seed: UInt64) = (0, 0)

  /// - Parameters:
  ///   - gradients: of the model's layout; nil where only losses are wanted.
  ///   - masksRecurrence: whether recurrent dropout is to come.
  package init(
    _ model: LanguageModel, gradients: ParameterBuffer?, steps: Int, batch: Int,
    masksRecurrence: Bool = false, kernels: KernelTable
  ) throws(Failure) {
    self.model = model
    self.gradients = gradients
    unroll = try Unroll(
      model.network, weights: model.weights, gradients: gradients, steps: steps, batch: batch,
      masksRecurrence: masksRecurrence, drawsZoneout: gradients != nil, kernels: kernels)
    words = try Buffer(count: steps * batch)
    targets = try Buffer(count: steps * batch)
    softmax = try OutputLayer(
      matrix: model.outputMatrix, bias: model.outputBias, weights: model.weights,
      gradients: gradients, rows: steps * batch, kernels: kernels)
  }

  private var rows: Int { unroll.rows.total }

  /// The sum of the losses of all tokens, in nats.
  package func losses(_ team: Team) throws(Failure) -> Double {
    try forward(team)
    return try softmax.losses(
      hidden: unroll.output, targets: .classes(targets.base), rows: rows, hiddenGradient: nil,
      gradientScale: 1, team)
  }

  /// The sum of the losses; the gradient of `scale` times it is left in `gradients`.
  ///
  /// Call `forgetWords` before the words of a new segment are written, or the gradient of the last
  /// one's stays.
  package func lossesAndGradient(scale: Float, _ team: Team) throws(Failure) -> Double {
    try forward(team)
    let loss = try softmax.losses(
      hidden: unroll.output, targets: .classes(targets.base), rows: rows,
      hiddenGradient: unroll.outputGradient, gradientScale: scale, team)
    try unroll.backward(team)
    if let gradients {
      dropWords(unroll.inputGradient, team)
      model.embedding.scatter(
        unroll.inputGradient, rows: rows, words.base, to: gradients, team)
    }
    return loss
  }

  /// Takes the last segment's words out of the embedding's gradient, before new ones come.
  ///
  /// Tied weights need it not: the softmax overwrites the whole gradient.
  package func forgetWords(_ team: Team) {
    guard let gradients, !model.isTied else { return }
    model.embedding.clear(words.base, rows: rows, in: gradients, team)
  }

  private func forward(_ team: Team) throws(Failure) {
    model.embedding.gather(
      words.base, rows: rows, from: model.weights, to: unroll.input, team)
    dropWords(unroll.input, team)
    try unroll.forward(team)
  }

  /// Multiplies the rows of dropped tokens with 0, and the others with 1 / the probability of being kept.
  private func dropWords(_ view: StripView, _ team: Team) {
    guard wordDropout.rate > 0, gradients != nil else { return }
    let random = Philox(seed: wordDropout.seed, purpose: 0x746F_6B65)
    let (rate, kept) = (Float(wordDropout.rate), Float(1 / (1 - wordDropout.rate)))
    let words = words.base
    let rows = rows
    team.run { thread in
      for row in team.share(of: rows, thread) {
        let factor: Float =
          random.uniform(UInt64(truncatingIfNeeded: words[row])) < rate ? 0 : kept
        for strip in 0..<view.columns.strips {
          let at = view.base + strip &* view.stripStride + row &* 16
          for lane in 0..<16 { at[lane] *= factor }
        }
      }
    }
  }
}
