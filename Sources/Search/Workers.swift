import Glibc
import Kernels
import Synchronization

/// Threads that score proposals, for the length of one run.
final class Workers {
  /// A proposal and what became of it.
  typealias Finished = (task: EvaluationTask, result: Result<Score, Failure>)

  private let shared: Shared
  private var threads: [pthread_t] = []

  /// What the threads share: two queues under one lock.
  private final class Shared: @unchecked Sendable {
    let evaluator: any Evaluator
    var mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    var changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    var waiting: [EvaluationTask] = []
    var finished: [Finished] = []
    let isStopping = Atomic<Bool>(false)

    init(_ evaluator: any Evaluator) {
      self.evaluator = evaluator
      pthread_mutex_init(mutex, nil)
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(changed, &attributes)
      pthread_condattr_destroy(&attributes)
    }

    deinit {
      pthread_cond_destroy(changed)
      pthread_mutex_destroy(mutex)
      changed.deallocate()
      mutex.deallocate()
    }

    func locked<T>(_ body: () -> T) -> T {
      pthread_mutex_lock(mutex)
      defer { pthread_mutex_unlock(mutex) }
      return body()
    }

    /// A worker's life: takes tasks until told to stop.
    func work() {
      while true {
        let task: EvaluationTask? = locked {
          while waiting.isEmpty, !isStopping.load(ordering: .acquiring) {
            pthread_cond_wait(changed, mutex)
          }
          return isStopping.load(ordering: .acquiring) ? nil : waiting.removeFirst()
        }
        guard let task else { return }
        let result: Result<Score, Failure>
        do {
          result = .success(
            try evaluator.evaluate(task) { self.isStopping.load(ordering: .relaxed) })
        } catch {
          result = .failure(error)
        }
        locked {
          finished.append((task, result))
          pthread_cond_broadcast(changed)
        }
      }
    }
  }

  /// - Throws: `.outOfMemory` when the system gives no thread.
  init(count: Int, _ evaluator: any Evaluator) throws(Failure) {
    shared = Shared(evaluator)
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    // Cells may be deep; the system's default for threads is left to nobody's environment.
    pthread_attr_setstacksize(&attributes, 8 << 20)
    defer { pthread_attr_destroy(&attributes) }
    for _ in 0..<count {
      var thread = pthread_t()
      let own = Unmanaged.passRetained(shared)
      let code = pthread_create(
        &thread, &attributes,
        { argument in
          guard let argument else { return nil }
          Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue().work()
          return nil
        }, own.toOpaque())
      guard code == 0 else {
        own.release()
        stop()
        throw Failure(.outOfMemory, "the system gives no thread; use fewer workers")
      }
      threads.append(thread)
    }
  }

  deinit { stop() }

  func start(_ task: EvaluationTask) {
    shared.locked {
      shared.waiting.append(task)
      pthread_cond_broadcast(shared.changed)
    }
  }

  /// The next result, or nil after some seconds.
  func finished(within seconds: Double) -> Finished? {
    let end = monotonicSeconds() + seconds
    var time = timespec()
    time.tv_sec = Int(end)
    time.tv_nsec = Int((end - Double(Int(end))) * 1e9)
    return shared.locked {
      while shared.finished.isEmpty {
        if pthread_cond_timedwait(shared.changed, shared.mutex, &time) != 0 { break }
      }
      return shared.finished.isEmpty ? nil : shared.finished.removeFirst()
    }
  }

  /// Ends all threads; tasks under way are stopped by their evaluator.
  func stop() {
    shared.isStopping.store(true, ordering: .releasing)
    shared.locked { _ = pthread_cond_broadcast(shared.changed) }
    for thread in threads { pthread_join(thread, nil) }
    threads = []
  }
}
