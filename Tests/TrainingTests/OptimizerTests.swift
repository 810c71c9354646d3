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

  /// The formulas of the papers in double precision.
  struct Reference {
    var w: [Double]
    var m: [Double]
    var v: [Double]

    init(_ w: [Double]) {
      self.w = w
      m = w.map { _ in 0 }
      v = m
    }

    mutating func step(_ name: String, _ g: [Double], rate: Double, number: Int) {
      for i in w.indices {
        switch name {
        case "sgd": w[i] -= rate * g[i]
        default:
          m[i] = 0.9 * m[i] + 0.1 * g[i]
          v[i] = 0.999 * v[i] + 0.001 * g[i] * g[i]
          let first = m[i] / (1 - pow(0.9, Double(number)))
          let second = v[i] / (1 - pow(0.999, Double(number)))
          w[i] -= rate * first / (second.squareRoot() + 1e-8)
        }
      }
    }
  }

  @Test(
    "Every optimizer follows its formula, with the gradient clipped", arguments: ["sgd", "adam"])
  func formulas(name: String) throws {
    let layout = try Self.layout()
    let weights = try Self.random(layout, seed: 1)
    var reference = Reference(Self.values(weights))
    let update = try WeightUpdate(
      try Optimizers.named(name).init(layout), floatCount: layout.floatCount)
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
        gradients, norm: measured, clip: clip, to: weights, number: number, learningRate: 0.01, team
      )
      reference.step(name, g, rate: 0.01, number: number)
      for (value, expected) in zip(Self.values(weights), reference.w) {
        #expect(abs(value - expected) < 2e-6)
      }
    }
  }

  @Test("An update is the same bits for any number of threads", arguments: ["sgd", "adam"])
  func threads(name: String) throws {
    let layout = try Self.layout()
    var results: [[UInt32]] = []
    for threads in 1...3 {
      let team = try Team(threads: threads)
      let weights = try Self.random(layout, seed: 1)
      let update = try WeightUpdate(
        try Optimizers.named(name).init(layout), floatCount: layout.floatCount)
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
    #expect(Set(names) == ["adam", "sgd"])
    let failure = #expect(throws: Failure.self) { try Optimizers.named("rmsprop") }
    #expect(failure?.kind == .invalidArgument)
    for name in ["rmsprop"] + names { #expect(failure?.message.contains(name) == true) }
  }

  @Test("The learning rate falls after the epochs that keep it")
  func schedule() throws {
    var options = TrainingOptions()
    options.optimizer = "sgd"
    options.decay = 0.5
    options.decayAfter = 4
    let rates = try (1...7).map { try options.rate(epoch: $0) }
    #expect(rates == [1, 1, 1, 1, 0.5, 0.25, 0.125])
  }
}
