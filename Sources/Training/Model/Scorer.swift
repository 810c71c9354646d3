import Execution
import Kernels

/// Measures the loss of a model on text.
///
/// The predictions are cut into B near-equal pieces that run side by side, each from a zero state;
/// every token but the first is predicted exactly once. With B = 1 the state is carried from the
/// first token to the last; with more, the first tokens of the other pieces have less to go by.
package final class Scorer {
  private let run: ModelRun
  private let batch: Int
  private let steps: Int

  /// Rows of a segment: enough for products to be fast.
  private static let rows = 512

  /// - Parameter predictions: how many there will be, so that short texts take little memory.
  package init(
    _ model: LanguageModel, batch: Int, predictions: Int, kernels: KernelTable = .current
  ) throws(Failure) {
    self.batch = max(1, min(batch, predictions))
    let longest = (predictions + self.batch - 1) / self.batch
    steps = max(1, min(longest, Self.rows / self.batch))
    run = try ModelRun(model, gradients: nil, steps: steps, batch: self.batch, kernels: kernels)
  }

  /// The mean loss in nats per predicted token.
  ///
  /// - Parameter shouldStop: asked between segments.
  /// - Throws: `.cancelled` when told to stop; `.diverged` for a loss that is not finite.
  package func loss(
    _ tokens: UnsafeBufferPointer<Int32>, _ team: Team, shouldStop: () -> Bool = { false }
  ) throws(Failure) -> Double {
    let predictions = tokens.count - 1
    let unroll = run.unroll
    unroll.zeroState()
    // Pieces that are longer by one come first, so that positions and pieces agree.
    func start(_ piece: Int) -> Int {
      piece * (predictions / batch) + min(piece, predictions % batch)
    }
    func length(_ piece: Int) -> Int { start(piece + 1) - start(piece) }
    var sum = 0.0
    var done = 0
    while done < length(0) {
      if shouldStop() { throw Failure(.cancelled, "the evaluation was stopped") }
      let lengths = (0..<batch).map { max(0, min(steps, length($0) - done)) }
      let isFull = lengths.allSatisfy { $0 == steps }
      try unroll.prepare(steps: isFull ? steps : lengths[0], lengths: isFull ? nil : lengths)
      let rows = unroll.rows
      for step in 0..<rows.steps {
        for position in 0..<rows.active[step] {
          let place = start(rows.sequence[position]) + done + step
          let row = rows.row(step, position)
          run.words[row] = tokens[place]
          run.targets[row] = tokens[place + 1]
        }
      }
      sum += try run.losses(team)
      unroll.carryState()
      done += steps
    }
    let loss = sum / Double(predictions)
    guard loss.isFinite else {
      throw Failure(
        .diverged, "the loss of \(predictions) tokens is \(loss); the model's weights are unusable")
    }
    return loss
  }
}

extension LanguageModel {
  /// The mean loss of predicting each token from those before it, nats per token, with the state
  /// carried from the first to the last; perplexity is its exponential.
  ///
  /// - Parameter threads: work together on the softmax; the steps come one after another.
  /// - Throws: `.invalidArgument` for an id outside the vocabulary or fewer than 2 tokens.
  package func loss(
    _ tokens: UnsafeBufferPointer<Int32>, threads: Int
  ) throws(Failure) -> Double {
    try check(tokens)
    let team = try Team(threads: threads)
    return try Scorer(self, batch: 1, predictions: tokens.count - 1).loss(tokens, team)
  }
}
