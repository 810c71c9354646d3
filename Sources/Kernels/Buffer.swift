import Glibc

/// Zeroed, cache-line aligned memory that reports failure instead of trapping.
///
/// All arrays whose size depends on what a caller asked for live in one of these; `Array` would end
/// the process when memory runs out.
package final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
  package let base: UnsafeMutablePointer<Element>
  package let count: Int
  private let raw: UnsafeMutableRawPointer

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
    guard bytes <= Limits.physicalMemory, let raw = calloc(1, bytes + alignment) else {
      throw Failure(
        .outOfMemory, "\(bytes) bytes of memory could not be had; use smaller sizes")
    }
    // Large blocks come zeroed from the system, and take memory only where they are touched.
    self.raw = raw
    let aligned = raw.alignedUp(toMultipleOf: alignment)
    self.base = aligned.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(raw) }

  /// A copy; unlike `all` and `base`, it may outlive the buffer.
  package var array: [Element] { withExtendedLifetime(self) { Array(all) } }

  /// The memory itself, for as long as the buffer is held.
  package var all: UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(start: base, count: count)
  }

  package subscript(index: Int) -> Element {
    get { all[index] }
    set { all[index] = newValue }
  }
}

/// Bytes of a cache line.
private let alignment = 64

/// Bounds that keep a mistaken or hostile size from taking the process down.
package enum Limits {
  /// Bytes of one array.
  package static let bufferBytes = 1 << 38
  /// Bytes that the machine has: the system may promise more, and end the process when it is used.
  package static let physicalMemory = {
    let pages = sysconf(Int32(_SC_PHYS_PAGES))
    let page = sysconf(Int32(_SC_PAGESIZE))
    return pages > 0 && page > 0 ? pages.multipliedReportingOverflow(by: page).partialValue : .max
  }()
  /// Largest input or hidden size.
  package static let size = 1 << 16
  /// Largest number of time steps, of sequences in a batch, and of layers.
  package static let steps = 1 << 24
  package static let batch = 1 << 16
  package static let layers = 64
}
