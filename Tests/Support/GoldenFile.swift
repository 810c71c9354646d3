import Glibc

/// Named arrays from `Tests/Golden`: for each a line `name dim dim ...` and a line of its numbers.
package struct GoldenFile {
  package let path: String
  private var arrays: [String: (shape: [Int], values: [Double])] = [:]

  package struct Malformed: Error, CustomStringConvertible {
    package let description: String
  }

  /// Reads a file by its path below `Tests/Golden`.
  package init(_ name: String) throws {
    path = Self.path(name)
    let lines = try Self.text(path).split(separator: "\n")
    for index in stride(from: 0, to: lines.count - 1, by: 2) {
      let header = lines[index].split(separator: " ")
      let shape = header.dropFirst().compactMap { Int($0) }
      let values = lines[index + 1].split(separator: " ").compactMap { Double($0) }
      guard values.count == shape.reduce(1, *) else {
        throw Malformed(description: "\(path):\(index + 1): \(values.count) numbers for \(shape)")
      }
      arrays[String(header[0])] = (shape, values)
    }
  }

  /// The numbers of an array, row-major.
  package func values(_ name: String) throws -> [Double] {
    guard let array = arrays[name] else { throw Malformed(description: "\(path) has no \(name)") }
    return array.values
  }

  /// The dimensions of an array.
  package func shape(_ name: String) throws -> [Int] {
    guard let array = arrays[name] else { throw Malformed(description: "\(path) has no \(name)") }
    return array.shape
  }

  /// The whole text of a file below `Tests/Golden`.
  package static func text(named name: String) throws -> String { try text(path(name)) }

  private static func path(_ name: String, sourceFile: String = #filePath) -> String {
    let tests = sourceFile.split(separator: "/", omittingEmptySubsequences: false).dropLast(2)
    return tests.joined(separator: "/") + "/Golden/" + name
  }

  private static func text(_ path: String) throws -> String {
    guard let file = fopen(path, "r") else {
      throw Malformed(description: "cannot open \(path): make it by `make golden`")
    }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while case let count = fread(&chunk, 1, chunk.count, file), count > 0 {
      bytes.append(contentsOf: chunk[..<count])
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
