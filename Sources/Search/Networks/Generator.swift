import Cells
import Execution
import Glibc
import Kernels
import Synchronization
import Training

/// How a generator is made and learns.
package struct GeneratorSettings: Equatable, Sendable {
  /// Elements of what it knows of a partial term.
  package var hidden = 24
  /// Of Adam.
  package var learningRate = 0.005
  /// Choices in 100 that are made at random.
  package var randomChoices = 5
  /// How much of the mean reward stays when a new one comes.
  package var decay = 0.95
  /// Terms of an update.
  package var batch = 8
  package init() {}
}

/// Chooses the symbols of terms, and learns by REINFORCE which choices lead to good ones.
///
/// This is the generator of Schrimpf et al. 2017, arXiv:1712.07316.
/// A TreeLSTM encodes the partial term, in which the place that is to be filled next is marked; a linear
/// map gives each symbol a score, and those that keep the rules get probabilities by softmax. Used by
/// one thread at a time.
package final class Generator {
  package let weights: ParameterBuffer
  package let gradients: ParameterBuffer
  private let growing: Growing
  private let settings: GeneratorSettings
  private let trees: TreeNetwork
  private let adam: Adam
  private let weightUpdate: WeightUpdate
  private let head: ParameterEntry
  private let bias: ParameterEntry
  /// The moving mean of rewards; nil before the first.
  package private(set) var baseline: Double?
  package private(set) var updates = 0

  package init(
    _ growing: Growing, seed: UInt64, _ settings: GeneratorSettings = GeneratorSettings()
  ) throws(Failure) {
    self.growing = growing
    self.settings = settings
    var layout = ParameterLayout()
    trees = try TreeNetwork(hidden: settings.hidden, layout: &layout, prefix: "tree.")
    let symbols = Symbol.allCases.count
    let head = try layout.addMatrix("head", rows: symbols, columns: settings.hidden)
    let bias = try layout.addVector("bias", count: symbols, role: .bias)
    self.head = layout.entries[head]
    self.bias = layout.entries[bias]
    weights = try ParameterBuffer(layout)
    gradients = try ParameterBuffer(layout)
    adam = try Adam(layout)
    weightUpdate = try WeightUpdate(adam, floatCount: layout.floatCount)
    trees.initialize(weights, seed: seed)
    // It begins as random growth: a head of zeros, and a bias that is what random growth prefers.
    weights.write(self.bias, from: Symbol.allCases.map { Float(log($0.frequency)) })
    weights.version &+= 1
  }

  /// Grows a term by its choices, some of which are random.
  package func grow(_ choices: inout Choices) throws(Failure) -> Term {
    var draw = Choices(seed: choices.next())
    let term = try? growing.grow(&choices) { term, place, legal throws(Failure) in
      guard draw.below(100) >= settings.randomChoices else { return legal.map(\.frequency) }
      return try probabilities([(term, legal)])[0]
    }
    // What it likes may lead nowhere, as it learns from complete terms alone.
    if let term { return term }
    return try growing.random(&choices)
  }

  /// Of each of the legal symbols, for several partial terms.
  package func probabilities(
    _ places: [(term: Term, legal: [Symbol])]
  ) throws(Failure) -> [[Double]] {
    let encodings = try trees.forward(
      Forest(places.map(\.term), isUnrolled: false), weights, keepsTape: false)
    let scores = Scores(weights.read(head), weights.read(bias))
    return zip(encodings, places).map { scores.probabilities($0, $1.legal) }
  }

  /// One update by the rewards of complete terms.
  package func learn(_ terms: [Term], rewards: [Double]) throws(Failure) {
    guard !terms.isEmpty, terms.count == rewards.count, rewards.allSatisfy(\.isFinite) else {
      throw .invalid("a generator learns from as many finite rewards as terms, at least one")
    }
    let mean = rewards.reduce(0, +) / Double(rewards.count)
    let baseline = baseline.map { $0 + (1 - settings.decay) * (mean - $0) } ?? mean
    try gradient(terms, advantages: rewards.map { $0 - baseline })
    self.baseline = baseline
    updates += 1
    try TeamPool.with(threads: 1) { team in
      weightUpdate.apply(
        gradients, norm: weightUpdate.norm(gradients, team), clip: 1, to: weights,
        number: updates, learningRate: settings.learningRate, team)
    }
  }

  /// Leaves in `gradients` that of the loss, the mean over the terms of -advantage * log p(term); gives
  /// the loss.
  @discardableResult
  package func gradient(_ terms: [Term], advantages: [Double]) throws(Failure) -> Double {
    var places: [Term] = []
    var decisions: [(legal: [Symbol], chosen: Int, advantage: Double)] = []
    for (term, advantage) in zip(terms, advantages) {
      for step in Growing.steps(of: term) {
        let legal = growing.choices(for: step.term, at: step.place)
        // A term from elsewhere may break the rules of this space.
        guard let chosen = legal.firstIndex(of: step.symbol), legal.count > 1 else { continue }
        places.append(step.term)
        decisions.append((legal, chosen, advantage / Double(terms.count)))
      }
    }
    gradients.values.base.update(repeating: 0, count: gradients.values.count)
    guard !places.isEmpty else { return 0 }
    let encodings = try trees.forward(
      Forest(places, isUnrolled: false), weights, keepsTape: true)
    let scores = Scores(weights.read(head), weights.read(bias))
    var headGradient = [Float](repeating: 0, count: head.count)
    var biasGradient = [Float](repeating: 0, count: bias.count)
    var rootGradients: [[Float]] = []
    var loss = 0.0
    for (encoding, decision) in zip(encodings, decisions) {
      let probabilities = scores.probabilities(encoding, decision.legal)
      loss -= decision.advantage * log(max(probabilities[decision.chosen], 1e-300))
      var rootGradient = [Float](repeating: 0, count: settings.hidden)
      for (place, symbol) in decision.legal.enumerated() {
        let likelihood = (place == decision.chosen ? 1 : 0) - probabilities[place]
        let slope = Float(-decision.advantage * likelihood)
        let row = symbol.number * settings.hidden
        biasGradient[symbol.number] += slope
        for k in 0..<settings.hidden {
          headGradient[row + k] += slope * encoding[k]
          rootGradient[k] += slope * scores.head[row + k]
        }
      }
      rootGradients.append(rootGradient)
    }
    try trees.backward(rootGradients, to: gradients)
    gradients.write(head, from: headGradient)
    gradients.write(bias, from: biasGradient)
    return loss
  }

  /// The head, in single precision as it is stored.
  private struct Scores {
    let head: [Float]
    let bias: [Float]

    init(_ head: [Float], _ bias: [Float]) {
      self.head = head
      self.bias = bias
    }

    func probabilities(_ encoding: [Float], _ legal: [Symbol]) -> [Double] {
      let scores = legal.map { symbol in
        var sum = Double(bias[symbol.number])
        for k in encoding.indices {
          sum += Double(head[symbol.number * encoding.count + k]) * Double(encoding[k])
        }
        return sum
      }
      let most = scores.max() ?? 0
      let powers = scores.map { exp($0 - most) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }
}

/// The generator of a study as it grows, which has learned from all results so far, in their order.
package final class GeneratorCache: Sendable {
  private struct State {
    /// What the generator has learned from.
    var learned: [UInt64] = []
    var generator: Generator?
  }
  private let state = Mutex(State())

  package init() {}

  /// What a loss is worth, for the best and the median loss so far, as good as the paper's R = 0.2 (140 - loss) +
  /// 4^(0.3679 (140 - loss) - 1) for any scale of losses: nearly flat where cells are poor, and steep
  /// near the best.
  package static func reward(_ loss: Double, best: Double, median: Double) -> Double {
    // As far above the median as the best is below it is as bad as it gets.
    let quality = median > best ? ((median - loss) / (median - best)).clamped(to: -1...1) : 0
    return 0.2 * quality + pow(4, 3 * (quality - 1))
  }

  /// A term from the generator that has learned from the results.
  ///
  /// - Parameter results: terms with their losses, to which later ones are added at the end; when the earlier
  ///   ones have changed the generator learns anew.
  package func grow(
    _ growing: Growing, _ results: [(term: Term, loss: Double)], seed: UInt64,
    _ choices: inout Choices
  ) throws(Failure) -> Term {
    try state.withLock { state throws(Failure) in
      let settings = GeneratorSettings()
      let batches = results.count / settings.batch
      let keys = (0..<batches).map { batch in
        stableHash(
          results[batch * settings.batch..<(batch + 1) * settings.batch].flatMap {
            [stableHash($0.term.text), $0.loss.bitPattern]
          })
      }
      if state.generator == nil || !keys.starts(with: state.learned) {
        state.generator = try Generator(growing, seed: stableHash([seed, 0x6E4]), settings)
        state.learned = []
      }
      guard let generator = state.generator else { return try growing.random(&choices) }
      for batch in state.learned.count..<batches {
        let end = (batch + 1) * settings.batch
        let known = results.prefix(end).map(\.loss).sorted()
        let new = results[batch * settings.batch..<end]
        try generator.learn(
          new.map(\.term),
          rewards: new.map {
            Self.reward($0.loss, best: known[0], median: known[known.count / 2])
          })
        state.learned.append(keys[batch])
      }
      return try generator.grow(&choices)
    }
  }
}
