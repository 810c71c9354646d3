import Kernels
import Synchronization

/// The runs of one network that wait to be used again, so that calls in a loop pay for plan and memory
/// once: of a forward and backward over 35 steps of 20 sequences that is a third of the time.
package final class RunPool: Sendable {
  /// The last ones used, the latest behind.
  private let idle = Mutex<[SequenceRun]>([])
  /// A loop that trains and one that evaluates.
  private let capacity = 2

  package init() {}

  /// An idle run of this shape, or a new one.
  ///
  /// - Parameter keepsTape: whether backward is wanted.
  package func take(
    _ network: Network, _ weights: ParameterBuffer, steps: Int, batch: Int, keepsTape: Bool
  ) throws(Failure) -> SequenceRun {
    let found = idle.withLock { runs in
      runs.lastIndex { $0.steps == steps && $0.batch == batch && $0.keepsTape == keepsTape }
        .map { runs.remove(at: $0) }
    }
    if let found { return found }
    return try SequenceRun(network, weights, steps: steps, batch: batch, keepsTape: keepsTape)
  }

  /// Takes a run back that nobody uses any more.
  package func give(_ run: SequenceRun) {
    // What falls out is freed without the lock.
    let dropped = idle.withLock { runs in
      runs.append(run)
      return runs.count > capacity ? runs.removeFirst() : nil
    }
    _ = dropped
  }
}
