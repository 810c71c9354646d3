import CRNNCell
import Cells
import Kernels
import Search

/// Scores cells by a function of the program.
///
/// What a strategy trains to search with is trained on the corpus all the same.
struct ObjectiveEvaluator: Evaluator, @unchecked Sendable {
  private let objective: rnncell_objective
  private let user: UnsafeMutableRawPointer?
  private let stages: (any Evaluator)?

  /// - Parameter stages: trains the networks of strategies; nil where there is no corpus.
  init(
    _ objective: @escaping rnncell_objective, _ user: UnsafeMutableRawPointer?,
    stages: (any Evaluator)?
  ) {
    self.objective = objective
    self.user = user
    self.stages = stages
  }

  func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score {
    if task.work.isStage {
      guard let stages else {
        throw Failure(.state, "the study has no corpus to train on; open it with one")
      }
      return try stages.evaluate(task, shouldStop: shouldStop)
    }
    let start = monotonicSeconds()
    // Valid during the call, as the header says.
    let texts = Texts()
    var proposal = rnncell_proposal(task, texts)
    let loss = withExtendedLifetime(texts) { objective(&proposal, user) }
    return Score(loss: loss, seconds: monotonicSeconds() - start)
  }
}
