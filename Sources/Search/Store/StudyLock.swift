import Glibc
import Kernels
import Synchronization

/// Says that one study object of one process runs a file; released by the system when the process dies.
///
/// It is a `flock` on the file itself, which SQLite's own locks do not meet. Files locked by this process
/// are listed too: opening and closing a second descriptor would drop SQLite's locks.
final class StudyLock: @unchecked Sendable {
  private struct Identity: Equatable {
    var device: UInt
    var inode: UInt
  }
  private static let held = Mutex<[Identity]>([])
  private let descriptor: Int32
  private let identity: Identity

  /// - Throws: `.busy` when the file is run already, `.io` when it cannot be opened or made.
  init(path: String) throws(Failure) {
    let busy = Failure(
      .busy, "\(path) is being run by another study; wait for it, or open it read-only")
    if let known = Self.identity(path), Self.held.withLock({ $0.contains(known) }) { throw busy }
    let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
    guard file >= 0 else {
      throw Failure(
        .io, "\(path) cannot be opened (\(String(cString: strerror(errno)))); check the path")
    }
    guard flock(file, LOCK_EX | LOCK_NB) == 0, let identity = Self.identity(path) else {
      close(file)
      throw busy
    }
    Self.held.withLock { $0.append(identity) }
    descriptor = file
    self.identity = identity
  }

  deinit {
    Self.held.withLock { $0.removeAll { $0 == identity } }
    close(descriptor)
  }

  private static func identity(_ path: String) -> Identity? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Identity(device: UInt(status.st_dev), inode: UInt(status.st_ino))
  }
}
