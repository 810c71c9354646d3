import Cells
import Execution
import Glibc
import Kernels
import Training

/// How a controller is made and learns.
package struct ControllerSettings: Equatable, Sendable {
  /// Elements of its LSTM, and of the embedding of what was chosen.
  package var hidden = 64
  /// What scores of predecessors and activations are divided by, and the bound of the tanh that
  /// follows.
  package var temperature = 5.0
  package var bound = 2.5
  /// Of Adam.
  package var learningRate = 3e-3
  /// What a nat of entropy is worth.
  package var entropy = 1e-3
  /// How much of the mean reward stays when a new one comes.
  package var decay = 0.95
  /// Arcs of an update.
  package var batch = 10

  /// Those of the paper: 2,000 updates an epoch, of one arc each, let it learn slowly.
  package static var paper: ControllerSettings {
    var settings = ControllerSettings()
    settings.hidden = 100
    settings.learningRate = 3.5e-4
    settings.entropy = 1e-4
    settings.decay = 0.99
    settings.batch = 1
    return settings
  }
  package init() {}
}

/// An LSTM that draws arcs, and learns by REINFORCE which ones are good.
///
/// After ENAS (Pham et al. 2018, arXiv:1802.03268) and its programs: for each node it draws a
/// predecessor by attention over the outputs at the earlier nodes, v . tanh(W1 o_j + W2 o), less the
/// prior (i - j)^2 / 6 that favours recent ones, then an activation; scores s become
/// bound * tanh(s / temperature). What it drew last is its next input, as a learned vector. Used by
/// one thread at a time.
package final class Controller {
  /// An arc and what was drawn: [predecessor, activation] for each node.
  package struct Sample: Sendable {
    package var arc: Arc
    fileprivate var choices: [Int]
  }

  package let weights: ParameterBuffer
  package let gradients: ParameterBuffer
  private let settings: ControllerSettings
  private let nodes: Int
  private let activations: [String]
  private let network: Network
  private let adam: Adam
  private let weightUpdate: WeightUpdate
  private let embedding: ParameterEntry
  private let keys: ParameterEntry
  private let query: ParameterEntry
  private let attention: ParameterEntry
  private let head: ParameterEntry
  /// The moving mean of rewards; nil before the first.
  package private(set) var baseline: Double?
  package private(set) var updates = 0

  private var hidden: Int { settings.hidden }
  /// Two decisions for each node.
  private var steps: Int { 2 * nodes }

  /// - Parameter nodes: of the arcs.
  package init(
    nodes: Int, activations: [String] = HighwayStep.activations, seed: UInt64,
    _ settings: ControllerSettings = ControllerSettings()
  ) throws(Failure) {
    self.nodes = max(1, nodes)
    self.activations = activations
    self.settings = settings
    let size = settings.hidden
    var layout = ParameterLayout()
    network = try Network(
      cells: [try Cell.stock("lstm")], inputSize: size, hiddenSizes: [size], layout: &layout,
      prefix: "controller.")
    // A beginning, a node that was chosen, an activation that was chosen.
    let words = 1 + self.nodes + activations.count
    let indices = [
      try layout.addMatrix("embedding", rows: words, columns: size),
      try layout.addMatrix("keys", rows: size, columns: size),
      try layout.addMatrix("query", rows: size, columns: size),
      try layout.addVector("attention", count: size, role: .vector),
      try layout.addMatrix("head", rows: activations.count, columns: size),
    ]
    embedding = layout.entries[indices[0]]
    keys = layout.entries[indices[1]]
    query = layout.entries[indices[2]]
    attention = layout.entries[indices[3]]
    head = layout.entries[indices[4]]
    weights = try ParameterBuffer(layout)
    gradients = try ParameterBuffer(layout)
    adam = try Adam(layout)
    weightUpdate = try WeightUpdate(adam, floatCount: layout.floatCount)
    network.initialize(weights, seed: seed)
    for (purpose, entry) in [embedding, keys, query, attention, head].enumerated() {
      weights.randomize(entry, Philox(seed: seed, purpose: 0xC0 + UInt64(purpose)), span: 0.1)
    }
    weights.version &+= 1
  }

  // MARK: - Drawing

  /// Draws arcs, a batch at a time.
  package func sample(_ count: Int, _ choices: inout Choices) throws(Failure) -> [Sample] {
    guard count > 0 else { return [] }
    let run = try SequenceRun(network, weights, steps: 1, batch: count, keepsTape: false)
    let state = try Buffer<Float>(count: run.stateCount)
    let output = try Buffer<Float>(count: run.outputCount)
    var drawn = [[Int]](repeating: [], count: count)
    var outputs = [[[Double]]](repeating: [], count: count)
    let values = Values(self)
    for step in 0..<steps {
      let input = (0..<count).flatMap { values.input(drawn[$0], step) }
      try run.forward(
        input: input, initialState: step == 0 ? nil : state.base, output: output.base, threads: 1)
      run.copyFinalState(to: state.base)
      for index in 0..<count {
        outputs[index].append((0..<hidden).map { Double(output[index * hidden + $0]) })
        let probabilities = values.decision(outputs[index], step).probabilities
        drawn[index].append(choices.weighted(probabilities))
      }
    }
    return drawn.map { Sample(arc: arc($0), choices: $0) }
  }

  private func arc(_ drawn: [Int]) -> Arc {
    Arc(
      stride(from: 0, to: drawn.count, by: 2).map { place in
        HighwayStep(activations[drawn[place + 1]], drawn[place])
      })
  }

  // MARK: - Learning

  /// One update by the rewards of arcs that it drew; gives their mean entropy, in nats.
  @discardableResult
  package func learn(_ samples: [Sample], rewards: [Double]) throws(Failure) -> Double {
    guard !samples.isEmpty, samples.count == rewards.count, rewards.allSatisfy(\.isFinite) else {
      throw .invalid("a controller learns from as many finite rewards as arcs, at least one")
    }
    let mean = rewards.reduce(0, +) / Double(rewards.count)
    let baseline = baseline.map { $0 + (1 - settings.decay) * (mean - $0) } ?? mean
    let entropy = try gradient(samples, advantages: rewards.map { $0 - baseline }).entropy
    self.baseline = baseline
    updates += 1
    try TeamPool.with(threads: 1) { team in
      weightUpdate.apply(
        gradients, norm: weightUpdate.norm(gradients, team), clip: 1, to: weights,
        number: updates, learningRate: settings.learningRate, team)
    }
    return entropy
  }

  /// Leaves in `gradients` that of the loss, the mean over the arcs of
  /// -advantage * log p(arc) - entropy weight * entropy.
  package func gradient(
    _ samples: [Sample], advantages: [Double]
  ) throws(Failure) -> (loss: Double, entropy: Double) {
    let count = samples.count
    let values = Values(self)
    let run = try SequenceRun(network, weights, steps: steps, batch: count, keepsTape: true)
    var input = [Float](repeating: 0, count: steps * count * hidden)
    for step in 0..<steps {
      for index in 0..<count {
        let vector = values.input(samples[index].choices, step)
        let start = (step * count + index) * hidden
        input.replaceSubrange(start..<start + hidden, with: vector)
      }
    }
    let output = try Buffer<Float>(count: run.outputCount)
    try run.forward(input: input, initialState: nil, output: output.base, threads: 1)
    var outputGradient = [Float](repeating: 0, count: run.outputCount)
    var own = Values(zeros: values)
    var loss = 0.0
    var entropy = 0.0
    for index in 0..<count {
      let outputs = (0..<steps).map { step in
        (0..<hidden).map { Double(output[(step * count + index) * hidden + $0]) }
      }
      var gradients = [[Double]](
        repeating: [Double](repeating: 0, count: hidden), count: steps)
      for step in 0..<steps {
        let decision = values.decision(Array(outputs.prefix(step + 1)), step)
        let chosen = samples[index].choices[step]
        let logs = decision.probabilities.map { log(max($0, 1e-300)) }
        let uncertainty = -zip(decision.probabilities, logs).reduce(0) { $0 + $1.0 * $1.1 }
        loss -= (advantages[index] * logs[chosen] + settings.entropy * uncertainty) / Double(count)
        entropy += uncertainty / Double(count)
        let slopes = decision.probabilities.indices.map { place -> Double in
          let p = decision.probabilities[place]
          let likelihood = (place == chosen ? 1 : 0) - p
          let spread = -p * (logs[place] + uncertainty)
          return -(advantages[index] * likelihood + settings.entropy * spread) / Double(count)
            * decision.slopes[place]
        }
        values.backward(slopes, outputs, step, to: &own, &gradients)
      }
      for step in 0..<steps {
        for k in 0..<hidden {
          outputGradient[(step * count + index) * hidden + k] = Float(gradients[step][k])
        }
      }
    }
    var inputGradient = [Float](repeating: 0, count: input.count)
    try run.backward(
      outputGradient: outputGradient, finalStateGradient: nil, inputGradient: &inputGradient,
      threads: 1)
    for step in 0..<steps {
      for index in 0..<count {
        let word = values.word(samples[index].choices, step)
        let start = (step * count + index) * hidden
        for k in 0..<hidden { own.embedding[word][k] += Double(inputGradient[start + k]) }
      }
    }
    gradients.copy(from: run.gradients)
    own.write(to: gradients, self)
    return (loss, entropy)
  }

  /// The heads around the LSTM, in double precision: they are small.
  private struct Values {
    var embedding: [[Double]]
    var keys: [[Double]]
    var query: [[Double]]
    var attention: [Double]
    var head: [[Double]]
    let settings: ControllerSettings
    let nodes: Int

    init(_ controller: Controller) {
      func matrix(_ entry: ParameterEntry) -> [[Double]] {
        let flat = controller.weights.read(entry)
        return (0..<entry.rows).map { row in
          flat[row * entry.columns..<(row + 1) * entry.columns].map { Double($0) }
        }
      }
      embedding = matrix(controller.embedding)
      keys = matrix(controller.keys)
      query = matrix(controller.query)
      attention = controller.weights.read(controller.attention).map { Double($0) }
      head = matrix(controller.head)
      settings = controller.settings
      nodes = controller.nodes
    }

    init(zeros other: Values) {
      func zero(_ rows: [[Double]]) -> [[Double]] { rows.map { $0.map { _ in 0 } } }
      embedding = zero(other.embedding)
      keys = zero(other.keys)
      query = zero(other.query)
      attention = other.attention.map { _ in 0 }
      head = zero(other.head)
      settings = other.settings
      nodes = other.nodes
    }

    func write(to buffer: ParameterBuffer, _ controller: Controller) {
      for (entry, rows) in [
        (controller.embedding, embedding), (controller.keys, keys), (controller.query, query),
        (controller.attention, attention.map { [$0] }), (controller.head, head),
      ] {
        buffer.write(entry, from: rows.flatMap { $0.map { Float($0) } })
      }
    }

    /// The row of the embedding that a step reads.
    func word(_ drawn: [Int], _ step: Int) -> Int {
      if step == 0 { return 0 }
      return step % 2 == 1 ? 1 + drawn[step - 1] : 1 + nodes + drawn[step - 1]
    }

    func input(_ drawn: [Int], _ step: Int) -> [Float] {
      embedding[word(drawn, step)].map { Float($0) }
    }

    /// The probabilities of what may be drawn at a step, and the slope of each logit's bound.
    func decision(
      _ outputs: [[Double]], _ step: Int
    ) -> (probabilities: [Double], slopes: [Double]) {
      let raw =
        step % 2 == 0
        ? (0...step / 2).map { dot(attention, mixed(outputs, step, $0)) }
        : head.map { dot($0, outputs[step]) }
      let bounded = raw.map { tanh($0 / settings.temperature) }
      let logits = bounded.enumerated().map { place, value in
        let back = step % 2 == 0 ? Double(step / 2 + 1 - place) : 0
        return settings.bound * value - back * back / 6
      }
      let most = logits.max() ?? 0
      let powers = logits.map { exp($0 - most) }
      let sum = powers.reduce(0, +)
      return (
        powers.map { $0 / sum },
        bounded.map { settings.bound * (1 - $0 * $0) / settings.temperature }
      )
    }

    /// tanh(W1 o_j + W2 o) for a predecessor j: node j was made at the steps 2j - 2 and 2j - 1, and
    /// node 0 before the first.
    private func mixed(_ outputs: [[Double]], _ step: Int, _ source: Int) -> [Double] {
      let own = product(query, outputs[step])
      guard source > 0 else { return own.map { tanh($0) } }
      return zip(own, product(keys, outputs[2 * source - 1])).map { tanh($0 + $1) }
    }

    /// Adds the gradients of a step whose raw scores have the given slopes.
    func backward(
      _ slopes: [Double], _ outputs: [[Double]], _ step: Int, to gradients: inout Values,
      _ outputGradients: inout [[Double]]
    ) {
      let output = outputs[step]
      for (place, slope) in slopes.enumerated() where slope != 0 {
        guard step % 2 == 0 else {
          for k in output.indices {
            gradients.head[place][k] += slope * output[k]
            outputGradients[step][k] += slope * head[place][k]
          }
          continue
        }
        let mixed = mixed(outputs, step, place)
        for row in mixed.indices {
          gradients.attention[row] += slope * mixed[row]
          let inner = slope * attention[row] * (1 - mixed[row] * mixed[row])
          for k in output.indices {
            gradients.query[row][k] += inner * output[k]
            outputGradients[step][k] += inner * query[row][k]
            guard place > 0 else { continue }
            gradients.keys[row][k] += inner * outputs[2 * place - 1][k]
            outputGradients[2 * place - 1][k] += inner * keys[row][k]
          }
        }
      }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double {
      var sum = 0.0
      for index in a.indices { sum += a[index] * b[index] }
      return sum
    }

    private func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
      matrix.map { dot($0, vector) }
    }
  }

  // MARK: - Files

  /// Adds weights, moments and counters to a file.
  func write(to file: inout SafeTensors) throws(Failure) {
    let count = weights.values.count
    for (name, buffer) in all {
      let copy = try Buffer<Float>(count: count)
      copy.base.update(from: buffer.values.base, count: count)
      file.add("controller \(name)", shape: [count], values: copy)
    }
    file.metadata["controller"] = "\(updates) \(baseline.map { "\($0)" } ?? "none")"
  }

  /// Takes what `write` wrote.
  func read(from file: SafeTensors) throws(Failure) {
    let words = (file.metadata["controller"] ?? "").split(separator: " ")
    guard words.count == 2, let updates = Int(words[0]), updates >= 0 else {
      throw Failure(.format, "the controller's counters cannot be read")
    }
    let count = weights.values.count
    for (name, buffer) in all {
      let stored = try file.tensor("controller \(name)", shape: [count])
      buffer.values.base.update(from: stored.values.base, count: count)
    }
    weights.version &+= 1
    self.updates = updates
    baseline = Double(words[1])
  }

  private var all: [(String, ParameterBuffer)] {
    [("weights", weights)] + adam.memory.map { ($0.name, $0.values) }
  }
}
