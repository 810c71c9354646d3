import Glibc
import Kernels
import Peak

/// Seconds of a clock that never goes back.
package func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// What a thread can do at this moment: multiply-adds of an instruction set in registers alone, in
/// 10^9 operations a second, measured for 50 µs.
package func limit(_ set: InstructionSet) -> Double {
  let turns = 5_000
  let start = now()
  let lanes: Int
  switch set {
  case .baseline: (_, lanes) = (peak_baseline(turns), 4)
  case .avx2: (_, lanes) = (peak_avx2(turns), 8)
  case .avx512: (_, lanes) = (peak_avx512(turns), 16)
  }
  return Double(turns * 12 * lanes * 2) / (now() - start) * 1e-9
}

/// A time, and the limit of one thread while it was measured.
package struct Measured {
  /// Seconds.
  package var time: Double
  /// 10^9 operations a second.
  package var limit: Double
}

/// The median time of `body` over those calls before and after which every thread ran at its full
/// speed: a neighbour on the same physical core takes nearly half of it, for seconds at a time.
///
/// - Parameter everywhere: runs a closure on every thread at once.
package func quietMedian(
  _ set: InstructionSet = .current, threads: Int = 1,
  everywhere: (_ work: (Int) -> Void) -> Void = { $0(0) }, seconds: Double = 2,
  _ body: () throws -> Void
) rethrows -> Measured {
  let limits = UnsafeMutablePointer<Double>.allocate(capacity: threads)
  defer { limits.deallocate() }
  func slowest() -> Double {
    everywhere { limits[$0] = limit(set) }
    return (0..<threads).map { limits[$0] }.min() ?? 0
  }
  // Calls are bundled, so that the probes stay a small part.
  try body()
  var began = now()
  try body()
  let calls = max(Int(0.001 / max(now() - began, 1e-9)), 1)
  var samples: [Measured] = []
  var before = slowest()
  let start = now()
  while samples.count < 10 || now() - start < seconds {
    began = now()
    for _ in 0..<calls { try body() }
    let time = (now() - began) / Double(calls)
    let after = slowest()
    samples.append(Measured(time: time, limit: min(before, after)))
    before = after
  }
  let best = samples.map(\.limit).sorted()[samples.count * 19 / 20]
  let quiet = samples.filter { $0.limit > 0.97 * best }.map(\.time).sorted()
  return Measured(time: quiet[quiet.count / 2], limit: best)
}
