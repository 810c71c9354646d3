import Glibc

/// Zeroed, cache-line aligned memory that reports failure instead of trapping.
///
/// All arrays whose size depends on what a caller asked for live in one of these; `Array` would end
/// the process when memory runs out.
package final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
  package let base: UnsafeMutablePointer<Element>
  package let count: Int

  /// Allocates `count` elements, all bits zero, aligned to 64 bytes.
  ///
  /// - Throws: `.limit` when the size overflows or passes `Limits.bufferBytes`, `.outOfMemory` when
  ///   the system has none.
  package init(count: Int) throws(Failure) {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow, bytes <= Limits.bufferBytes else {
      throw Failure(
        .limit,
        "\(count) elements of \(MemoryLayout<Element>.stride) bytes are over the limit of "
          + "\(Limits.bufferBytes) bytes for one array; use smaller sizes")
    }
    // A multiple of the alignment, and never zero, so that `base` is always a real address.
    let rounded = (max(bytes, 1) + 63) & ~63
    var raw: UnsafeMutableRawPointer?
    guard posix_memalign(&raw, 64, rounded) == 0, let raw else {
      throw Failure(.outOfMemory, "\(bytes) bytes of memory could not be had; use smaller sizes")
    }
    memset(raw, 0, rounded)
    self.base = raw.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(base) }

  package var all: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: base, count: count)
  }

  package subscript(index: Int) -> Element {
    get { all[index] }
    set { all[index] = newValue }
  }
}

/// Bounds that keep a mistaken or hostile size from taking the process down.
package enum Limits {
  /// Bytes of one array.
  package static let bufferBytes = 1 << 38
  /// Largest input or hidden size.
  package static let size = 1 << 16
  /// Largest number of time steps, of sequences in a batch, and of layers.
  package static let steps = 1 << 24
  package static let batch = 1 << 16
  package static let layers = 64
}
