import Glibc
import Kernels

/// Reading and writing whole files.
package enum FileContents {
  /// Reads a file, or its first `limit` bytes.
  ///
  /// - Throws: `.io` when it cannot be opened or read, `.limit` when it is larger than the machine's
  ///   memory or than an array may be, or gives more than 4 GiB without having had a size.
  package static func read(_ path: String, limit: Int = .max) throws(Failure) -> Buffer<UInt8> {
    let file = isPath(path) ? open(path, O_RDONLY | O_CLOEXEC) : -1
    guard file >= 0 else {
      throw Failure(.io, "cannot open '\(path.shown)': \(reason()); check the path")
    }
    defer { close(file) }
    var status = stat()
    guard fstat(file, &status) == 0 else {
      throw Failure(.io, "cannot read '\(path.shown)': \(reason())")
    }
    guard status.st_mode & S_IFMT != S_IFDIR else {
      throw Failure(.io, "'\(path.shown)' is a directory; pass a file")
    }
    // A pipe has no size, and a file may grow while it is read.
    let size = status.st_mode & S_IFMT == S_IFREG ? max(Int(status.st_size), 0) : 0
    let wanted = max(min(size, limit), 0)
    guard wanted <= memory else {
      throw Failure(
        .limit, "'\(path.shown)' has \(size) bytes, more than the memory here; use a smaller file")
    }
    var bytes = try Buffer<UInt8>(count: wanted)
    var count = 0
    while count < limit {
      var next: UInt8 = 0
      let isFull = count == bytes.count
      let got =
        isFull
        ? Glibc.read(file, &next, 1) : Glibc.read(file, bytes.base + count, bytes.count &- count)
      if got < 0, errno == EINTR { continue }
      guard got >= 0 else { throw Failure(.io, "cannot read '\(path.shown)': \(reason())") }
      if got == 0 { break }
      if isFull {
        guard count < unsizedLimit || size > 0 else {
          throw Failure(
            .limit,
            "'\(path.shown)' has no size and gives more than \(unsizedLimit) bytes; use a file")
        }
        let larger = try Buffer<UInt8>(count: min(max(bytes.count &* 2, 1 << 16), limit))
        larger.base.update(from: bytes.base, count: count)
        larger.base[count] = next
        bytes = larger
      }
      count += got
    }
    return try bytes.prefix(count)
  }

  /// Finds out before long work whether its file can be written.
  ///
  /// - Throws: `.io` where the directory is not there or may not be written to.
  package static func checkWritable(_ path: String) throws(Failure) {
    // The dot makes a parent that is no directory an error too.
    let place = isDevice(path) ? path : parent(of: resolved(path)) + "/."
    guard isPath(path), access(place, W_OK) == 0 else {
      throw Failure(.io, "cannot write '\(path.shown)': \(reason()); check the directory")
    }
  }

  /// Writes a file so that after a crash it has either its old contents or all of the new ones.
  ///
  /// The bytes go to a temporary file beside it, which is made durable and then takes its name; a symbolic
  /// link still leads to it. A device or a pipe, such as /dev/null, is written to as it is, never replaced.
  /// - Throws: `.io`; the old file is then as it was, unless only the directory could not be made durable.
  package static func write(
    _ bytes: UnsafeBufferPointer<UInt8>, to path: String
  ) throws(Failure) {
    func failure(_ step: String) -> Failure {
      Failure(.io, "cannot \(step) '\(path.shown)': \(reason()); check the directory and its space")
    }
    guard isPath(path) else { throw failure("write") }
    if isDevice(path) {
      let device = open(path, O_WRONLY | O_CLOEXEC)
      guard device >= 0 else { throw failure("write") }
      defer { close(device) }
      guard writeAll(bytes, to: device) else { throw failure("write") }
      return
    }
    let target = resolved(path)
    let temporary = "\(target).\(getpid()).\(UInt(bitPattern: bytes.baseAddress) >> 4).partial"
    let file = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o666)
    guard file >= 0 else { throw failure("write") }
    var isOpen = true
    var isWhole = false
    defer {
      if isOpen { close(file) }
      if !isWhole { unlink(temporary) }
    }
    guard writeAll(bytes, to: file) else { throw failure("write") }
    guard fsync(file) == 0 else { throw failure("make durable") }
    isOpen = false
    guard close(file) == 0 else { throw failure("write") }
    guard rename(temporary, target) == 0 else { throw failure("rename a file to") }
    isWhole = true
    let directory = open(parent(of: target), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard directory >= 0 else { return }
    defer { close(directory) }
    // Some file systems cannot do this for a directory, and say so by EINVAL.
    guard fsync(directory) == 0 || errno == EINVAL else { throw failure("make durable") }
  }

  /// Whether all bytes could be written; `errno` says why not.
  private static func writeAll(_ bytes: UnsafeBufferPointer<UInt8>, to file: Int32) -> Bool {
    var written = 0
    while written < bytes.count, let base = bytes.baseAddress {
      let count = Glibc.write(file, base + written, bytes.count &- written)
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      written += count
    }
    return true
  }

  /// Whether there is something at a path that is neither a file nor a directory.
  private static func isDevice(_ path: String) -> Bool {
    var status = stat()
    guard stat(path, &status) == 0 else { return false }
    let kind = status.st_mode & S_IFMT
    return kind != S_IFREG && kind != S_IFDIR
  }

  /// The directory that a path is in.
  private static func parent(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// Where a path leads through symbolic links; itself where there is nothing yet.
  private static func resolved(_ path: String) -> String {
    guard let real = realpath(path, nil) else { return path }
    defer { free(real) }
    return String(cString: real)
  }

  /// Most bytes that are read of what has no size.
  private static let unsizedLimit = 1 << 32

  /// Bytes of the machine's memory.
  private static let memory = min(
    max(sysconf(Int32(_SC_PHYS_PAGES)), 1).multipliedReportingOverflow(
      by: max(sysconf(Int32(_SC_PAGESIZE)), 1)
    ).partialValue, Limits.bufferBytes)

  /// Whether C can be told of a path: one that holds a NUL would be cut short there.
  private static func isPath(_ path: String) -> Bool {
    let holdsNull = path.utf8.contains(0)
    if holdsNull { errno = EINVAL }
    return !holdsNull
  }

  private static func reason() -> String { String(cString: strerror(errno)) }
}

extension String {
  /// At most 200 characters, for messages.
  var shown: String { count > 200 ? "\(prefix(200))…" : self }
}

extension Buffer where Element == UInt8 {
  /// The first bytes, in a buffer of exactly that size.
  func prefix(_ count: Int) throws(Failure) -> Buffer<UInt8> {
    if count == self.count { return self }
    let part = try Buffer<UInt8>(count: count)
    part.base.update(from: base, count: min(count, self.count))
    return part
  }

  var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: base, count: count) }
}
