import Glibc
import Kernels

/// Runs the body of an exported function: what it throws becomes the status and the message together.
func status(_ body: () throws(Failure) -> Void) -> Int32 {
  do {
    try body()
    return 0
  } catch {
    LastError.set(error)
    return error.kind.rawValue
  }
}

/// The last failure of each thread, in a fixed buffer that belongs to the thread.
enum LastError {
  /// Bytes of a message with its NUL; longer ones are cut between characters.
  static let capacity = 1024

  private struct Record {
    var line: Int32
    var column: Int32
  }

  /// Bytes before the message.
  private static var header: Int { MemoryLayout<Record>.stride }

  private static let key: pthread_key_t? = {
    var key = pthread_key_t()
    return pthread_key_create(&key, { free($0) }) == 0 ? key : nil
  }()

  /// The buffer of this thread; nil where there is none yet and `creates` is false, or no memory.
  private static func buffer(creates: Bool) -> UnsafeMutableRawPointer? {
    guard let key else { return nil }
    if let buffer = pthread_getspecific(key) { return buffer }
    guard creates, let buffer = calloc(1, header + capacity) else { return nil }
    guard pthread_setspecific(key, buffer) == 0 else {
      free(buffer)
      return nil
    }
    return buffer
  }

  static func set(_ failure: Failure) {
    guard let buffer = buffer(creates: true) else { return }
    buffer.storeBytes(
      of: Record(line: Int32(clamping: failure.line), column: Int32(clamping: failure.column)),
      as: Record.self)
    var text = failure.message
    text.withUTF8 { bytes in
      var count = min(bytes.count, capacity - 1)
      // Not in the middle of a character: its later bytes are 10xxxxxx.
      if count < bytes.count {
        while count > 0, bytes[count] & 0xC0 == 0x80 { count -= 1 }
      }
      let message = buffer + header
      if count > 0, let base = bytes.baseAddress { memcpy(message, base, count) }
      message.storeBytes(of: 0, toByteOffset: count, as: UInt8.self)
    }
  }

  /// The message, and its place in a text that could not be read.
  static func get() -> (message: UnsafePointer<CChar>, line: Int32, column: Int32) {
    guard let buffer = buffer(creates: false) else { return (Texts.empty, 0, 0) }
    let record = buffer.load(as: Record.self)
    let message = (buffer + header).assumingMemoryBound(to: CChar.self)
    return (UnsafePointer(message), record.line, record.column)
  }
}
