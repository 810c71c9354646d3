import Glibc
import Testing

/// A folder for one test, removed with its files when the test is done.
final class ScratchFolder {
  let path: String

  init() throws {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/rnncell-test-XXXXXX".utf8CString)
    try #require(mkdtemp(&template) != nil, "mkdtemp in \(parent): errno \(errno)")
    path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit {
    for name in names { unlink("\(path)/\(name)") }
    rmdir(path)
  }

  /// The names of its files, sorted.
  var names: [String] {
    guard let folder = opendir(path) else { return [] }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = withUnsafePointer(to: &entry.pointee.d_name) {
        $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// Writes a file, and returns its path.
  func file(_ name: String, _ bytes: some Sequence<UInt8>) throws -> String {
    let bytes = Array(bytes)
    let file = try #require(fopen("\(path)/\(name)", "w"))
    defer { fclose(file) }
    try #require(fwrite(bytes, 1, bytes.count, file) == bytes.count)
    return "\(path)/\(name)"
  }

  func file(_ name: String, _ text: String) throws -> String { try file(name, text.utf8) }
}
