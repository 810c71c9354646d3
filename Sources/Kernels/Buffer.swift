import Glibc

/// Zeroed, cache-line aligned memory that reports failure instead of trapping.
///
/// All arrays whose size depends on what a caller asked for live in one of these; `Array` would end
/// the process when memory runs out.
package final class Buffer<Element: BitwiseCopyable>: @unchecked Sendable {
  package let base: UnsafeMutablePointer<Element>
  package let count: Int
  private let raw: UnsafeMutableRawPointer
  /// Bytes that were mapped at `raw`; 0 where it came from the C library.
  private let mapped: Int

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
    // Whole pages, and what it takes to begin at one.
    let mapped = bytes >= leastHuge ? (bytes / hugePage + 2) * hugePage : 0
    guard bytes <= Limits.physicalMemory,
      let raw = mapped > 0 ? map(mapped) : calloc(1, bytes + alignment)
    else {
      throw Failure(
        .outOfMemory, "\(bytes) bytes of memory could not be had; use smaller sizes")
    }
    // Large blocks come zeroed from the system, and take memory only where they are touched.
    self.raw = raw
    self.mapped = mapped
    let aligned = raw.alignedUp(toMultipleOf: mapped > 0 ? hugePage : alignment)
    if mapped > 0 {
      // The last page is worth it where a quarter of it is used.
      let pages = (bytes + hugePage - leastHuge) / hugePage
      madvise(aligned, pages * hugePage, MADV_HUGEPAGE)
    }
    self.base = aligned.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { if mapped > 0 { munmap(raw, mapped) } else { free(raw) } }

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

/// Bytes of a huge page, and of the least block that is given one.
///
/// Each fresh page costs a fault and each page in use an entry of the address cache: 3.2 MB took 1.8 ms
/// to touch for the first time in pages of 4 KiB, 0.2 ms in huge ones (in a virtual machine).
private let hugePage = 1 << 21
private let leastHuge = 1 << 19

/// Zeroed memory of its own from the system; nil where there is none.
private func map(_ bytes: Int) -> UnsafeMutableRawPointer? {
  let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
  return memory == MAP_FAILED ? nil : memory
}

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
  /// Largest count of updates, tokens or rows that a file may name: sums of a few of them are still exact,
  /// as integers and as doubles.
  package static let counts = 0...1 << 50
}
