import Cells
import Glibc
import Kernels

/// What is weighed where a study looks for a front: loss, learned numbers, and seconds of a step.
package struct Costs: Hashable, Sendable {
  package var loss: Double
  package var parameters: Double
  package var stepSeconds: Double

  package init(loss: Double, parameters: Double, stepSeconds: Double) {
    self.loss = loss
    self.parameters = parameters
    self.stepSeconds = stepSeconds
  }

  /// Whether it is nowhere worse and somewhere better.
  package func dominates(_ other: Costs) -> Bool {
    loss <= other.loss && parameters <= other.parameters && stepSeconds <= other.stepSeconds
      && self != other
  }

  /// The front on which each stands, from 0: what nothing dominates, then what nothing else does.
  ///
  /// Non-dominated sorting (Deb et al. 2002, NSGA-II, section III.A).
  package static func fronts(_ all: [Costs]) -> [Int] {
    // Whatever dominates comes first in this order.
    let order = all.indices.sorted {
      let (a, b) = (all[$0], all[$1])
      return (a.loss, a.parameters, a.stepSeconds, $0) < (b.loss, b.parameters, b.stepSeconds, $1)
    }
    var fronts = [Int](repeating: 0, count: all.count)
    var members: [[Int]] = []
    for index in order {
      let front =
        members.firstIndex { $0.allSatisfy { !all[$0].dominates(all[index]) } } ?? members.count
      if front == members.count { members.append([]) }
      members[front].append(index)
      fronts[index] = front
    }
    return fronts
  }
}

extension Proposal {
  /// Seconds of a time step of its model's layers, one sequence on one thread; NaN where nobody measured.
  package var stepSeconds: Double { measured[Proposal.stepSeconds] ?? .nan }
  package static let stepSeconds = "step_seconds"

  /// With the count of learned numbers in steps of two in a hundred: models of one study, which get
  /// about the same, do not differ in it.
  package var costs: Costs {
    let count = (log(Double(max(1, parameterCount))) / 0.02).rounded()
    return Costs(
      loss: loss, parameters: count, stepSeconds: stepSeconds.isNaN ? .infinity : stepSeconds)
  }
}

extension Study {
  /// The proposals of the last rung that no other one beats in loss, learned numbers and seconds of a
  /// step together, by their loss.
  package var front: [Proposal] {
    let last = leaderboard.filter { $0.rung == settings.rungs - 1 }
    return zip(last, Costs.fronts(last.map(\.costs))).filter { $0.1 == 0 }.map(\.0)
  }
}
