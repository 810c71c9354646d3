import Cells
import Execution
import Glibc
import Kernels
import Synchronization
import Training

/// Orders terms by the loss that they promise, before any is trained.
///
/// This is the ranking function of Schrimpf et al. 2017, arXiv:1712.07316.
/// A TreeLSTM encodes the term, unrolled by one time step, and a linear head says its score, a loss in
/// standard deviations from the mean. Used by one thread at a time.
package final class Ranker {
  package struct Options: Sendable {
    package var hidden = 24
    package var updates = 120
    package var batch = 16
    package var learningRate = 0.01
    package init() {}
  }

  package let weights: ParameterBuffer
  package let gradients: ParameterBuffer
  private let trees: TreeNetwork
  private let head: ParameterEntry
  private let bias: ParameterEntry

  package init(hidden: Int, seed: UInt64) throws(Failure) {
    var layout = ParameterLayout()
    trees = try TreeNetwork(hidden: hidden, layout: &layout, prefix: "tree.")
    let head = try layout.addVector("head", count: hidden, role: .vector)
    let bias = try layout.addVector("bias", count: 1, role: .bias)
    self.head = layout.entries[head]
    self.bias = layout.entries[bias]
    weights = try ParameterBuffer(layout)
    gradients = try ParameterBuffer(layout)
    trees.initialize(weights, seed: seed)
    weights.version &+= 1
  }

  /// The score of each term: the lower, the better.
  package func scores(_ terms: [Term]) throws(Failure) -> [Double] {
    try scores(Forest(terms, isUnrolled: true), keepsTape: false).scores
  }

  private func scores(
    _ forest: Forest, keepsTape: Bool
  ) throws(Failure) -> (encodings: [[Float]], scores: [Double]) {
    let encodings = try trees.forward(forest, weights, keepsTape: keepsTape)
    let head = weights.read(head)
    let bias = Double(weights.read(bias)[0])
    return (
      encodings,
      encodings.map { encoding in
        zip(encoding, head).reduce(bias) { $0 + Double($1.0) * Double($1.1) }
      }
    )
  }

  /// The mean squared error of the scores; its gradient is left in `gradients`.
  @discardableResult
  package func gradient(_ terms: [Term], _ targets: [Double]) throws(Failure) -> Double {
    let (encodings, scores) = try scores(Forest(terms, isUnrolled: true), keepsTape: true)
    let head = weights.read(head)
    gradients.values.base.update(repeating: 0, count: gradients.values.count)
    var headGradient = [Float](repeating: 0, count: head.count)
    var biasGradient: Float = 0
    var loss = 0.0
    var rootGradients: [[Float]] = []
    for (row, target) in targets.enumerated() {
      let error = scores[row] - target
      loss += error * error / Double(targets.count)
      let slope = Float(2 * error / Double(targets.count))
      biasGradient += slope
      for k in head.indices { headGradient[k] += slope * encodings[row][k] }
      rootGradients.append(head.map { slope * $0 })
    }
    try trees.backward(rootGradients, to: gradients)
    gradients.write(self.head, from: headGradient)
    gradients.write(bias, from: [biasGradient])
    return loss
  }

  /// Learns from losses by Adam at a rate that falls to zero.
  package func train(
    _ terms: [Term], losses: [Double], _ options: Options = Options(), seed: UInt64
  ) throws(Failure) {
    let targets = Self.standardized(losses)
    let update = try WeightUpdate(Adam(weights.layout), floatCount: weights.layout.floatCount)
    var choices = Choices(seed: seed, 0x4A4E)
    var order: [Int] = []
    for number in 1...max(1, options.updates) {
      while order.count < options.batch { order += terms.indices.shuffled(using: &choices) }
      let rows = Array(order.prefix(options.batch))
      order.removeFirst(options.batch)
      try gradient(rows.map { terms[$0] }, rows.map { targets[$0] })
      let rate =
        options.learningRate * Double(options.updates - number + 1) / Double(options.updates)
      try TeamPool.with(threads: 1) { team in
        update.apply(
          gradients, norm: update.norm(gradients, team), clip: 1, to: weights, number: number,
          learningRate: rate, team)
      }
    }
  }

  /// Losses in mean deviations from their median, at most two of them.
  ///
  /// A cell that learned nothing must not stand for all: a deviation counts up to 1, a large one in nats, or
  /// up to three times the median one, where losses have another unit.
  package static func standardized(_ losses: [Double]) -> [Double] {
    let sorted = losses.sorted()
    guard !sorted.isEmpty else { return [] }
    let middle = sorted[sorted.count / 2]
    let deviations = sorted.map { abs($0 - middle) }.sorted()
    let most = max(1, 3 * deviations[deviations.count / 2])
    let spread = deviations.reduce(0) { $0 + min($1, most) } / Double(deviations.count)
    return losses.map { (($0 - middle) / max(spread, 1e-6)).clamped(to: -2...2) }
  }
}

/// The ranker of a study as it grows: trained anew at certain counts of results.
package final class RankerCache: Sendable {
  private struct State {
    var count = 0
    var ranker: Ranker?
  }
  private let state = Mutex(State())

  package init() {}

  /// Results that are learned from, of so many: 16, 24, 32, 48, 64, 96…; 0 where they are too few.
  package static func trainingCount(_ results: Int) -> Int {
    var count = 16
    guard results >= count else { return 0 }
    while true {
      // Half as many more, then a third, in turns: powers of two and what is in the middle.
      let next = count & (count - 1) == 0 ? count * 3 / 2 : count * 4 / 3
      if next > results || next > 768 { return count }
      count = next
    }
  }

  /// The terms, best first; as they are before there is anything to learn from.
  ///
  /// - Parameter results: terms with their losses, to which later ones are added at the end.
  package func ranked(
    _ terms: [Term], by results: [(term: Term, loss: Double)], seed: UInt64
  ) throws(Failure) -> [Term] {
    try state.withLock { state throws(Failure) in
      let count = Self.trainingCount(results.count)
      guard count > 0 else { return terms }
      if state.count != count || state.ranker == nil {
        let ranker = try Ranker(hidden: Ranker.Options().hidden, seed: stableHash([seed, 0x4A4E]))
        let known = results.prefix(count)
        try ranker.train(
          known.map(\.term), losses: known.map(\.loss), seed: stableHash([seed, UInt64(count)]))
        state.ranker = ranker
        state.count = count
      }
      guard let ranker = state.ranker else { return terms }
      let scores = try ranker.scores(terms)
      return zip(terms, scores).enumerated().sorted {
        ($0.element.1, $0.offset) < ($1.element.1, $1.offset)
      }.map(\.element.0)
    }
  }
}
