import Kernels
import Support
import Testing
import Training

@Suite struct SafeTensorsTests {
  /// The bytes of a file with a header of our own.
  private static func file(_ header: String, _ data: [UInt8] = [], length: UInt64? = nil) -> [UInt8]
  {
    let length = length ?? UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
  }

  private static func bytes(_ values: [Float]) -> [UInt8] {
    values.flatMap { value in
      (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) }
    }
  }

  private static func buffer(_ values: [Float]) throws -> Buffer<Float> {
    let buffer = try Buffer<Float>(count: values.count)
    for (index, value) in values.enumerated() { buffer[index] = value }
    return buffer
  }

  private static func sample() throws -> SafeTensors {
    var file = SafeTensors(metadata: ["z": "quote \" and \\ and \n", "a": "é😀", "": ""])
    file.add(
      "weight", shape: [2, 3],
      values: try buffer([1, -2.5, 0x1p-140, 4, .greatestFiniteMagnitude, -0.0]))
    file.add("scalar", shape: [], values: try buffer([7]))
    file.add("empty", shape: [0, 5], values: try buffer([]))
    file.add("bias [f]", shape: [3], values: try buffer([0.1, 0.2, 0.3]))
    return file
  }

  private static func expectSame(_ a: SafeTensors, _ b: SafeTensors) {
    #expect(a.metadata == b.metadata)
    #expect(a.tensors.map(\.name) == b.tensors.map(\.name))
    #expect(a.tensors.map(\.shape) == b.tensors.map(\.shape))
    for (x, y) in zip(a.tensors, b.tensors) {
      #expect(x.values.array.map(\.bitPattern) == y.values.array.map(\.bitPattern), "\(x.name)")
    }
  }

  @Test("what is written is read with the same bits")
  func roundTrip() throws {
    let folder = try ScratchFolder()
    let path = "\(folder.path)/f.safetensors"
    let sample = try Self.sample()
    try sample.write(to: path)
    Self.expectSame(try SafeTensors(reading: path), sample)
    Self.expectSame(try SafeTensors(parsing: sample.contents().array), sample)
    #expect(sample.valueCount == 10)
  }

  @Test("a file is the bytes that the format says")
  func exactBytes() throws {
    var file = SafeTensors(metadata: ["b": "2", "a": "1"])
    file.add("w", shape: [1, 2], values: try Self.buffer([1.5, -2]))
    let header =
      #"{"__metadata__":{"a":"1","b":"2"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}"#
    let padded = header + String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
    #expect(try file.contents().array == Self.file(padded, Self.bytes([1.5, -2])))
  }

  @Test("a tensor that is added again replaces the first")
  func replace() throws {
    var file = try Self.sample()
    file.add("weight", shape: [1], values: try Self.buffer([9]))
    #expect(file.tensors.map(\.name) == ["weight", "scalar", "empty", "bias [f]"])
    #expect(file["weight"]?.values.array.map { $0 } == [9])
  }

  @Test("a tensor that is missing or has another shape is named")
  func tensor() throws {
    let file = try Self.sample()
    #expect(try file.tensor("weight", shape: [2, 3]).values.count == 6)
    let missing = #expect(throws: Failure.self) { try file.tensor("wait", shape: [1]) }
    #expect(missing?.kind == .format && missing?.message.contains("'wait'") == true)
    let shape = #expect(throws: Failure.self) { try file.tensor("weight", shape: [3, 2]) }
    #expect(shape?.kind == .format && shape?.message.contains("[2, 3], not [3, 2]") == true)
  }

  static let types: [(String, [UInt8], [Float])] = [
    ("F32", [0, 0, 0x80, 0x3F, 0, 0, 0, 0x80], [1, -0.0]),
    ("F64", [0, 0, 0, 0, 0, 0, 0xF8, 0xBF], [-1.5]),
    ("BF16", [0x80, 0x3F, 0x49, 0xC0], [1, -3.140625]),
    ("F16", [0x00, 0x3C, 0xFF, 0x7B, 0x01, 0x00, 0x00, 0x80], [1, 65504, 0x1p-24, -0.0]),
  ]

  @Test("tensors of other floating-point types become single precision", arguments: types)
  func checkTypes(type: String, data: [UInt8], expected: [Float]) throws {
    let header =
      #"{"t":{"dtype":"\#(type)","shape":[\#(expected.count)],"data_offsets":[0,\#(data.count)]}}"#
    let file = try SafeTensors(parsing: Self.file(header, data))
    #expect(file["t"]?.values.array.map(\.bitPattern) == expected.map(\.bitPattern))
  }

  @Test("every finite half-precision number is read as Swift reads it")
  func halves() throws {
    let finite = (0...UInt16.max).filter { Float16(bitPattern: $0).isFinite }
    let data = finite.flatMap { [UInt8(truncatingIfNeeded: $0), UInt8($0 >> 8)] }
    let header =
      #"{"t":{"dtype":"F16","shape":[\#(finite.count)],"data_offsets":[0,\#(data.count)]}}"#
    let values = try #require(SafeTensors(parsing: Self.file(header, data))["t"]).values
    let expected = finite.map { Float(Float16(bitPattern: $0)).bitPattern }
    #expect(values.array.map(\.bitPattern) == expected)
  }

  static let notFinite: [(String, [UInt8])] = [
    ("F32", [0, 0, 0x80, 0x7F]), ("F32", [1, 0, 0x80, 0xFF]), ("F16", [0, 0x7C]),
    ("F16", [1, 0xFC]),
    ("BF16", [0x80, 0xFF]), ("F64", [0, 0, 0, 0, 0, 0, 0xF0, 0x7F]),
    // 1e300 is finite, but not in single precision.
    ("F64", [0x9C, 0x75, 0x00, 0x88, 0x3C, 0xE4, 0x37, 0x7E]),
  ]

  @Test("values that are not finite are refused with tensor and place", arguments: notFinite)
  func checkNotFinite(type: String, value: [UInt8]) {
    let data = [UInt8](repeating: 0, count: value.count) + value
    let header = #"{"t":{"dtype":"\#(type)","shape":[2],"data_offsets":[0,\#(data.count)]}}"#
    let failure = #expect(throws: Failure.self) {
      try SafeTensors(parsing: Self.file(header, data))
    }
    #expect(failure?.kind == .format)
    #expect(failure?.message.contains("value 1 of tensor 't'") == true, "\(failure?.message ?? "")")
  }

  @Test("a value that is not finite is not written, and the file before it stays")
  func diverged() throws {
    let folder = try ScratchFolder()
    let path = try folder.file("f", "before")
    for value in [Float.nan, .infinity, -.infinity] {
      var file = try Self.sample()
      file.add("bad", shape: [3], values: try Self.buffer([1, 2, value]))
      let failure = #expect(throws: Failure.self) { try file.write(to: path) }
      #expect(failure?.kind == .diverged)
      #expect(failure?.message.contains("value 2 of tensor 'bad'") == true)
    }
    #expect((try FileContents.read(path).array) == Array("before".utf8))
    #expect(folder.names == ["f"])
  }

  private static func one(
    dtype: String = #""F32""#, shape: String = "[2]", offsets: String = "[0,8]"
  ) -> String {
    #"{"t":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}}"#
  }

  private static func two(_ first: String, _ second: String) -> String {
    #"{"a":{"dtype":"F32","shape":[1],"data_offsets":\#(first)},"#
      + #""b":{"dtype":"F32","shape":[1],"data_offsets":\#(second)}}"#
  }

  /// Headers for eight bytes of data, and what the message says of each.
  static let hostile: [(String, String)] = [
    ("", "JSON"), ("{", "quotes"), ("[]", "no JSON object"), ("null", "no JSON object"),
    ("{} x", "after the end"), ("{}", "8 bytes, but the tensors 0"), ("{\"t\":1}", "no type"),
    ("{\"t\":{}}", "no type"), ("{\"t\":{\"dtype\":\"F32\"}}", "no shape"),
    (one(dtype: #""F8""#), "no type that is known"), (one(dtype: "32"), "no type"),
    (one(dtype: #""I64""#, shape: "[1]"), "no type"), (one(shape: "2"), "no shape"),
    (one(shape: "[-2]"), "no count"), (one(shape: "[2.0]"), "no count"),
    (one(shape: "[\"2\"]"), "no count"), (one(shape: "[3]"), "does not fit"),
    (one(shape: "[]"), "does not fit"), (one(shape: "[1,1,1,1,1,1,1,1,2]"), "no shape"),
    (one(shape: "[9223372036854775807,2]"), "too large"),
    (one(shape: "[4294967296,4294967296]"), "too large"),
    (one(shape: "[0,9223372036854775807,9223372036854775807]"), "does not fit"),
    (one(shape: "[9223372036854775807,9223372036854775807,0]"), "too large"),
    (one(shape: "[9223372036854775808]"), "no count"), (one(offsets: "[0]"), "no place"),
    (one(offsets: "[0,8,8]"), "no place"), (one(offsets: "[8,0]"), "does not fit"),
    (one(offsets: "[-8,0]"), "does not fit"), (one(offsets: "[0,16]"), "does not fit"),
    (one(offsets: "[8,16]"), "does not fit"), (one(offsets: "[0,1e9]"), "no place"),
    (one(offsets: "[-9223372036854775808,9223372036854775807]"), "does not fit"),
    (one(shape: "[1]", offsets: "[4,8]"), "gap at byte 0"),
    (one(shape: "[1]", offsets: "[0,4]"), "8 bytes, but the tensors 4"),
    (two("[0,4]", "[0,4]"), "overlap"), (two("[0,4]", "[2,6]"), "overlap"),
    (two("[4,8]", "[4,8]"), "gap at byte 0"),
    (two("[0,4]", "[4,8]").replacing("\"b\"", with: "\"a\""), "stands twice"),
    (#"{"__metadata__":1}"#, "'__metadata__' is no JSON object"),
    (#"{"__metadata__":{"a":1}}"#, "'a' of the metadata is no text"),
    (String(repeating: "[", count: 100), "nested deeper"),
  ]

  @Test("a hostile header is refused with what is wrong", arguments: hostile)
  func checkHostile(header: String, message: String) {
    let bytes = Self.file(header, Self.bytes([1, 2]))
    let failure = #expect(throws: Failure.self) { try SafeTensors(parsing: bytes) }
    #expect(failure?.kind == .format)
    #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
  }

  @Test(
    "the length of a header is not believed", arguments: [3, 1 << 20, 1 << 40, 1 << 63, UInt64.max])
  func length(length: UInt64) {
    let bytes = Self.file("{}", length: length)
    let failure = #expect(throws: Failure.self) { try SafeTensors(parsing: bytes) }
    #expect(failure?.kind == .format)
    #expect(failure?.message.contains("a header of \(length) bytes") == true)
  }

  @Test("a file that is cut short at any byte, or longer, is refused")
  func truncations() throws {
    let folder = try ScratchFolder()
    let bytes = try Self.sample().contents().array
    for count in 0..<bytes.count {
      let failure = #expect(throws: Failure.self) {
        try SafeTensors(parsing: Array(bytes[..<count]))
      }
      #expect(failure?.kind == .format, "\(count): \(failure?.message ?? "")")
    }
    #expect(throws: Failure.self) { try SafeTensors(parsing: bytes + [0]) }
    let path = try folder.file("cut", bytes.dropLast())
    let failure = #expect(throws: Failure.self) { try SafeTensors(reading: path) }
    #expect(failure?.message.contains("'\(path)'") == true)
  }

  @Test(
    "files with random changes are read or refused, and never end the process", arguments: 1...8)
  func mutations(seed: UInt64) throws {
    var random = TestRandom(seed: seed)
    let sample = try Self.sample().contents().array
    var refused = 0
    for _ in 0..<2000 {
      var bytes = sample
      for _ in 0..<Int.random(in: 1...4, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
        case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
        case 2: bytes.insert(random.pick(Array("0123456789[]{},\":-e".utf8)), at: place)
        default: bytes.removeSubrange(place..<min(place + 3, bytes.count))
        }
        if bytes.isEmpty { break }
      }
      do throws(Failure) {
        let file = try SafeTensors(parsing: bytes)
        for tensor in file.tensors {
          #expect(tensor.shape.reduce(1, *) == tensor.values.count, "seed \(seed)")
        }
      } catch {
        refused += 1
        #expect(error.kind == .format, "seed \(seed): \(error.message)")
      }
    }
    #expect(refused > 1000, "seed \(seed)")
  }
}
