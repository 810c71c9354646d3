import Execution
import Kernels
import Synchronization
import Testing

@Suite("Threads that work together")
struct TeamTests {
  @Test("take every piece once", arguments: [1, 2, 3, 8], [0, 1, 7, 1000])
  func pieces(threads: Int, count: Int) throws {
    let team = try Team(threads: threads)
    for _ in 0..<3 {
      let taken = Mutex([Int](repeating: 0, count: count))
      let strangers = Atomic<Int>(0)
      team.forEach(count) { index, thread in
        taken.withLock { $0[index] += 1 }
        if !(0..<threads).contains(thread) { strangers.add(1, ordering: .relaxed) }
      }
      #expect(taken.withLock { $0 } == [Int](repeating: 1, count: count))
      #expect(strangers.load(ordering: .relaxed) == 0)
    }
  }

  @Test("take every share once, call after call", arguments: [1, 2, 3, 8])
  func shares(threads: Int) throws {
    let team = try Team(threads: threads)
    for _ in 0..<200 {
      let taken = Mutex([Int](repeating: 0, count: threads))
      team.run { share in taken.withLock { $0[share] += 1 } }
      #expect(taken.withLock { $0 } == [Int](repeating: 1, count: threads))
    }
  }

  @Test("are not shared by two callers")
  func pool() throws {
    try TeamPool.with(threads: 3) { team throws(Failure) in
      // Who comes meanwhile gets another team, of the size that was asked for.
      try TeamPool.with(threads: 3) { #expect($0 !== team) }
      try TeamPool.with(threads: 4) { #expect($0.threads == 4) }
    }
  }

  @Test("come back when the work fails")
  func failure() throws {
    #expect(throws: Failure.self) {
      try TeamPool.with(threads: 2) { _ throws(Failure) in throw Failure.invalid("no") }
    }
    let sum = Atomic<Int>(0)
    try TeamPool.with(threads: 2) { team throws(Failure) in
      team.run { sum.add($0 + 1, ordering: .relaxed) }
    }
    #expect(sum.load(ordering: .relaxed) == 3)
  }
}
