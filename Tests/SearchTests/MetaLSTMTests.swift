import Cells
import Glibc
import Kernels
import Search
import Support
import Testing

@Suite("A Meta-LSTM")
struct MetaLSTMTests {
  /// Random numbers for 3 curves of 4 and 5 points.
  private func batch(_ random: inout TestRandom, rest: Int = 5) -> CurveBatch {
    let count = 3
    return CurveBatch(
      count: count, start: random.numbers(4 * count * 2, 1).map { Float($0) },
      queries: random.numbers(rest * count * 2, 1).map { Float($0) },
      base: random.numbers(rest * count, 1).map { 3 + $0 }, scale: 0.7,
      targets: random.numbers(rest * count, 1).map { 3 + $0 })
  }

  @Test("has the gradient of its loss, through decoder and encoder", arguments: [5, 1])
  func gradient(rest: Int) throws {
    var random = TestRandom(seed: 5)
    let batch = batch(&random, rest: rest)
    let model = try MetaLSTM(hidden: 6, start: 4, rest: rest, seed: 3)
    // Large weights, so that even the encoder's gradients are not small, and a head that is not zero.
    for entry in model.weights.layout.entries {
      model.weights.write(entry, from: random.numbers(entry.count, 0.8).map { Float($0) })
    }
    try model.gradient(batch)
    var largest: [String: Double] = [:]
    for entry in model.weights.layout.entries {
      let (values, gradients) = (model.weights.read(entry), model.gradients.read(entry))
      for place in stride(from: 0, to: entry.count, by: max(1, entry.count / 5)) {
        func loss(_ step: Float) throws -> Double {
          var moved = values
          moved[place] += step
          model.weights.write(entry, from: moved)
          defer { model.weights.write(entry, from: values) }
          return try model.loss(batch)
        }
        let step: Float = 4e-3
        let slope = (try loss(step) - loss(-step)) / Double(2 * step)
        let gradient = Double(gradients[place])
        #expect(
          abs(slope - gradient) < 2e-4 + 0.02 * abs(gradient),
          "\(entry.name)[\(place)]: \(gradient), differences give \(slope)")
        let part = String(entry.name.prefix(7))
        largest[part] = max(largest[part] ?? 0, abs(gradient))
      }
    }
    print("largest gradients by part: \(largest)")
    #expect(largest.count == 3 && largest.values.allSatisfy { $0 > 2e-3 })
  }

  @Test("refuses curves of other lengths")
  func lengths() throws {
    var random = TestRandom(seed: 5)
    let model = try MetaLSTM(hidden: 6, start: 4, rest: 5, seed: 3)
    var batch = batch(&random)
    batch.start.removeLast()
    #expect(throws: Failure.self) { try model.predict(batch) }
    batch = self.batch(&random)
    batch.targets = []
    #expect(throws: Failure.self) { try model.gradient(batch) }
  }

  // MARK: Curves

  static let settings = {
    var settings = StudySettings()
    settings.rungs = 2
    settings.updates = 270
    return settings
  }()

  /// A completed proposal, and as it was at the end of its first rung.
  static func proposals(
    _ id: Int, _ cell: Cell, _ random: inout TestRandom, _ loss: (_ share: Double) -> Double,
    noise: Double
  ) -> (complete: Proposal, early: Proposal) {
    var complete = Proposal(id: id, seed: 1, strategy: "test", cell: cell)
    for point in 1...27 {
      let value = loss(Double(point) / 27) + random.number(noise)
      complete.curve.append(CurvePoint(updates: point * 10, trainLoss: value))
    }
    complete.curve[8].loss = loss(9.0 / 27) + random.number(noise / 2)
    complete.loss = loss(1) + random.number(noise / 2)
    complete.curve[26].loss = complete.loss
    (complete.rung, complete.updates, complete.state) = (1, 270, .scored)
    var early = complete
    (early.rung, early.updates, early.loss) = (0, 90, complete.curve[8].loss)
    early.curve = Array(complete.curve.prefix(9))
    return (complete, early)
  }

  /// a + b t^-c, where those that start low fall slowly and end high.
  static func crossing(_ count: Int, seed: UInt64) throws -> [(complete: Proposal, early: Proposal)]
  {
    let cell = try Cell.stock("elman")
    var random = TestRandom(seed: seed)
    return (0..<count).map { index in
      let rate = 0.45 + random.number(0.3)
      let end = 1.5 - 0.5 * rate + random.number(0.15)
      return proposals(
        index + 1, cell, &random, { end + 0.5 * (pow($0, -rate) - 1) }, noise: 0.02)
    }
  }

  @Test(
    "beats the last value where curves cross, and the same each time",
    arguments: [1, 2])
  func crossing(seed: UInt64) throws {
    let curves = try Self.crossing(150, seed: seed)
    let clock = ContinuousClock()
    var made: CurvePredictor?
    let seconds = try clock.measure {
      made = try CurvePredictor(
        completed: curves.prefix(100).map(\.complete), settings: Self.settings)
    }
    let predictor = try #require(made)
    let quality = try #require(predictor.quality(rung: 0))
    print("crossing curves, seed \(seed): \(seconds), \(quality)")
    #expect(predictor.count == 96 && quality.isBetter)
    // On curves that it has not seen.
    let fresh = curves.suffix(50)
    let pairs = try fresh.map { curve in
      (try #require(predictor.predictedFinal(for: curve.early)), curve.complete.loss)
    }
    let tau = kendallTau(pairs)
    let last = kendallTau(fresh.map { ($0.early.loss, $0.complete.loss) })
    let error = pairs.map { abs($0.0 - $0.1) / $0.1 }.reduce(0, +) / 50
    print("on 50 fresh ones: tau \(tau), of the last value \(last), error \(error)")
    #expect(tau > last + 0.1 && error < 0.1)
    // Later curves change nothing until there are twice as many, and it can be made again.
    let again = try CurvePredictor(
      completed: curves.prefix(130).map(\.complete), settings: Self.settings)
    for curve in fresh.prefix(5) {
      #expect(again.predictedFinal(for: curve.early) == predictor.predictedFinal(for: curve.early))
    }
    // What a later rung showed does not count.
    for curve in fresh.prefix(5) {
      var peeking = curve.early
      peeking.curve = curve.complete.curve
      #expect(
        predictor.predictedFinal(for: peeking) == predictor.predictedFinal(for: curve.early))
    }
  }

  @Test(
    "a study promotes by the ends that it predicts, where they are better, and by losses elsewhere")
  func promotions() throws {
    /// The mean end of the last third of what was trained to the end, by strategies that do and do not
    /// predict.
    func mean(_ strategy: String) throws -> Double {
      var settings = Self.settings
      settings.strategy = strategy
      settings.seed = 3
      let study = try Study(path: nil, settings: settings)
      let curves = try Self.crossing(2000, seed: 9)
      while study.asks.count(where: { $0.rung == 1 && $0.state == .told }) < 150 {
        let task = try study.ask()
        let curve = curves[task.id % 2000]
        let isEnd = task.rung == 1
        let points = curve.complete.curve
        try study.tell(
          task.id,
          Score(
            loss: isEnd ? curve.complete.loss : curve.early.loss, tokens: 10,
            curve: Array(isEnd ? points.dropFirst(9) : points.prefix(9))))
      }
      let ends = study.asks.filter { $0.rung == 1 && $0.state == .told }.suffix(50)
      return ends.map(\.loss).reduce(0, +) / Double(ends.count)
    }
    let predicting = try mean("evolution")
    let plain = try mean("random")
    print("mean end of promoted proposals: \(predicting) with predictions, \(plain) without")
    #expect(predicting < plain - 0.05)
  }

  @Test("is not used on white noise, nor where the last value says it all", arguments: 0..<6)
  func noise(seed: Int) throws {
    let cell = try Cell.stock("elman")
    var random = TestRandom(seed: UInt64(seed) + 100)
    let isNoise = seed < 4
    let curves = (0..<48).map { index in
      let level = isNoise ? 2.0 : 2 + random.number(1)
      return Self.proposals(
        index + 1, cell, &random, { _ in level }, noise: isNoise ? 0.5 : 0)
    }
    let predictor = try CurvePredictor(
      completed: curves.map(\.complete), settings: Self.settings)
    let quality = try #require(predictor.quality(rung: 0))
    print("seed \(seed): \(quality)")
    #expect(!quality.isBetter)
    #expect(curves.allSatisfy { predictor.predictedFinal(for: $0.early) == nil })
  }

  @Test("learns at 12, 24, 48… 384 curves")
  func counts() {
    let counts = [0, 11, 12, 23, 24, 47, 48, 100, Int.max].map { CurvePredictor.trainingCount($0) }
    #expect(counts == [0, 0, 12, 12, 24, 24, 48, 96, 384])
  }

  @Test("takes any curves: none, empty ones, broken numbers, a study without rungs")
  func strangers() throws {
    var curves = try Self.crossing(30, seed: 4)
    let none = try CurvePredictor(completed: [], settings: Self.settings)
    #expect(none.predictedFinal(for: curves[0].early) == nil && none.quality(rung: 0) == nil)
    for index in curves.indices {
      switch index % 5 {
      case 0: curves[index].complete.curve = []
      case 1: curves[index].complete.curve[3].trainLoss = .infinity
      case 2: curves[index].complete.loss = -1e300
      case 3: curves[index].complete.curve[5].updates = -7
      default: curves[index].complete.curve[2].trainLoss = 1e300
      }
    }
    let odd = try CurvePredictor(completed: curves.map(\.complete), settings: Self.settings)
    for curve in curves { _ = odd.predictedFinal(for: curve.early) }
    for change in [(1, 270), (2, 0), (2, 1), (10, 270)] {
      var settings = Self.settings
      (settings.rungs, settings.updates) = change
      let history = History(
        scored: curves.map(\.complete), proposals: [], accepted: 30, settings: settings)
      let predictor = try CurvePredictor(history)
      for curve in curves { #expect(predictor.predictedFinal(for: curve.early) == nil) }
    }
  }
}
