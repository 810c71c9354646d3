import Cells
import Kernels

// Which results count, and which proposals go on to the next rung by them.
extension Study {
  var ladder: Ladder {
    // A front has more than one leader.
    Ladder(
      rungs: settings.rungs, eta: settings.eta,
      leaders: settings.front ? nil : type(of: strategy).leaders)
  }

  func isSettled(_ ask: Ask) -> Bool { ask.state == .told || ask.state == .failed }

  /// The results that may decide a step, in the order in which they count.
  func visible(at step: Int) -> [Ask] {
    guard settings.deterministic else {
      return asks.filter { isSettled($0) }.sorted { $0.order < $1.order }
    }
    return asks.prefix(max(0, step - settings.window + 1)).filter { isSettled($0) }
  }

  func results(_ asks: [Ask]) -> [Ladder.Result] {
    let calibrations = Set(self.calibrations)
    return asks.filter { !proposals[$0.proposal - 1].work.isStage }.map {
      Ladder.Result(
        proposal: $0.proposal, rung: $0.rung, loss: $0.state == .told ? $0.loss : .infinity,
        isControl: proposals[$0.proposal - 1].isControl,
        isCalibration: calibrations.contains($0.proposal))
    }
  }

  /// The results that promotions go by: where the strategy wants curves to be predicted, and predictions
  /// have proved better than the last loss, each has the loss that it is going to end with.
  func promising(_ visible: [Ask]) throws(Failure) -> [Ladder.Result] {
    var results = results(visible)
    if settings.front { return byFront(results) }
    guard type(of: strategy).predictsCurves, settings.rungs > 1 else { return results }
    let told = visible.filter { $0.state == .told && !proposals[$0.proposal - 1].work.isStage }
    let ends = told.filter { $0.rung == settings.rungs - 1 }
    guard let predictor = try curves.predictor(ends.map { result(of: $0) }, settings) else {
      return results
    }
    for rung in 0..<settings.rungs - 1 where predictor.quality(rung: rung)?.isBetter == true {
      let here = told.filter { $0.rung == rung }
      let predicted = here.compactMap { curves.end(of: result(of: $0)) }
      // Some predicted and some not cannot be compared.
      guard predicted.count == here.count else { continue }
      let losses = Dictionary(zip(here.map(\.proposal), predicted)) { $1 }
      for index in results.indices where results[index].rung == rung {
        if let loss = losses[results[index].proposal], results[index].loss.isFinite {
          results[index].loss = loss
          results[index].isPredicted = true
        }
      }
    }
    return results
  }

  /// The results of each rung with their places in the order of fronts for losses.
  private func byFront(_ results: [Ladder.Result]) -> [Ladder.Result] {
    var results = results
    for rung in 0..<settings.rungs {
      let here = results.indices.filter { results[$0].rung == rung && results[$0].loss.isFinite }
      let costs = here.map { place in
        var costs = proposals[results[place].proposal - 1].costs
        costs.loss = results[place].loss
        return costs
      }
      let order = zip(here, Costs.fronts(costs)).sorted {
        ($0.1, results[$0.0].loss) < ($1.1, results[$1.0].loss)
      }
      for (place, (index, _)) in order.enumerated() { results[index].loss = Double(place) }
    }
    return results
  }

  /// A proposal as the result of an ask shows it: what later rungs showed is not known yet.
  func result(of ask: Ask) -> Proposal {
    var proposal = proposals[ask.proposal - 1]
    proposal.take(ask)
    proposal.state = .scored
    proposal.curve.removeAll { $0.updates > ask.updates }
    return proposal
  }
}
