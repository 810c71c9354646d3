import Glibc
import Search
import Testing

/// Everything about a study that must not depend on workers, time or accidents.
struct StudyContents: Equatable {
  var proposals: [String]
  var asks: [String]

  init(path: String) throws {
    let study = try Study(path: path, settings: nil, isReadOnly: true)
    proposals = study.proposals.map {
      "\($0.id) \($0.seed) \($0.strategy) \($0.state) \($0.parents) \($0.rung) \($0.loss) "
        + $0.cell.equations
    }
    asks = study.asks.map { "\($0.proposal) \($0.rung) \($0.updates) \($0.state) \($0.loss)" }
  }
}

/// One start of the search of `StudyProcess`.
struct StudyProcessRun {
  var path: String
  var strategy: String
  var trials = 60
  var workers = 1
  var deterministic = true
  /// Statements of SQL; 0 for never.
  var killAfter = 0

  /// Waits for its end; returns its exit status, or minus the signal that ended it.
  func run() throws -> Int32 {
    let program = try #require(Self.program)
    let arguments = [
      program, path, strategy, "7", String(trials), String(workers), deterministic ? "1" : "0",
      String(killAfter),
    ]
    var pointers: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var process = pid_t()
    try #require(posix_spawn(&process, program, nil, nil, &pointers, environ) == 0)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 && errno == EINTR {}
    return status & 0x7F == 0 ? (status >> 8) & 0xFF : -(status & 0x7F)
  }

  /// It is built beside the bundle of the tests.
  private static var program: String? {
    var buffer = [CChar](repeating: 0, count: 4096)
    let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let own = String(
      decoding: buffer.prefix(max(0, length)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let places = CommandLine.arguments.filter { $0.contains(".xctest") } + [own]
    return places.map { place in
      let folder = place.split(separator: "/").prefix { !$0.hasSuffix(".xctest") }
      let isFile = folder.count == place.split(separator: "/").count
      return "/" + (isFile ? folder.dropLast() : folder).joined(separator: "/") + "/StudyProcess"
    }.first { access($0, X_OK) == 0 }
  }
}

/// A folder for the files of one test, removed with it.
final class Folder {
  let path: String

  init() throws {
    var template = Array("/tmp/rnncell-XXXXXX".utf8CString)
    path = String(cString: try #require(mkdtemp(&template)))
  }

  deinit {
    if let directory = opendir(path) {
      while let entry = readdir(directory) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
          $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        unlink("\(path)/\(name)")
      }
      closedir(directory)
    }
    rmdir(path)
  }
}
