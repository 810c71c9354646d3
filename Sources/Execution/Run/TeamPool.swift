import Glibc
import Kernels
import Synchronization

/// The teams that wait for the next call from outside, which then starts no threads: for a forward and
/// backward over 35 steps of 20 sequences that is a fifth of the time.
///
/// One pool for the process, so that a thousand networks keep no more threads than one.
package enum TeamPool {
  private static let idle = Mutex<[Team]>([])
  /// Callers at the same time whose threads are kept.
  private static let capacity = 2

  /// Calls `body` with a team of that many threads.
  ///
  /// - Throws: as `Team.init`, and what `body` throws.
  package static func with<Result>(
    threads: Int, _ body: (Team) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let team = try take(threads)
    let result: Swift.Result<Result, Failure>
    do { result = .success(try body(team)) } catch { result = .failure(error) }
    give(team)
    return try result.get()
  }

  private static func take(_ threads: Int) throws(Failure) -> Team {
    guard threads > 1 else { return try Team(threads: threads) }
    // Nobody waits for the lock, which a fork may have left closed in the child.
    let found =
      idle.withLockIfAvailable { teams in
        teams.lastIndex { $0.threads == threads }.map { teams.remove(at: $0) }
      } ?? nil
    if let found, found.isUsable { return found }
    return try Team(threads: threads)
  }

  private static func give(_ team: Team) {
    guard team.threads > 1 else { return }
    // What falls out ends without the lock.
    let dropped = idle.withLockIfAvailable { teams in
      teams.append(team)
      return teams.count > capacity ? teams.removeFirst() : nil
    }
    _ = dropped
  }
}
