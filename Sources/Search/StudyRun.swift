import Glibc
import Kernels
import Synchronization

/// What scores cells, on several threads at once.
package protocol Evaluator: Sendable {
  /// Trains a proposal from its snapshot, or afresh where there is none, until `task.updates`.
  ///
  /// - Parameter shouldStop: true when the search is to end; the evaluator then throws `.cancelled`.
  /// - Throws: `.cancelled`; anything else makes the proposal a failed one.
  func evaluate(
    _ task: EvaluationTask, shouldStop: @Sendable () -> Bool
  ) throws(Failure) -> Score
}

/// How far a run goes; what has been done in earlier runs counts.
package struct RunLimits: Sendable {
  /// Of search, in all runs together; nil for no bound.
  package var seconds: Double?
  /// Proposals, in all runs together; nil for no bound.
  package var trials: Int?
  /// Trained tokens, in all runs together, after which nothing more is asked; nil for no bound.
  package var tokens: Int?
  /// Ends when a loss at the last rung is at most this.
  package var target: Double?
  /// Proposals trained at a time, one thread each.
  package var workers: Int

  package init(
    seconds: Double? = nil, trials: Int? = nil, tokens: Int? = nil, target: Double? = nil,
    workers: Int = 1
  ) {
    self.seconds = seconds
    self.trials = trials
    self.tokens = tokens
    self.target = target
    self.workers = workers
  }
}

extension Study {
  /// Searches until a limit is reached; returns at once when it is already.
  ///
  /// - Parameter progress: hears, on the calling thread, of each told proposal, and of nothing at least every
  ///   second; true stops the search, which keeps everything.
  /// - Throws: `.cancelled` when `progress` says so; `.invalidArgument`, `.state`, `.io`.
  package func run(
    _ evaluator: any Evaluator, _ limits: RunLimits,
    progress: (_ told: Proposal?) -> Bool = { _ in false }
  ) throws(Failure) {
    guard (1...256).contains(limits.workers) else {
      throw .invalid("\(limits.workers) workers; pass a number from 1 to 256")
    }
    trials = limits.trials
    tokenBudget = limits.tokens
    target = limits.target
    let before = seconds
    let start = monotonicSeconds()
    func spend() { seconds = before + monotonicSeconds() - start }
    func isOver() -> Bool {
      spend()
      return limits.seconds.map { seconds >= $0 } ?? false || isTargetReached
    }
    guard !isOver() else { return }
    let workers = try Workers(count: limits.workers, evaluator)
    var running: Set<Int> = []
    // What no worker came to is asked again, by this object too.
    defer { for id in running { giveBack(id) } }
    var isCancelled = false
    defer { try? saveSeconds() }
    do throws(Failure) {
      while true {
        var answer = Answer.wait
        while running.count < limits.workers {
          do throws(Failure) {
            answer = try next()
          } catch {
            // What is running may lead the strategy to a new cell.
            guard error.kind == .invalidArgument, !running.isEmpty else { throw error }
            break
          }
          guard case .task(var task) = answer else { break }
          // The others wait for a stage, or will soon.
          if task.work.isStage { task.threads = limits.workers }
          workers.start(task)
          running.insert(task.id)
        }
        if case .finished = answer, running.isEmpty { break }
        if case .wait = answer, running.isEmpty {
          throw Failure(.state, "proposals that were asked for are not told; tell them first")
        }
        let patience = min(1, (limits.seconds ?? .infinity) - seconds)
        let done = running.isEmpty ? nil : workers.finished(within: max(0.001, patience))
        spend()
        var told: Proposal?
        if let done {
          running.remove(done.task.id)
          try tell(done.task, done.result)
          told = proposals[done.task.id - 1]
        }
        isCancelled = progress(told)
        if isCancelled || isOver() { break }
      }
    } catch {
      workers.stop()
      throw error
    }
    workers.stop()
    // What ended together with the search is told too.
    while let done = workers.finished(within: 0) {
      running.remove(done.task.id)
      try tell(done.task, done.result)
    }
    spend()
    if isCancelled { throw Failure(.cancelled, "the search was stopped; what was told is kept") }
  }

  /// Tells what became of a task; one that was stopped is asked again.
  package func tell(
    _ task: EvaluationTask, _ result: Result<Score, Failure>
  ) throws(Failure) {
    switch result {
    case .success(let score): try tell(task.id, score)
    case .failure(let failure) where failure.kind == .cancelled: giveBack(task.id)
    case .failure(let failure): try tellFailure(task.id, failure.message)
    }
  }

  private func saveSeconds() throws(Failure) {
    try file.database.transaction { () throws(Failure) in try file.save(seconds, .seconds) }
  }
}

/// Seconds of a clock that never goes back.
package func monotonicSeconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
