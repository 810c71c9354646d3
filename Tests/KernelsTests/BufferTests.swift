import Kernels
import Testing

@Suite struct BufferTests {
  /// Bytes about the bounds at which memory comes from the system, and in huge pages.
  static let sizes = [
    0, 4, 1 << 12, 1 << 19 - 4, 1 << 19, 1 << 19 + 4, 1 << 21 - 4, 1 << 21, 1 << 21 + 4,
    5 << 19, 3_200_000,
  ]

  @Test("memory is zero, aligned to cache lines and writable to its end", arguments: sizes)
  func memory(bytes: Int) throws {
    for _ in 0..<3 {
      let buffer = try Buffer<Float>(count: bytes / 4)
      #expect(Int(bitPattern: buffer.base) % 64 == 0)
      #expect(buffer.array.allSatisfy { $0 == 0 })
      for index in 0..<buffer.count { buffer[index] = 1 }
      #expect(buffer.array.allSatisfy { $0 == 1 })
    }
  }

  @Test("sizes that cannot be had are failures")
  func tooLarge() {
    for (count, kind) in [
      (-1, Failure.Kind.limit), (.max, .limit), (Limits.bufferBytes / 4 + 1, .limit),
    ] {
      let failure = #expect(throws: Failure.self) { try Buffer<Float>(count: count) }
      #expect(failure?.kind == kind)
    }
  }
}
