import CSQLite
import Glibc
import Kernels

/// One value of a row of SQLite.
package enum SQLValue: Equatable, Sendable {
  case null
  case integer(Int64)
  case real(Double)
  case text(String)
  case blob([UInt8])

  package var isNull: Bool { self == .null }
  package var int: Int { if case .integer(let value) = self { Int(value) } else { 0 } }
  package var double: Double {
    switch self {
    case .real(let value): value
    case .integer(let value): Double(value)
    default: .nan
    }
  }
  package var string: String { if case .text(let value) = self { value } else { "" } }
  package var bytes: [UInt8]? { if case .blob(let value) = self { value } else { nil } }

  /// 64 bits as SQLite's signed integer.
  package static func bits(_ value: UInt64) -> SQLValue { .integer(Int64(bitPattern: value)) }
  package var bits: UInt64 { UInt64(bitPattern: Int64(int)) }
  /// SQLite has no NaN: it is stored as null and read as NaN.
  package static func number(_ value: Double) -> SQLValue { value.isNaN ? .null : .real(value) }
}

/// A connection to one SQLite file, with prepared statements kept; used by one thread at a time.
package final class Database: @unchecked Sendable {
  private var handle: OpaquePointer?
  private var statements: [String: OpaquePointer] = [:]
  private let name: String
  /// Called after every statement; tests end the process there.
  package var afterStatement: (() -> Void)?

  /// Opens or makes a file; nil is a database in memory.
  ///
  /// - Throws: `.io` when it cannot be opened.
  package init(path: String?, isReadOnly: Bool = false) throws(Failure) {
    name = path ?? "in memory"
    let flags =
      isReadOnly ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
    // Of a file with such a name SQLite makes something else: ":memory:", "file:a?mode=memory".
    let isSpecial = path.map { $0.hasPrefix(":") || $0.hasPrefix("file:") } ?? false
    let place = isSpecial ? "./" + name : path ?? ":memory:"
    guard
      sqlite3_open_v2(place, &handle, flags | SQLITE_OPEN_NOMUTEX, nil) == SQLITE_OK
    else {
      let failure = failure(sqlite3_extended_errcode(handle))
      sqlite3_close_v2(handle)
      handle = nil
      throw failure
    }
    sqlite3_busy_timeout(handle, 5000)
  }

  deinit { close() }

  /// Ends the connection; everything committed is in the file.
  package func close() {
    for statement in statements.values { sqlite3_finalize(statement) }
    statements = [:]
    if handle != nil { sqlite3_close_v2(handle) }
    handle = nil
  }

  /// Runs one statement and returns its rows.
  ///
  /// - Throws: `.busy`, `.format` for a damaged file, `.io`, or `.internal` for wrong SQL.
  @discardableResult
  package func run(_ sql: String, _ values: [SQLValue] = []) throws(Failure) -> [[SQLValue]] {
    let statement = try prepared(sql)
    defer {
      sqlite3_reset(statement)
      sqlite3_clear_bindings(statement)
    }
    for (index, value) in values.enumerated() {
      let code = bind(value, to: statement, at: Int32(index + 1))
      guard code == SQLITE_OK else { throw failure(code) }
    }
    var rows: [[SQLValue]] = []
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { break }
      guard code == SQLITE_ROW else { throw failure(code) }
      rows.append((0..<sqlite3_column_count(statement)).map { column(statement, $0) })
    }
    afterStatement?()
    return rows
  }

  /// Runs statements that all take effect or none.
  package func transaction(_ body: () throws(Failure) -> Void) throws(Failure) {
    try run("BEGIN IMMEDIATE")
    do {
      try body()
      try run("COMMIT")
    } catch {
      // The first failure is the one to report; a failed rollback leaves nothing committed either.
      _ = try? run("ROLLBACK")
      throw error
    }
  }

  private func prepared(_ sql: String) throws(Failure) -> OpaquePointer {
    if let known = statements[sql] { return known }
    var made: OpaquePointer?
    let code = sqlite3_prepare_v2(handle, sql, -1, &made, nil)
    guard code == SQLITE_OK, let made else { throw failure(code) }
    statements[sql] = made
    return made
  }

  /// Tells SQLite to copy what is bound.
  private static let copies = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

  private func bind(_ value: SQLValue, to statement: OpaquePointer, at index: Int32) -> Int32 {
    switch value {
    case .null: sqlite3_bind_null(statement, index)
    case .integer(let value): sqlite3_bind_int64(statement, index, value)
    case .real(let value): sqlite3_bind_double(statement, index, value)
    case .text(let value):
      sqlite3_bind_text64(
        statement, index, value, UInt64(value.utf8.count), Self.copies, UInt8(SQLITE_UTF8))
    case .blob(let value):
      value.isEmpty
        ? sqlite3_bind_zeroblob(statement, index, 0)
        : sqlite3_bind_blob64(statement, index, value, UInt64(value.count), Self.copies)
    }
  }

  private func column(_ statement: OpaquePointer, _ index: Int32) -> SQLValue {
    switch sqlite3_column_type(statement, index) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
    case SQLITE_FLOAT: return .real(sqlite3_column_double(statement, index))
    case SQLITE_TEXT:
      guard let text = sqlite3_column_text(statement, index) else { return .null }
      let bytes = UnsafeBufferPointer(
        start: text, count: Int(sqlite3_column_bytes(statement, index)))
      return .text(String(decoding: bytes, as: UTF8.self))
    case SQLITE_BLOB:
      guard let bytes = sqlite3_column_blob(statement, index) else { return .blob([]) }
      return .blob(
        [UInt8](
          UnsafeRawBufferPointer(
            start: bytes, count: Int(sqlite3_column_bytes(statement, index)))))
    default: return .null
    }
  }

  private func failure(_ code: Int32) -> Failure {
    let reason = handle.flatMap { sqlite3_errmsg($0) }.map { String(cString: $0) } ?? "no memory"
    switch code & 0xFF {
    case SQLITE_BUSY, SQLITE_LOCKED:
      return Failure(.busy, "\(name) is in use by another process (\(reason)); wait or close it")
    case SQLITE_NOTADB, SQLITE_CORRUPT, SQLITE_FORMAT, SQLITE_MISMATCH, SQLITE_ERROR:
      return Failure(.format, "\(name) is no readable study (\(reason)); name another file")
    case SQLITE_NOMEM: return Failure(.outOfMemory, "no memory for \(name)")
    default:
      return Failure(.io, "\(name) cannot be used (\(reason)); check the path and its permissions")
    }
  }
}
