import Cells
import Kernels
import Search

/// Scores a cell by a formula instead of training: a hash of the cell that falls with the rung.
///
/// Every ninth cell diverges. The snapshot says where the rung before ended, and must be right.
struct FormulaEvaluator: Evaluator {
  func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score {
    let key = stableHash(task.cell.canonical.digest + [task.seed])
    if key % 9 == 0 { throw Failure(.diverged, "the loss is nan after 3 updates") }
    if task.work.isStage { return Self.stage(task, key) }
    if let snapshot = task.snapshot, snapshot != Self.snapshot(task.id, task.rung - 1) {
      throw Failure(.internal, "the snapshot is of another proposal or rung")
    }
    let loss = 2 + Double(key % 1000) / 1000 - Double(task.rung) * 0.1
    return Score(
      loss: loss, tokens: task.updates * 10, seconds: 0.5, parameterCount: 100,
      curve: [CurvePoint(updates: task.updates, loss: loss, trainLoss: loss + 0.1)],
      snapshot: task.isLast ? nil : Self.snapshot(task.id, task.rung),
      measured: ["a1_0_tanh": 0.1])
  }

  /// What a network that a strategy searches with could have measured: losses of arcs.
  private static func stage(_ task: EvaluationTask, _ key: UInt64) -> Score {
    var measured: [String: Double] = [:]
    if case .shared(let nodes, _) = task.work {
      var choices = Choices(seed: key)
      for _ in 0..<20 { measured[Arc.random(nodes: nodes, &choices).text] = choices.number() }
    }
    return Score(
      loss: 2, tokens: task.updates * 10, seconds: 0.5, parameterCount: 100,
      snapshot: (task.snapshot ?? []) + [UInt8(truncatingIfNeeded: key)], measured: measured)
  }

  private static func snapshot(_ id: Int, _ rung: Int) -> [UInt8] {
    Array("\(id) \(rung)".utf8)
  }
}
