/// Bytes of a message in the wire format of Protocol Buffers.
///
/// As much of it as ONNX needs: numbers, texts, floats and messages inside messages.
struct Protobuf {
  private(set) var bytes: [UInt8] = []

  private mutating func add(varint value: UInt64) {
    var rest = value
    while rest >= 0x80 {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(truncatingIfNeeded: rest))
  }

  mutating func add(_ field: Int, _ value: Int) {
    add(varint: UInt64(field << 3))
    add(varint: UInt64(bitPattern: Int64(value)))
  }

  mutating func add(_ field: Int, _ value: Float) {
    add(varint: UInt64(field << 3 | 5))
    withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes += $0 }
  }

  mutating func add(_ field: Int, _ text: String) { add(field, Array(text.utf8)) }

  mutating func add(_ field: Int, _ message: Protobuf) { add(field, message.bytes) }

  mutating func add(_ field: Int, _ content: [UInt8]) {
    add(varint: UInt64(field << 3 | 2))
    add(varint: UInt64(content.count))
    bytes += content
  }
}
