import Glibc
import Kernels
import Synchronization

/// Threads that do one piece of work together, again and again.
///
/// Between two pieces the threads spin for some milliseconds before they sleep: a hand-over then takes
/// 0.1 µs instead of 40. Nobody waits for a thread whose core does something else: the others take its
/// share, and the work ends without it. Denormal numbers count as 0 in all work. A team belongs to one
/// caller at a time; `TeamPool` keeps those of callers from outside.
package final class Team: @unchecked Sendable {
  /// How many threads work, the caller's own included.
  package let threads: Int

  /// Whether its threads are there: those of the parent are not in a process that forked.
  var isUsable: Bool { getpid() == process }

  private let shared: Shared
  private let process = getpid()
  private var handles: [pthread_t] = []

  /// What the threads see; it outlives the team's own reference while they end.
  private final class Shared: @unchecked Sendable {
    /// The number of the newest work.
    let generation = Atomic<Int>(0)
    /// The number of the work that a thread may still join; 0 when it is over.
    let open = Atomic<Int>(0)
    /// How many threads are inside a work, or about to see that it is over.
    let inside = Atomic<Int>(0)
    let isEnding = Atomic<Bool>(false)
    /// The next piece of each thread's part of `forEach`, a cache line apart.
    let next: UnsafeMutablePointer<Atomic<Int>>
    static let line = 8
    /// For each share of `run`, the number of the work in which it was last taken.
    let taken: UnsafeMutablePointer<Atomic<Int>>
    let threads: Int
    /// How many threads have done their part of `together`.
    let finished = Atomic<Int>(0)
    /// How many threads wait in `meet`, and how often all have met.
    let waiting = Atomic<Int>(0)
    let meetings = Atomic<Int>(0)
    let sleepers = Atomic<Int>(0)
    var work: (Int) -> Void = { _ in }
    var lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    var wake = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(threads: Int) {
      self.threads = threads
      taken = .allocate(capacity: threads)
      next = .allocate(capacity: threads * Self.line)
      for share in 0..<threads {
        (taken + share).initialize(to: Atomic(0))
        (next + share * Self.line).initialize(to: Atomic(0))
      }
      pthread_mutex_init(lock, nil)
      pthread_cond_init(wake, nil)
    }

    deinit {
      pthread_cond_destroy(wake)
      pthread_mutex_destroy(lock)
      wake.deallocate()
      lock.deallocate()
      taken.deinitialize(count: threads)
      taken.deallocate()
      for share in 0..<threads { (next + share * Self.line).deinitialize(count: 1) }
      next.deallocate()
    }

    /// Looks often before it sleeps; then waits on the condition.
    func waitForWork(after seen: Int) {
      for turn in 0..<20_000 {
        if generation.load(ordering: .acquiring) != seen { return }
        // Gives the core away when others want it; costs nothing otherwise.
        if turn > 2_000 { sched_yield() }
      }
      pthread_mutex_lock(lock)
      sleepers.add(1, ordering: .sequentiallyConsistent)
      while generation.load(ordering: .sequentiallyConsistent) == seen {
        pthread_cond_wait(wake, lock)
      }
      sleepers.subtract(1, ordering: .sequentiallyConsistent)
      pthread_mutex_unlock(lock)
    }

    func announce() {
      let number = generation.load(ordering: .relaxed) &+ 1
      open.store(number, ordering: .sequentiallyConsistent)
      generation.store(number, ordering: .sequentiallyConsistent)
      guard sleepers.load(ordering: .sequentiallyConsistent) > 0 else { return }
      pthread_mutex_lock(lock)
      pthread_cond_broadcast(wake)
      pthread_mutex_unlock(lock)
    }

    /// Lets nobody else in, and returns when all are out.
    func close() {
      open.store(0, ordering: .sequentiallyConsistent)
      Team.wait { inside.load(ordering: .sequentiallyConsistent) == 0 }
    }
  }

  private final class Start {
    let shared: Shared
    let index: Int
    init(_ shared: Shared, _ index: Int) {
      self.shared = shared
      self.index = index
    }
  }

  /// Starts `threads - 1` threads beside the caller's.
  ///
  /// - Throws: `.invalidArgument` for a count outside 1...256, `.outOfMemory` when the system gives no
  ///   more threads.
  package init(threads: Int) throws(Failure) {
    guard (1...256).contains(threads) else {
      throw .invalid("\(threads) threads are out of range; use 1 to 256")
    }
    self.threads = threads
    shared = Shared(threads: threads)
    // Signals are the host program's: its own threads keep handling them.
    var all = sigset_t()
    var previous = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &previous)
    defer { pthread_sigmask(SIG_SETMASK, &previous, nil) }
    for index in 1..<max(threads, 1) {
      let start = Unmanaged.passRetained(Start(shared, index))
      var handle = pthread_t()
      let status = pthread_create(
        &handle, nil,
        { argument in
          guard let argument else { return nil }
          let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
          Team.serve(start.shared, start.index)
          return nil
        }, start.toOpaque())
      guard status == 0 else {
        start.release()
        throw Failure(
          .outOfMemory, "the system gave \(index) of \(threads) threads; use fewer threads")
      }
      handles.append(handle)
    }
  }

  deinit {
    guard isUsable else { return }
    shared.isEnding.store(true, ordering: .sequentiallyConsistent)
    shared.announce()
    for handle in handles { pthread_join(handle, nil) }
  }

  /// Runs `work(0)`…`work(threads - 1)` at the same time, each on a thread of its own, and returns when
  /// all are done: what they may `meet` in.
  func together(_ work: (Int) -> Void) {
    shared.finished.store(0, ordering: .relaxed)
    start(work) {
      Team.wait { shared.finished.load(ordering: .acquiring) == threads - 1 }
    }
  }

  /// Runs `work(0)`…`work(threads - 1)`, each once: every thread does its own, so that it finds in its
  /// cache what it left there, and then what others have not begun.
  package func run(_ work: (Int) -> Void) {
    shares { share, _ in work(share) }
  }

  /// `run`, with the thread that does a share.
  func shares(_ work: (_ share: Int, _ thread: Int) -> Void) {
    guard threads > 1 else { return flushingDenormals { work(0, 0) } }
    let number = shared.generation.load(ordering: .relaxed) &+ 1
    start { thread in
      for turn in 0..<threads {
        let share = (thread &+ turn) % threads
        if shared.taken[share].exchange(number, ordering: .relaxed) != number {
          work(share, thread)
        }
      }
    }
  }

  /// Runs `work` for 0..<count: each thread its part, piece by piece, so that it finds in its cache what it
  /// left there, and then what others have not begun, so that one whose core is slower for a while holds
  /// nobody up.
  package func forEach(_ count: Int, _ work: (_ index: Int, _ thread: Int) -> Void) {
    for part in 0..<threads {
      shared.next[part &* Shared.line].store(count &* part / threads, ordering: .relaxed)
    }
    start { thread in
      for turn in 0..<threads {
        let part = (thread &+ turn) % threads
        let end = count &* (part &+ 1) / threads
        while true {
          let index = shared.next[part &* Shared.line].add(1, ordering: .relaxed).oldValue
          guard index < end else { break }
          work(index, thread)
        }
      }
    }
  }

  /// Has `work` run by the caller and by the threads that come before it is done, and then waits as
  /// `ending` says.
  private func start(_ work: (Int) -> Void, ending: () -> Void = {}) {
    guard threads > 1 else { return flushingDenormals { work(0) } }
    withoutActuallyEscaping(work) { work in
      shared.work = work
      shared.announce()
      flushingDenormals { work(0) }
      ending()
      shared.close()
      shared.work = { _ in }
    }
  }

  /// Spins until something holds, and gives the core away when that takes long.
  @inline(__always)
  private static func wait(until holds: () -> Bool) {
    var turn = 0
    while !holds() {
      turn &+= 1
      if turn > 2_000 { sched_yield() }
    }
  }

  /// Inside `together`: returns when all threads have called it, after 0.2 µs where they come together.
  @inline(__always)
  func meet() {
    let before = shared.meetings.load(ordering: .acquiring)
    if shared.waiting.add(1, ordering: .acquiringAndReleasing).newValue == threads {
      shared.waiting.store(0, ordering: .relaxed)
      shared.meetings.add(1, ordering: .releasing)
      return
    }
    Team.wait { shared.meetings.load(ordering: .acquiring) != before }
  }

  private static func serve(_ shared: Shared, _ index: Int) {
    var seen = 0
    while true {
      shared.waitForWork(after: seen)
      seen = shared.generation.load(ordering: .sequentiallyConsistent)
      if shared.isEnding.load(ordering: .sequentiallyConsistent) { return }
      shared.inside.add(1, ordering: .sequentiallyConsistent)
      if shared.open.load(ordering: .sequentiallyConsistent) == seen {
        flushingDenormals { shared.work(index) }
        shared.finished.add(1, ordering: .releasing)
      }
      shared.inside.subtract(1, ordering: .sequentiallyConsistent)
    }
  }
}
