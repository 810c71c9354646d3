/// Everything that can go wrong, in one place: the C status codes and the Python exceptions are made
/// from it.
///
/// The message says what was wrong, with the value, and then the remedy, in lower case and without a
/// full stop: `hidden size -3 is not positive; pass a size from 1 to 65536`.
package struct Failure: Error, Equatable, Sendable {
  /// What kind of failure it is; the raw values are the C status codes and never change.
  package enum Kind: Int32, CaseIterable, Sendable {
    /// An argument is out of range, of the wrong shape, or not known by that name.
    case invalidArgument = 1
    /// Equations, a genotype or a recipe that cannot be read; `line` and `column` say where.
    case parse = 2
    /// Memory could not be had.
    case outOfMemory = 3
    /// A file could not be opened, read, written or renamed.
    case io = 4
    /// A file's contents are not what they should be.
    case format = 5
    /// A size, depth or count is over a limit that guards the process.
    case limit = 6
    /// A callback asked to stop; what was done until then is kept.
    case cancelled = 7
    /// The loss or a weight is no longer finite.
    case diverged = 8
    /// The object cannot do this now: a study of another corpus, a proposal told twice.
    case state = 9
    /// Another process or thread holds it.
    case busy = 10
    /// A mistake of the library itself.
    case `internal` = 11
  }

  package var kind: Kind
  package var message: String
  /// 1-based place in the text of a `.parse` failure, else 0.
  package var line: Int
  package var column: Int

  package init(_ kind: Kind, _ message: String, line: Int = 0, column: Int = 0) {
    self.kind = kind
    self.message = message
    self.line = line
    self.column = column
  }

  package static func invalid(_ message: String) -> Failure { Failure(.invalidArgument, message) }
}
