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

  /// - Parameter gradients: of the model's layout; nil where only losses are wanted.
  package init(
    _ model: LanguageModel, gradients: ParameterBuffer?, steps: Int, batch: Int,
    kernels: KernelTable
  ) throws(Failure) {
    self.model = model
    self.gradients = gradients
    unroll = try Unroll(
      model.network, weights: model.weights, gradients: gradients, steps: steps, batch: batch,
      kernels: kernels)
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
    try unroll.forward(team)
  }
}
