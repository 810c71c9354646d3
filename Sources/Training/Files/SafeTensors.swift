import Cells
import Kernels

/// Named arrays in a file, with a map of texts: the safetensors format.
///
/// Eight bytes of the header's length, a JSON header that gives every tensor its type, shape and place,
/// and the data. Nothing in such a file is executed. Source: the format's description in
/// github.com/huggingface/safetensors.
package struct SafeTensors {
  package struct Tensor {
    package let name: String
    package let shape: [Int]
    /// Row-major.
    package let values: Buffer<Float>
  }

  package var metadata: [String: String]
  package private(set) var tensors: [Tensor] = []
  private var places: [String: Int] = [:]

  package init(metadata: [String: String] = [:]) { self.metadata = metadata }

  package subscript(name: String) -> Tensor? { places[name].map { tensors[$0] } }

  /// Values of all tensors.
  ///
  /// A few bytes of metadata can ask for a huge model: before memory is taken for it, compare.
  package var valueCount: Int { tensors.reduce(0) { $0 + $1.values.count } }

  /// Adds a tensor, or replaces the one of that name.
  package mutating func add(_ name: String, shape: [Int], values: Buffer<Float>) {
    let tensor = Tensor(name: name, shape: shape, values: values)
    if let place = places[name] {
      tensors[place] = tensor
    } else {
      places[name] = tensors.count
      tensors.append(tensor)
    }
  }

  /// The tensor of that name.
  ///
  /// - Throws: `.format` when it is not there or has another shape.
  package func tensor(_ name: String, shape: [Int]) throws(Failure) -> Tensor {
    guard let tensor = self[name] else {
      throw Failure(.format, "the file has no tensor '\(name)'; was it written for another model?")
    }
    guard tensor.shape == shape else {
      throw Failure(
        .format,
        "tensor '\(name)' is \(tensor.shape), not \(shape); was it written for another model?")
    }
    return tensor
  }

  // MARK: Writing

  /// Writes the file whole or not at all.
  ///
  /// - Throws: `.io`; `.diverged` for a value that is not finite.
  package func write(to path: String) throws(Failure) {
    let file = try contents()
    try FileContents.write(file.bytes, to: path)
    withExtendedLifetime(file) {}
  }

  /// The bytes of the file.
  package func contents() throws(Failure) -> Buffer<UInt8> {
    var members: [JSON.Member] = []
    if !metadata.isEmpty {
      let sorted = metadata.sorted { $0.key < $1.key }
      members.append(
        JSON.Member("__metadata__", .object(sorted.map { JSON.Member($0.key, .string($0.value)) })))
    }
    var end = 0
    for tensor in tensors {
      try checkFinite(tensor, .diverged)
      let start = end
      end += tensor.values.count * 4
      members.append(
        JSON.Member(
          tensor.name,
          .object([
            JSON.Member("dtype", .string("F32")),
            JSON.Member("shape", .array(tensor.shape.map { .integer($0) })),
            JSON.Member("data_offsets", .array([.integer(start), .integer(end)])),
          ])))
    }
    var header = Array(JSON.object(members).text.utf8)
    // The data begins at a multiple of eight bytes.
    while header.count % 8 != 0 { header.append(0x20) }
    guard header.count <= Self.headerLimit else {
      throw Failure(
        .limit, "a header of \(header.count) bytes; names and metadata may take \(Self.headerLimit)"
      )
    }
    let file = try Buffer<UInt8>(count: 8 + header.count + end)
    for byte in 0..<8 { file[byte] = UInt8(truncatingIfNeeded: header.count >> (8 * byte)) }
    for (index, byte) in header.enumerated() { file[8 + index] = byte }
    var at = UnsafeMutableRawPointer(file.base + 8 + header.count)
    for tensor in tensors {
      for value in tensor.values.all {
        at.storeBytes(of: value.bitPattern.littleEndian, as: UInt32.self)
        at += 4
      }
    }
    return file
  }

  // MARK: Reading

  /// Most bytes of a header, as of the format's own library.
  private static let headerLimit = 100_000_000

  /// Reads a file, whoever wrote it: tensors of F32, F64, F16 and BF16 become single precision.
  ///
  /// - Throws: `.io`; `.format` for anything that is not as it should be, values that are not finite
  ///   included.
  package init(reading path: String) throws(Failure) {
    let file = try FileContents.read(path)
    self.init()
    defer { withExtendedLifetime(file) {} }
    do throws(Failure) {
      try read(file.bytes)
    } catch {
      let kind = error.kind == .parse ? Failure.Kind.format : error.kind
      throw Failure(kind, "'\(path.shown)': \(error.message)")
    }
  }

  /// Reads the bytes of a file.
  package init(parsing bytes: [UInt8]) throws(Failure) {
    self.init()
    let result = bytes.withUnsafeBufferPointer { bytes in
      Result { () throws(Failure) -> SafeTensors in
        var file = SafeTensors()
        try file.read(bytes)
        return file
      }
    }
    do throws(Failure) {
      self = try result.get()
    } catch {
      throw Failure(error.kind == .parse ? .format : error.kind, error.message)
    }
  }

  private mutating func read(_ file: UnsafeBufferPointer<UInt8>) throws(Failure) {
    guard file.count >= 8 else {
      throw Failure(.format, "\(file.count) bytes are no safetensors file; choose another file")
    }
    var length: UInt64 = 0
    for byte in 0..<8 { length |= UInt64(file[byte]) << UInt64(8 * byte) }
    guard length <= UInt64(min(Self.headerLimit, file.count - 8)) else {
      throw Failure(
        .format,
        "a header of \(length) bytes in a file of \(file.count); "
          + "it is cut short or no safetensors file")
    }
    let start = 8 + Int(length)
    let header = try JSON(parsing: UnsafeBufferPointer(rebasing: file[8..<start]))
    guard let members = header.members else {
      throw Failure(.format, "the header is no JSON object; choose another file")
    }
    let data = UnsafeBufferPointer(rebasing: file[start...])
    var ranges: [Range<Int>] = []
    for member in members {
      if member.name == "__metadata__" {
        try readMetadata(member.value)
      } else {
        ranges.append(try readTensor(member, data))
      }
    }
    var end = 0
    let sorted = ranges.sorted { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }
    for range in sorted {
      guard range.lowerBound == end else {
        throw Failure(.format, "the tensors overlap or leave a gap at byte \(end) of the data")
      }
      end = range.upperBound
    }
    guard end == data.count else {
      throw Failure(.format, "the data has \(data.count) bytes, but the tensors \(end)")
    }
  }

  private mutating func readMetadata(_ value: JSON) throws(Failure) {
    guard let members = value.members else {
      throw Failure(.format, "'__metadata__' is no JSON object")
    }
    for member in members {
      guard let text = member.value.string else {
        throw Failure(.format, "'\(member.name.prefix(80))' of the metadata is no text")
      }
      metadata[member.name] = text
    }
  }

  private mutating func readTensor(
    _ member: JSON.Member, _ data: UnsafeBufferPointer<UInt8>
  ) throws(Failure) -> Range<Int> {
    let name = member.name
    func wrong(_ what: String) -> Failure {
      Failure(.format, "tensor '\(name.prefix(80))' \(what)")
    }
    guard places[name] == nil else { throw wrong("stands twice") }
    guard let type = member.value["dtype"]?.string.flatMap({ ElementType(rawValue: $0) }) else {
      throw wrong("has no type that is known; use F32, F64, F16 or BF16")
    }
    guard let sizes = member.value["shape"]?.array, sizes.count <= 8,
      let offsets = member.value["data_offsets"]?.array, offsets.count == 2,
      let start = offsets[0].integer, let end = offsets[1].integer
    else { throw wrong("has no shape or no place") }
    var shape: [Int] = []
    var count = 1
    for size in sizes {
      guard let size = size.integer, size >= 0 else { throw wrong("has a size that is no count") }
      let (product, overflow) = count.multipliedReportingOverflow(by: size)
      guard !overflow, product <= Limits.bufferBytes else { throw wrong("is too large") }
      shape.append(size)
      count = product
    }
    guard start >= 0, end >= start, end <= data.count, end - start == count * type.bytes else {
      throw wrong("of \(shape) does not fit its place \(start)..<\(end) in \(data.count) bytes")
    }
    let values = try Buffer<Float>(count: count)
    let raw = UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: data[start..<end]))
    for index in 0..<count { values[index] = type.read(raw, index) }
    add(name, shape: shape, values: values)
    try checkFinite(Tensor(name: name, shape: shape, values: values), .format)
    return start..<end
  }

  /// Such weights would spoil all that is computed with them, far from here.
  private func checkFinite(_ tensor: Tensor, _ kind: Failure.Kind) throws(Failure) {
    if areFinite(tensor.values.base, count: tensor.values.count) { return }
    let place = tensor.values.all.firstIndex { !$0.isFinite } ?? 0
    throw Failure(
      kind,
      "value \(place) of tensor '\(tensor.name.prefix(80))' is \(tensor.values[place]); "
        + "all must be finite in single precision")
  }

  private enum ElementType: String {
    case single = "F32"
    case double = "F64"
    case half = "F16"
    case brain = "BF16"

    var bytes: Int {
      switch self {
      case .single: 4
      case .double: 8
      case .half, .brain: 2
      }
    }

    func read(_ data: UnsafeRawBufferPointer, _ index: Int) -> Float {
      func word<T: FixedWidthInteger>(_ type: T.Type) -> T {
        T(littleEndian: data.loadUnaligned(fromByteOffset: index &* bytes, as: type))
      }
      switch self {
      case .single: return Float(bitPattern: word(UInt32.self))
      case .double: return Float(Double(bitPattern: word(UInt64.self)))
      case .brain: return Float(bitPattern: UInt32(word(UInt16.self)) << 16)
      case .half: return Self.single(ofHalf: word(UInt16.self))
      }
    }

    /// The value of an IEEE 754 binary16 number.
    private static func single(ofHalf bits: UInt16) -> Float {
      let sign: Float = bits & 0x8000 == 0 ? 1 : -1
      let exponent = Int(bits >> 10 & 31)
      let fraction = Float(bits & 1023)
      switch exponent {
      case 0: return sign * fraction * 0x1p-24
      case 31: return fraction == 0 ? sign * .infinity : .nan
      default:
        let significand = 1 + fraction * 0x1p-10
        return sign * Float(sign: .plus, exponent: exponent - 15, significand: significand)
      }
    }
  }
}
