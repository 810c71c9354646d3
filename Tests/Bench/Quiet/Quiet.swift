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
  /// How many calls, or bundles of calls, the time is the median of.
  package var quiet: Int
}

/// A product of one tile in the first-level cache, timed: it feels a neighbour on the same physical
/// core, who takes slots of the front end that `limit` does not need.
final class Probe {
  private let memory: UnsafeMutablePointer<Float>
  private let kernels: KernelTable

  init(_ set: InstructionSet) {
    kernels = .for(set)
    memory = .allocate(capacity: 1 << 13)
    memory.initialize(repeating: 0.1, count: 1 << 13)
  }

  deinit { memory.deallocate() }

  /// Calls a second.
  func speed() -> Double {
    var segment = Segment(
      a: memory, aStripStride: 96, b: memory + 2048, bStripStride: 2048, k: 128)
    let start = now()
    withUnsafePointer(to: &segment) {
      var call = Product(
        segments: $0, segmentCount: 1, c: memory + 4096, cStripStride: 96, initial: memory + 4608,
        initialStripStride: 16, initialRowStride: 0, rows: 6, strips: 1)
      for _ in 0..<100 { kernels.product(&call) }
    }
    return 100 / (now() - start)
  }
}

/// The median time of `body` over those calls before and after which every thread ran at its full
/// speed: a neighbour on the same physical core takes up to 40 % of it, for seconds at a time.
///
/// - Parameter everywhere: runs a closure on every thread at once.
package func quietMedian(
  _ set: InstructionSet = .current, threads: Int = 1,
  everywhere: (_ work: (Int) -> Void) -> Void = { $0(0) }, seconds: Double = 8,
  _ body: () throws -> Void
) rethrows -> Measured {
  let probes = (0..<threads).map { _ in Probe(set) }
  let speeds = UnsafeMutablePointer<Double>.allocate(capacity: threads)
  defer { speeds.deallocate() }
  func slowest() -> Double {
    everywhere { speeds[$0] = probes[$0].speed() }
    return (0..<threads).map { speeds[$0] }.min() ?? 0
  }
  // Calls are bundled, so that the probes stay a small part.
  try body()
  var began = now()
  try body()
  let calls = max(Int(0.001 / max(now() - began, 1e-9)), 1)
  var samples: [(time: Double, speed: Double)] = []
  var best = 0.0
  var most = 0.0
  var before = slowest()
  let start = now()
  while true {
    began = now()
    for _ in 0..<calls { try body() }
    let time = (now() - began) / Double(calls)
    let after = slowest()
    samples.append((time, min(before, after)))
    best = max(best, min(before, after))
    most = max(most, limit(set))
    before = after
    let passed = now() - start
    let count = samples.count { $0.speed > 0.97 * best }
    if passed > 0.3, count >= 40 || (passed > seconds / 2 && count >= 10) || passed > seconds {
      break
    }
  }
  let quiet = samples.filter { $0.speed > 0.97 * best }.map(\.time).sorted()
  return Measured(time: quiet[quiet.count / 2], limit: most, quiet: quiet.count)
}
