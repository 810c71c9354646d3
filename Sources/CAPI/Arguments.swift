import Kernels

/// A count that must be at least 1.
///
/// - Throws: `.invalidArgument` below 1, `.limit` above the limit.
func positive(_ value: Int64, _ name: String, limit: Int) throws(Failure) -> Int {
  guard value > 0 else {
    throw .invalid("\(name) is \(value), which is not positive; pass 1 to \(limit)")
  }
  guard value <= limit else {
    throw Failure(.limit, "\(name) is \(value), over the limit; pass 1 to \(limit)")
  }
  return Int(value)
}

/// A count of an option struct, where 0 stands for the default.
func positive(
  _ value: Int64, default standard: Int, _ name: String, limit: Int
) throws(Failure) -> Int {
  value == 0 ? standard : try positive(value, name, limit: limit)
}

/// A count that may be 0.
func count(_ value: Int64, _ name: String, limit: Int) throws(Failure) -> Int {
  value == 0 ? 0 : try positive(value, name, limit: limit)
}

/// A number of an option struct that must be in a range; 0 stands for the default.
func number(
  _ value: Double, default standard: Double, _ name: String, in range: ClosedRange<Double>
) throws(Failure) -> Double {
  if value == 0 { return standard }
  guard range.contains(value) else {
    throw .invalid(
      "\(name) is \(value); pass a number from \(range.lowerBound) to \(range.upperBound)")
  }
  return value
}

/// The threads that a call may use; 0 is the default.
///
/// - Throws: `.invalidArgument` outside 0...256.
func threadCount(_ value: Int64) throws(Failure) -> Int {
  guard (0...Int64(threadLimit)).contains(value) else {
    throw .invalid("threads is \(value); pass 0 for the default, or 1 to \(threadLimit)")
  }
  return value == 0 ? standardThreads : Int(value)
}

/// The product of sizes.
///
/// - Throws: `.limit` when it is no size of an array.
func product(_ sizes: Int..., of name: String) throws(Failure) -> Int {
  var total = 1
  for size in sizes {
    let (next, overflow) = total.multipliedReportingOverflow(by: size)
    guard !overflow, next <= Limits.bufferBytes / MemoryLayout<Float>.stride else {
      throw Failure(
        .limit,
        "\(name) of \(sizes.map(String.init).joined(separator: " x ")) floats is over the "
          + "limit of \(Limits.bufferBytes) bytes; use smaller sizes")
    }
    total = next
  }
  return total
}

/// An array that must be there.
func array<Element>(
  _ pointer: UnsafePointer<Element>?, _ name: String
) throws(Failure) -> UnsafePointer<Element> {
  guard let pointer else { throw .invalid("\(name) is NULL; pass an array") }
  return pointer
}

/// An array to fill that must be there.
func array<Element>(
  _ pointer: UnsafeMutablePointer<Element>?, _ name: String
) throws(Failure) -> UnsafeMutablePointer<Element> {
  guard let pointer else { throw .invalid("\(name) is NULL; pass an array") }
  return pointer
}

/// An array of numbers that must be there and finite.
///
/// - Parameter isRead: whether the number at an index matters; behind a sequence's end none does.
/// - Throws: `.invalidArgument` with the first number that is not.
func finite(
  _ pointer: UnsafePointer<Float>?, count: Int, _ name: String,
  where isRead: (Int) -> Bool = { _ in true }
) throws(Failure) -> UnsafePointer<Float> {
  let pointer = try array(pointer, name)
  guard !areFinite(pointer, count: count) else { return pointer }
  for index in 0..<count where !pointer[index].isFinite && isRead(index) {
    throw .invalid("\(name)[\(index)] is \(pointer[index]); pass finite numbers")
  }
  return pointer
}

/// An array of numbers that may be NULL, and otherwise must be finite.
func finiteIfAny(
  _ pointer: UnsafePointer<Float>?, count: Int, _ name: String,
  where isRead: (Int) -> Bool = { _ in true }
) throws(Failure) -> UnsafePointer<Float>? {
  pointer == nil ? nil : try finite(pointer, count: count, name, where: isRead)
}
