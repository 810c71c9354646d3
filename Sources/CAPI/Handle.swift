import Glibc
import Kernels

/// What can stand behind an opaque pointer.
protocol Handled: AnyObject {
  /// The noun of the C interface, for messages.
  static var noun: String { get }
  /// The first word of every handle of this kind.
  static var tag: UInt64 { get }
}

/// Opaque pointers: a small block whose first word says what it is, then the object.
///
/// The word turns a pointer of the wrong kind, and nearly always one that was freed, into an error
/// instead of a crash.
enum Handle {
  private struct Block {
    var tag: UInt64
    var object: UnsafeMutableRawPointer
  }

  /// A handle that owns the object.
  static func make<Object: Handled>(_ object: Object) throws(Failure) -> OpaquePointer {
    guard let raw = malloc(MemoryLayout<Block>.stride) else {
      throw Failure(.outOfMemory, "there is no memory for a \(Object.noun)")
    }
    raw.bindMemory(to: Block.self, capacity: 1).initialize(
      to: Block(tag: Object.tag, object: Unmanaged.passRetained(object).toOpaque()))
    return OpaquePointer(raw)
  }

  /// The object behind a handle.
  ///
  /// - Throws: `.invalidArgument` for NULL, for a handle of another kind and for one that was freed.
  static func object<Object: Handled>(
    _ pointer: OpaquePointer?, as _: Object.Type = Object.self
  ) throws(Failure) -> Object {
    guard let pointer else {
      throw .invalid("the \(Object.noun) is NULL; pass one that was made and not freed")
    }
    guard let block = block(pointer, Object.tag) else {
      throw .invalid(
        "the pointer is no \(Object.noun); pass one that was made by rnncell_\(Object.noun)_… and "
          + "not freed")
    }
    return Unmanaged<Object>.fromOpaque(block.pointee.object).takeUnretainedValue()
  }

  /// Releases the object; NULL and what is no such handle are left alone.
  static func free<Object: Handled>(_ pointer: OpaquePointer?, as _: Object.Type) {
    guard let pointer, let block = block(pointer, Object.tag) else { return }
    Unmanaged<Object>.fromOpaque(block.pointee.object).release()
    block.pointee.tag = 0
    Glibc.free(block)
  }

  private static func block(_ pointer: OpaquePointer, _ tag: UInt64) -> UnsafeMutablePointer<Block>?
  {
    guard UInt(bitPattern: pointer) % UInt(MemoryLayout<Block>.alignment) == 0 else { return nil }
    let block = UnsafeMutablePointer<Block>(pointer)
    return block.pointee.tag == tag ? block : nil
  }
}

/// Makes an object and hands its handle out; `out` is NULL when that fails.
func make<Object: Handled>(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ object: () throws(Failure) -> Object
) -> Int32 {
  status { () throws(Failure) in
    guard let out else { throw .invalid("out is NULL; pass the address of a pointer") }
    out.pointee = nil
    out.pointee = try Handle.make(try object())
  }
}

/// Hands out a handle that stays its owner's; `out` is NULL when that fails.
func lend(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ handle: () throws(Failure) -> OpaquePointer
) -> Int32 {
  status { () throws(Failure) in
    guard let out else { throw .invalid("out is NULL; pass the address of a pointer") }
    out.pointee = nil
    out.pointee = try handle()
  }
}
