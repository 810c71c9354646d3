import Cells
import Execution
import Glibc
import Kernels
import Search
import Support
import Testing

@Suite("A network over terms")
struct TreeNetworkTests {
  static func terms(_ count: Int, seed: UInt64) throws -> [Term] {
    var choices = Choices(seed: seed)
    let growing = Growing(SearchSpace())
    return try (0..<count).map { _ in try growing.random(&choices) }
  }

  /// Large enough weights that every gradient can be seen.
  private func fill(_ weights: ParameterBuffer) {
    var random = TestRandom(seed: 4)
    for entry in weights.layout.entries {
      weights.write(entry, from: random.numbers(entry.count, 0.6).map { Float($0) })
    }
    weights.version &+= 1
  }

  /// Compares a gradient with differences, at some places of each tensor.
  private func check(
    _ weights: ParameterBuffer, _ gradients: ParameterBuffer, _ loss: () throws -> Double
  ) throws {
    var largest = 0.0
    for entry in weights.layout.entries {
      let (values, slopes) = (weights.read(entry), gradients.read(entry))
      for place in stride(from: 0, to: entry.count, by: max(1, entry.count / 4)) {
        func moved(_ step: Float) throws -> Double {
          var changed = values
          changed[place] += step
          weights.write(entry, from: changed)
          weights.version &+= 1
          defer {
            weights.write(entry, from: values)
            weights.version &+= 1
          }
          return try loss()
        }
        let step: Float = 4e-3
        let slope = (try moved(step) - moved(-step)) / Double(2 * step)
        let gradient = Double(slopes[place])
        #expect(
          abs(slope - gradient) < 3e-4 + 0.02 * abs(gradient),
          "\(entry.name)[\(place)]: \(gradient), differences give \(slope)")
        largest = max(largest, abs(gradient))
      }
    }
    #expect(largest > 0.01)
  }

  @Test("has the gradient of the error of its scores")
  func rankerGradient() throws {
    let ranker = try Ranker(hidden: 5, seed: 1)
    fill(ranker.weights)
    let terms = try Self.terms(6, seed: 2)
    let targets = [0.4, -1, 0.2, 2, -0.3, 0.9]
    try ranker.gradient(terms, targets)
    try check(ranker.weights, ranker.gradients) {
      let scores = try ranker.scores(terms)
      return zip(scores, targets).reduce(0) { $0 + pow($1.0 - $1.1, 2) } / 6
    }
  }

  @Test("has the gradient of the likelihood of what was chosen")
  func generatorGradient() throws {
    var settings = GeneratorSettings()
    settings.hidden = 5
    let growing = Growing(SearchSpace())
    let generator = try Generator(growing, seed: 1, settings)
    fill(generator.weights)
    let terms = try Self.terms(3, seed: 5)
    let advantages = [1, -0.5, 2]
    try generator.gradient(terms, advantages: advantages)
    try check(generator.weights, generator.gradients) {
      var loss = 0.0
      for (term, advantage) in zip(terms, advantages) {
        for step in Growing.steps(of: term) {
          let legal = growing.choices(for: step.term, at: step.place)
          let place = try #require(legal.firstIndex(of: step.symbol))
          loss -= advantage * log(try generator.probabilities([(step.term, legal)])[0][place]) / 3
        }
      }
      return loss
    }
  }

  @Test("losses in any unit stay apart, and one that learned nothing does not stand for all")
  func standardized() {
    let losses = [1.3, 1.32, 1.35, 1.36, 1.4, 1.41, 1.5, 1.62, 2.9]
    let scores = Ranker.standardized(losses.map { $0 * 1000 })
    #expect(scores.filter { abs($0) == 2 }.count <= 2)
    #expect(zip(scores, scores.dropFirst()).allSatisfy { $0 <= $1 })
    #expect(Ranker.standardized(losses).filter { abs($0) == 2 }.count <= 2)
  }

  @Test("sees the order of operands where it matters, and only there")
  func order() throws {
    let ranker = try Ranker(hidden: 8, seed: 3)
    fill(ranker.weights)
    func score(_ text: String) throws -> Double {
      try ranker.scores([try #require(Term(text: text))])[0]
    }
    let (a, b) = ("Tanh(MM(x_t))", "Sin(MM(h_tm1))")
    #expect(abs(try score("Add(\(a),\(b))") - score("Add(\(b),\(a))")) < 1e-5)
    #expect(abs(try score("Sub(\(a),\(b))") - score("Sub(\(b),\(a))")) > 1e-3)
    #expect(
      abs(try score("Gate3(\(a),\(b),Sigmoid(\(a)))") - score("Gate3(\(b),\(a),Sigmoid(\(a)))"))
        > 1e-3)
    // Scores do not depend on what is scored beside.
    let terms = try Self.terms(7, seed: 6)
    let together = try ranker.scores(terms)
    for (term, expected) in zip(terms, together) {
      #expect(abs(try ranker.scores([term])[0] - expected) < 1e-5)
    }
  }

  /// A loss that a good reader of terms can learn: gates help, quotients hurt, and so does size.
  static func toyLoss(_ term: Term) -> Double {
    func count(_ term: Term, _ symbol: Symbol) -> Int {
      (term.symbol == symbol ? 1 : 0) + term.operands.reduce(0) { $0 + count($1, symbol) }
    }
    return 2 - 0.3 * Double(min(2, count(term, .gate))) + 0.4 * Double(count(term, .divide))
      + 0.02 * Double(term.count)
  }

  @Test("learns to order terms that it has not seen")
  func learnsToRank() throws {
    let known = try Self.terms(96, seed: 7)
    let others = try Self.terms(64, seed: 8).filter { !known.contains($0) }
    let ranker = try Ranker(hidden: 24, seed: 1)
    func tau() throws -> Double {
      let scores = try ranker.scores(others)
      return kendallTau(zip(scores, others).map { ($0, Self.toyLoss($1)) })
    }
    try ranker.train(known, losses: known.map(Self.toyLoss), seed: 9)
    print("tau \(try tau())")
    #expect(try tau() > 0.6)
  }

  @Test("learns to choose what pays")
  func learnsToGrow() throws {
    let growing = Growing(SearchSpace())
    let cache = GeneratorCache()
    var results: [(term: Term, loss: Double)] = []
    for number in 0..<320 {
      var choices = Choices(seed: 3, UInt64(number))
      let term = try cache.grow(growing, results, seed: 1, &choices)
      results.append((term, Self.toyLoss(term)))
    }
    func mean(_ losses: ArraySlice<(term: Term, loss: Double)>) -> Double {
      losses.reduce(0) { $0 + $1.loss } / Double(losses.count)
    }
    let (first, last) = (mean(results.prefix(64)), mean(results.suffix(64)))
    print("mean loss of the first 64 terms \(first), of the last 64 \(last)")
    #expect(last < first - 0.2)
    // One that learns it all at once is the same.
    var choices = (Choices(seed: 5), Choices(seed: 5))
    let grown = try cache.grow(growing, results, seed: 1, &choices.0)
    #expect(try grown == GeneratorCache().grow(growing, results, seed: 1, &choices.1))
  }

  @Test("Rewards are flat where cells are poor, and steep near the best")
  func rewards() {
    func reward(_ loss: Double) -> Double { GeneratorCache.reward(loss, best: 1, median: 2) }
    #expect(abs(reward(1) - 1.2) < 1e-12)
    #expect(reward(1) - reward(1.1) > 2 * (reward(1.8) - reward(1.9)))
    #expect(reward(50) == reward(3) && reward(3) < reward(2))
    #expect(GeneratorCache.reward(1, best: 1, median: 1).isFinite)
  }
}
