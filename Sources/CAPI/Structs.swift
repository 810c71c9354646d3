import Glibc
import Kernels

/// The largest size that a struct of a later version is believed to have.
private let structLimit = 4096

/// Reads an option struct: as many bytes as both sides know; NULL is all zero, the defaults.
///
/// - Throws: `.invalidArgument` for a size that cannot be, or members of a later version that are set.
func read<Options>(
  _ pointer: UnsafePointer<Options>?, zero: Options
) throws(Failure) -> Options {
  guard let pointer else { return zero }
  let size = try sizeMember(UnsafeRawPointer(pointer), Options.self)
  let known = MemoryLayout<Options>.size
  for offset in stride(from: known, to: size, by: 1)
  where UnsafeRawPointer(pointer).load(fromByteOffset: offset, as: UInt8.self) != 0 {
    throw .invalid(
      "an option at byte \(offset) of \(Options.self) is not known to this version; set it to 0")
  }
  var options = zero
  withUnsafeMutableBytes(of: &options) { bytes in
    if let base = bytes.baseAddress { memcpy(base, pointer, min(size, known)) }
  }
  return options
}

/// Fills a struct that a function describes something in, up to the size that the caller knows.
func fill<Info>(_ out: UnsafeMutablePointer<Info>?, _ value: () throws(Failure) -> Info) -> Int32 {
  status { () throws(Failure) in
    guard let out else {
      throw .invalid("out is NULL; pass the address of a \(Info.self)")
    }
    let size = try sizeMember(UnsafeRawPointer(out), Info.self)
    let count = min(size, MemoryLayout<Info>.size)
    let members = UnsafeMutableRawPointer(out) + MemoryLayout<Int>.size
    memset(members, 0, size - MemoryLayout<Int>.size)
    var made = try value()
    withUnsafeBytes(of: &made) { bytes in
      guard let base = bytes.baseAddress else { return }
      memcpy(members, base + MemoryLayout<Int>.size, count - MemoryLayout<Int>.size)
    }
  }
}

private func sizeMember<Struct>(
  _ pointer: UnsafeRawPointer, _: Struct.Type
) throws(Failure) -> Int {
  let size = pointer.loadUnaligned(as: Int.self)
  guard size >= 2 * MemoryLayout<Int>.size, size <= structLimit else {
    throw .invalid(
      "the size member of \(Struct.self) is \(UInt(bitPattern: size)); set it to its sizeof, by the "
        + "_INIT macro")
  }
  return size
}

/// A flag of an option struct.
func flag(_ value: Int32, _ name: String) throws(Failure) -> Bool {
  guard value == 0 || value == 1 else { throw .invalid("\(name) is \(value); pass 0 or 1") }
  return value == 1
}
