import Execution
import Glibc
import Kernels
import Support
import Testing

import Training

@Suite("Optimizers")
struct OptimizerTests {
  /// A layout with pad lanes, larger than one block of the norm.
  static func layout() throws -> ParameterLayout {
    var layout = ParameterLayout()
    try layout.addMatrix("W", rows: 37, columns: 1001)
    try layout.addVector("b", count: 37, role: .bias)
    return layout
  }

  static func random(_ layout: ParameterLayout, seed: UInt64) throws -> ParameterBuffer {
    let buffer = try ParameterBuffer(layout)
    var random = TestRandom(seed: seed)
    for entry in layout.entries {
      buffer.write(entry, from: random.numbers(entry.count, 1).map { Float($0) })
    }
    return buffer
  }

  static func values(_ buffer: ParameterBuffer) -> [Double] {
    buffer.layout.entries.flatMap { buffer.read($0) }.map { Double($0) }
  }

  /// A rule with constants, and its formula in double precision for one element at a time.
  struct Case: CustomTestStringConvertible, Sendable {
    var name: String
    var settings: OptimizerSettings
    var step: @Sendable (_ w: Double, _ g: Double, _ memory: inout [Double], _ t: Int) -> Double
    var testDescription: String { "\(name) \(settings)" }
  }

  static let rate = 0.01
  static let cases: [Case] = [
    Case(name: "sgd", settings: settings { $0.weightDecay = 0.1 }) { w, g, _, _ in
      w - rate * (g + 0.1 * w)
    },
    Case(name: "sgd", settings: settings { ($0.momentum, $0.weightDecay) = (0.9, 0.1) }) {
      w, g, memory, _ in
      memory[0] = 0.9 * memory[0] + g + 0.1 * w
      return w - rate * memory[0]
    },
    Case(name: "sgd", settings: settings { ($0.momentum, $0.isNesterov) = (0.8, true) }) {
      w, g, memory, _ in
      memory[0] = 0.8 * memory[0] + g
      return w - rate * (g + 0.8 * memory[0])
    },
    Case(name: "adam", settings: OptimizerSettings()) { w, g, memory, t in
      w - rate * adam(g, &memory, t, 0.9, 0.999, 1e-8)
    },
    Case(name: "adam", settings: settings { ($0.beta1, $0.beta2, $0.epsilon) = (0.5, 0.9, 1e-2) }) {
      w, g, memory, t in
      w - rate * adam(g, &memory, t, 0.5, 0.9, 1e-2)
    },
    Case(name: "adam", settings: settings { $0.weightDecay = 0.1 }) { w, g, memory, t in
      w - rate * adam(g + 0.1 * w, &memory, t, 0.9, 0.999, 1e-8)
    },
    Case(name: "adamw", settings: settings { $0.weightDecay = 0.1 }) { w, g, memory, t in
      w - rate * 0.1 * w - rate * adam(g, &memory, t, 0.9, 0.999, 1e-8)
    },
    Case(name: "rmsprop", settings: OptimizerSettings()) { w, g, memory, _ in
      w - rate * scaled(g, &memory, 0.99)
    },
    Case(
      name: "rmsprop",
      settings: settings { ($0.momentum, $0.smoothing, $0.weightDecay) = (0.7, 0.9, 0.1) }
    ) { w, g, memory, _ in
      memory[1] = 0.7 * memory[1] + scaled(g + 0.1 * w, &memory, 0.9)
      return w - rate * memory[1]
    },
  ]

  static func settings(_ change: (inout OptimizerSettings) -> Void) -> OptimizerSettings {
    var settings = OptimizerSettings()
    change(&settings)
    return settings
  }

  private static func adam(
    _ g: Double, _ memory: inout [Double], _ t: Int, _ beta1: Double, _ beta2: Double, _ e: Double
  ) -> Double {
    memory[0] = beta1 * memory[0] + (1 - beta1) * g
    memory[1] = beta2 * memory[1] + (1 - beta2) * g * g
    let first = memory[0] / (1 - pow(beta1, Double(t)))
    return first / ((memory[1] / (1 - pow(beta2, Double(t)))).squareRoot() + e)
  }

  private static func scaled(_ g: Double, _ memory: inout [Double], _ smoothing: Double) -> Double {
    memory[0] = smoothing * memory[0] + (1 - smoothing) * g * g
    return g / (memory[0].squareRoot() + 1e-8)
  }

  @Test("Every optimizer follows its formula, with the gradient clipped", arguments: cases)
  func formulas(rule: Case) throws {
    let layout = try Self.layout()
    let weights = try Self.random(layout, seed: 1)
    var expected = Self.values(weights)
    var memories = expected.map { _ in [0.0, 0.0] }
    let update = try WeightUpdate(
      try Optimizers.named(rule.name).init(layout, rule.settings), floatCount: layout.floatCount)
    let team = try Team(threads: 2)
    for number in 1...5 {
      let gradients = try Self.random(layout, seed: UInt64(number) + 1)
      var g = Self.values(gradients)
      let norm = g.reduce(0) { $0 + $1 * $1 }.squareRoot()
      // From the third on the bound is below the norm.
      let clip = number < 3 ? 1000.0 : 2.0
      if norm > clip { g = g.map { $0 * clip / norm } }
      let measured = update.norm(gradients, team)
      #expect(abs(measured - norm) < 1e-6 * norm)
      update.apply(
        gradients, norm: measured, clip: clip, to: weights, number: number,
        learningRate: Self.rate, team)
      for i in g.indices { expected[i] = rule.step(expected[i], g[i], &memories[i], number) }
      for (value, wanted) in zip(Self.values(weights), expected) {
        #expect(abs(value - wanted) < 4e-6)
      }
    }
  }

  @Test("An update is the same bits for any number of threads", arguments: cases)
  func threads(rule: Case) throws {
    let layout = try Self.layout()
    var results: [[UInt32]] = []
    for threads in 1...3 {
      let team = try Team(threads: threads)
      let weights = try Self.random(layout, seed: 1)
      let update = try WeightUpdate(
        try Optimizers.named(rule.name).init(layout, rule.settings), floatCount: layout.floatCount)
      for number in 1...3 {
        let gradients = try Self.random(layout, seed: UInt64(number) + 1)
        let norm = update.norm(gradients, team)
        update.apply(
          gradients, norm: norm, clip: 1, to: weights, number: number, learningRate: 0.1, team)
      }
      results.append(weights.values.array.map(\.bitPattern))
    }
    #expect(results[1] == results[0])
    #expect(results[2] == results[0])
  }

  @Test("The table's names differ, and an unknown name is answered with all of them")
  func names() throws {
    let names = Optimizers.all.map { $0.name }
    #expect(Set(names).count == names.count)
    #expect(Set(names) == ["adam", "adamw", "rmsprop", "sgd"])
    let failure = #expect(throws: Failure.self) { try Optimizers.named("adagrad") }
    #expect(failure?.kind == .invalidArgument)
    for name in ["adagrad"] + names { #expect(failure?.message.contains(name) == true) }
  }

  @Test("The learning rate falls after the epochs that keep it")
  func schedule() throws {
    var options = TrainingOptions()
    options.optimizer = "sgd"
    options.schedule.decay = 0.5
    options.schedule.decayAfter = 4
    func rates() -> [Double] { (1...7).map { options.rate(epoch: $0, update: 90, of: 100) } }
    #expect(rates() == [1, 1, 1, 1, 0.5, 0.25, 0.125])
    options.schedule.decayEvery = 2
    #expect(rates() == [1, 1, 1, 1, 0.5, 0.5, 0.25])
  }

  @Test("The learning rate rises in the warm-up and falls along half a cosine")
  func cosine() throws {
    var options = TrainingOptions()
    options.learningRate = 8
    options.schedule.shape = .cosine
    options.schedule.warmup = 4
    options.schedule.finalFactor = 0.25
    let rates = (0..<13).map { options.rate(epoch: 1, update: $0, of: 12) }
    #expect(rates.prefix(5) == [2, 4, 6, 8, 8])
    #expect(abs(rates[8] - 5) < 1e-12)
    #expect(abs(rates[12] - 2) < 1e-12)
    #expect(rates.dropFirst(4) == ArraySlice(rates.dropFirst(4).sorted(by: >)))
  }
}
