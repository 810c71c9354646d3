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
    let key = stableHash(
      (task.work.isStage ? [] : task.cell.canonical.digest) + [task.seed])
    if key % 9 == 0 { throw Failure(.diverged, "the loss is nan after 3 updates") }
    // A stage carries on what another one of the same kind learned.
    let before = task.work.isStage ? Self.snapshot(task) : Self.snapshot(task.id, task.rung - 1)
    if let snapshot = task.snapshot, snapshot != before {
      throw Failure(.internal, "the snapshot is of another proposal or rung")
    }
    let loss = 2 + Double(key % 1000) / 1000 - Double(task.rung) * 0.1
    var measured = ["a1_0_tanh": 0.1]
    for parameter in task.work.isStage ? task.cell.graph.parameters : [] {
      guard case .scalar = parameter.shape else { continue }
      let hash = stableHash(Array(parameter.name.utf8).map { UInt64($0) } + [task.seed])
      measured[parameter.name] = Double(hash % 1000) / 1000
    }
    if case .shared(let nodes, _, _) = task.work {
      var choices = Choices(seed: key)
      for _ in 0..<20 { measured[Arc.random(nodes: nodes, &choices).text] = choices.number() }
    }
    return Score(
      loss: loss, tokens: task.updates * 10, seconds: 0.5, parameterCount: 100,
      curve: [CurvePoint(updates: task.updates, loss: loss, trainLoss: loss + 0.1)],
      snapshot: task.work.isStage
        ? Self.snapshot(task) : task.isLast ? nil : Self.snapshot(task.id, task.rung),
      measured: measured)
  }

  private static func snapshot(_ stage: EvaluationTask) -> [UInt8] {
    // The cell of shared weights is a picture, which changes.
    if case .shared = stage.work { return Array(stage.work.text.utf8) }
    return Array(stage.cell.equations.utf8)
  }

  private static func snapshot(_ id: Int, _ rung: Int) -> [UInt8] {
    Array("\(id) \(rung)".utf8)
  }
}
