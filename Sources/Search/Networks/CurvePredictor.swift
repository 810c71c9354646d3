import Cells
import Kernels
import Synchronization

/// Tells the loss at the end of training from the curve up to a rung, by Meta-LSTMs that learned from
/// the study's completed curves.
///
/// For each rung below the last there are two, as in the paper: one that writes all of the rest of the
/// curve, and one that writes the end alone; their mean counts. They are trained anew when there are
/// twice as many completed curves. What a rung's pair is worth is measured on curves that it was not
/// trained on, and it is silent unless it orders the best fifth better than the loss of the rung does.
///
/// Whoever uses it makes it again when `trainingCount` of the completed curves has changed, and not
/// for every proposal: training takes a second.
package final class CurvePredictor: Sendable {
  package struct Options: Sendable {
    /// Elements of each of the two layers; the paper has 40, with 1000 curves.
    package var hidden = 16
    package var updates = 100
    package var learningRate = 0.02
    /// Parts that curves are split into to measure the prediction.
    package var folds = 4
    package init() {}
  }

  /// How predictions compare with the loss of the rung, over curves not trained on.
  package struct Quality: Sendable {
    /// Curves, and those of them that are best in the end.
    package var count: Int
    package var topCount: Int
    /// Kendall's tau with the end among the best fifth, and over all.
    package var topTau: Double
    package var tau: Double
    /// Mean absolute percentage error among the best fifth, as a fraction.
    package var topError: Double
    /// The same of the last value.
    ///
    /// Its error is that of the last value, or of it with the mean change
    /// added, whichever is smaller.
    package var lastTopTau: Double
    package var lastTau: Double
    package var lastTopError: Double

    /// Whether predictions are better in every respect, and their order cannot be chance.
    package var isBetter: Bool {
      let n = Double(count)
      // The standard deviation of tau where there is no order (Kendall 1938).
      let chance = (2 * (2 * n + 5) / (9 * n * (n - 1))).squareRoot()
      let lastTop = lastTopTau.isNaN ? 0 : lastTopTau
      let last = lastTau.isNaN ? 0 : lastTau
      return topTau > lastTop && tau > last && tau > 2 * chance && topError < lastTopError
    }
  }

  /// Points of a whole curve.
  static let points = 27
  /// The fewest curves to learn from, which double from there, and the most, which take ten seconds.
  package static let first = 12
  package static let most = 384

  /// Completed curves that are learned from, of so many: 12, 24, 48… 384; 0 where they are too few.
  package static func trainingCount(_ completed: Int) -> Int {
    guard completed >= first else { return 0 }
    var count = first
    while count < most, count <= completed / 2 { count *= 2 }
    return count
  }

  private struct Rung {
    var reader: CurveReader
    var quality: Quality
    var models: [MetaLSTM]
  }

  private let rungs: Mutex<[Int: Rung]>
  /// Curves that it learned from.
  package let count: Int

  /// Learns from what a strategy knows.
  package convenience init(_ history: History, _ options: Options = Options()) throws(Failure) {
    let last = history.settings.rungs - 1
    try self.init(
      completed: history.cells.filter { $0.rung == last }, settings: history.settings, options)
  }

  /// Learns from completed curves.
  ///
  /// - Parameter completed: in an order to which later ones are added at the end, as that of the asks
  ///   of the last rung in a deterministic study: the first `trainingCount` of them are learned from,
  ///   so that the same predictor can be made again at any later time.
  /// - Throws: `.outOfMemory`.
  package init(
    completed: [Proposal], settings: StudySettings, _ options: Options = Options()
  ) throws(Failure) {
    var made: [Int: Rung] = [:]
    let usable = completed.filter { $0.rung == settings.rungs - 1 && $0.loss.isFinite }
    count = Self.trainingCount(usable.count)
    let curves = Array(usable.prefix(count))
    for rung in 0..<max(0, settings.rungs - 1) where count > 0 {
      let updates = settings.updates(rung: rung)
      let seed = stableHash([settings.seed, UInt64(rung), 0xC0A7E])
      guard
        let trained = try Self.trained(
          curves, updates: updates, of: settings.updates, seed: seed, options)
      else { continue }
      made[rung] = trained
    }
    rungs = Mutex(made)
  }

  /// The loss that a proposal is going to have at the last rung; nil where predictions are no better
  /// than the loss that it has.
  package func predictedFinal(for proposal: Proposal) -> Double? {
    rungs.withLock { rungs in
      guard let rung = rungs[proposal.rung], rung.quality.isBetter,
        let curve = rung.reader.read(proposal, isComplete: false)
      else { return nil }
      let predicted = try? Self.predict(rung.models, rung.reader.batch([curve]))
      return predicted?.first.flatMap { $0.isFinite ? $0 : nil }
    }
  }

  /// What predictions from the end of a rung are worth; nil where there are none.
  package func quality(rung: Int) -> Quality? { rungs.withLock { $0[rung]?.quality } }

  // MARK: Learning

  private static func trained(
    _ proposals: [Proposal], updates: Int, of all: Int, seed: UInt64, _ options: Options
  ) throws(Failure) -> Rung? {
    guard var reader = CurveReader(updates: updates, of: all, points: points) else { return nil }
    let curves = proposals.compactMap { reader.read($0, isComplete: true) }
    guard curves.count >= first else { return nil }
    let folds = min(max(2, options.folds), curves.count)
    var predicted = [Double](repeating: .nan, count: curves.count)
    var shifted = predicted
    for fold in 0..<folds {
      let places = curves.indices.filter { $0 % folds == fold }
      let held = places.map { curves[$0] }
      var part = reader
      let known = curves.indices.filter { $0 % folds != fold }.map { curves[$0] }
      part.learn(known)
      let models = try self.models(part, known, seed: seed, options)
      for (place, value) in zip(places, try predict(models, part.batch(held))) {
        predicted[place] = value
      }
      for place in places { shifted[place] = curves[place].last + (part.changes.last ?? 0) }
    }
    let quality = quality(curves, predicted, shifted)
    reader.learn(curves)
    return Rung(
      reader: reader, quality: quality,
      // What is silent needs no training.
      models: quality.isBetter ? try models(reader, curves, seed: seed, options) : [])
  }

  private static func models(
    _ reader: CurveReader, _ curves: [CurveReader.Curve], seed: UInt64, _ options: Options
  ) throws(Failure) -> [MetaLSTM] {
    let batch = reader.batch(curves)
    var models: [MetaLSTM] = []
    for (index, rest) in [reader.rest, 1].enumerated() {
      let model = try MetaLSTM(
        hidden: options.hidden, start: reader.start, rest: rest,
        seed: stableHash([seed, UInt64(index)]))
      try model.train(
        rest == 1 ? batch.last : batch, updates: options.updates,
        learningRate: options.learningRate)
      models.append(model)
    }
    return models
  }

  /// The mean of what both say of the end of each curve.
  private static func predict(
    _ models: [MetaLSTM], _ batch: CurveBatch
  ) throws(Failure) -> [Double] {
    var sums = [Double](repeating: 0, count: batch.count)
    for (index, model) in models.enumerated() {
      let ends = try model.predict(index == 1 ? batch.last : batch).suffix(batch.count)
      for (place, end) in ends.enumerated() { sums[place] += end / Double(models.count) }
    }
    return sums
  }

  private static func quality(
    _ curves: [CurveReader.Curve], _ predicted: [Double], _ shifted: [Double]
  ) -> Quality {
    let ends = curves.map(\.end)
    let order = ends.indices.sorted { (ends[$0], $0) < (ends[$1], $1) }
    let top = Array(order.prefix(max(5, ends.count / 5)))
    let last = curves.map(\.last)
    func tau(_ values: [Double], _ places: [Int]) -> Double {
      kendallTau(places.map { (values[$0], ends[$0]) })
    }
    func error(_ values: [Double]) -> Double {
      MetaLSTM.error(top.map { values[$0] }, top.map { ends[$0] })
    }
    return Quality(
      count: ends.count, topCount: top.count, topTau: tau(predicted, top),
      tau: tau(predicted, order), topError: error(predicted), lastTopTau: tau(last, top),
      lastTau: tau(last, order), lastTopError: min(error(last), error(shifted)))
  }
}

/// The predictor of a study, made anew when it would learn from more curves.
///
/// Used by one thread at a time.
final class CurvePredictorCache {
  private var current: CurvePredictor?
  private var ends: [Int: Double?] = [:]

  /// What learned from the completed curves, in the order in which they were completed; nil while they
  /// are too few.
  func predictor(
    _ completed: [Proposal], _ settings: StudySettings
  ) throws(Failure) -> CurvePredictor? {
    let count = CurvePredictor.trainingCount(completed.count)
    guard count > 0 else { return nil }
    if current?.count != count {
      current = try CurvePredictor(completed: completed, settings: settings)
      ends = [:]
    }
    return current
  }

  /// The loss that the predictor says a proposal ends with.
  func end(of proposal: Proposal) -> Double? {
    let key = proposal.id * 16 + proposal.rung
    if let known = ends[key] { return known }
    let end = current?.predictedFinal(for: proposal)
    ends[key] = .some(end)
    return end
  }
}

/// Turns curves into what a Meta-LSTM reads and writes, in units in which they are near one.
struct CurveReader: Sendable {
  struct Curve {
    /// Training losses up to the rung's end [K].
    var start: [Double]
    /// The loss at the rung's end.
    var last: Double
    /// Training losses from there on, but for the last, which is the loss in the end [L]; empty where
    /// it is not known.
    var rest: [Double]
    var end: Double { rest.last ?? .nan }
  }

  /// Points up to the rung's end, and from there on.
  let start: Int
  let rest: Int
  private let updates: Int
  private let all: Int
  // What `learn` found: means and deviations of inputs, mean changes of what follows.
  private var means: [Double] = []
  private var deviation = 1.0
  private var lastMean = 0.0
  private var lastDeviation = 1.0
  private(set) var changes: [Double] = []
  private var scale = 1.0

  /// Nil where a rung has less than two points, or the whole no more than the rung.
  init?(updates: Int, of all: Int, points: Int) {
    guard updates > 0, all > updates else { return nil }
    self.updates = updates
    self.all = all
    start = max(2, Int((Double(points) * Double(updates) / Double(all)).rounded()))
    rest = max(1, points - start)
  }

  /// The curve of a proposal at evenly spaced updates; nil where points are missing.
  func read(_ proposal: Proposal, isComplete: Bool) -> Curve? {
    var known: [(updates: Double, loss: Double)] = []
    var last = Double.nan
    for point in proposal.curve where point.updates > 0 {
      let loss = point.trainLoss.isFinite ? point.trainLoss : point.loss
      if loss.isFinite { known.append((Double(point.updates), loss)) }
      if point.updates <= updates, point.loss.isFinite { last = point.loss }
    }
    known.sort { $0.updates < $1.updates }
    let early = known.filter { $0.updates <= Double(updates) }
    guard let latest = early.last, early.count >= 2, latest.updates > 0.75 * Double(updates) else {
      return nil
    }
    if last.isNaN { last = !isComplete && proposal.loss.isFinite ? proposal.loss : latest.loss }
    // The start must not know what follows.
    let starts = (1...start).map { value(early, Double(updates * $0) / Double(start)) }
    guard isComplete else { return Curve(start: starts, last: last, rest: []) }
    guard proposal.loss.isFinite, let end = known.last, end.updates > 0.9 * Double(all) else {
      return nil
    }
    var rests = (1...rest).map {
      value(known, Double(updates) + Double(all - updates) * Double($0) / Double(rest))
    }
    rests[rest - 1] = proposal.loss
    return Curve(start: starts, last: last, rest: rests)
  }

  /// Between the nearest points.
  private func value(_ points: [(updates: Double, loss: Double)], _ place: Double) -> Double {
    guard let next = points.firstIndex(where: { $0.updates >= place }), next > 0 else {
      return points.first.map { place <= $0.updates ? $0.loss : points[points.count - 1].loss }
        ?? .nan
    }
    let (a, b) = (points[next - 1], points[next])
    let share = b.updates > a.updates ? (place - a.updates) / (b.updates - a.updates) : 1
    return a.loss + share * (b.loss - a.loss)
  }

  /// Takes means and deviations of complete curves.
  mutating func learn(_ curves: [Curve]) {
    func mean(_ values: [Double]) -> Double {
      values.reduce(0, +) / Double(max(1, values.count))
    }
    func deviation(_ values: [Double]) -> Double {
      let center = mean(values)
      let square = mean(values.map { ($0 - center) * ($0 - center) })
      return square > 1e-16 ? square.squareRoot() : 1e-8
    }
    means = (0..<start).map { point in mean(curves.map { $0.start[point] }) }
    self.deviation = deviation(
      curves.flatMap { curve in (0..<start).map { curve.start[$0] - means[$0] } })
    lastMean = mean(curves.map(\.last))
    lastDeviation = deviation(curves.map(\.last))
    changes = (0..<rest).map { point in
      mean(curves.map { $0.rest[point] - base($0, point) })
    }
    scale = deviation(curves.map { $0.end - $0.last })
  }

  /// What a point of the rest is compared with: the loss for the end, the training loss elsewhere.
  private func base(_ curve: Curve, _ point: Int) -> Double {
    point == rest - 1 ? curve.last : curve.start[start - 1]
  }

  /// What a Meta-LSTM gets of them.
  ///
  /// It reads each point's distance from the mean curve, and at each point the loss of the rung, and
  /// writes the distance of what follows from the last value and the mean change: a network that
  /// knows nothing says what the last value says.
  func batch(_ curves: [Curve]) -> CurveBatch {
    // Far away values saturate the gates and teach nothing.
    func unit(_ value: Double, _ mean: Double, _ deviation: Double) -> Float {
      Float(min(max((value - mean) / deviation, -4), 4))
    }
    var batch = CurveBatch(
      count: curves.count, start: [], queries: [], base: [], scale: scale, targets: [])
    for point in 0..<start {
      for curve in curves {
        batch.start.append(unit(curve.start[point], means[point], deviation))
        batch.start.append(unit(curve.last, lastMean, lastDeviation))
      }
    }
    for point in 0..<rest {
      for curve in curves {
        batch.queries.append(unit(curve.last, lastMean, lastDeviation))
        batch.queries.append(Float(point + 1) / Float(rest))
        batch.base.append(base(curve, point) + changes[point])
        if !curve.rest.isEmpty { batch.targets.append(curve.rest[point]) }
      }
    }
    return batch
  }
}
