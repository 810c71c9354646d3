import Kernels
import Testing

/// A matrix in strips whose pad lanes, and rows around it, hold NaN.
final class Strips {
  let rows: Int
  let columns: Int
  let stripStride: Int
  private let memory: Buffer<Float>
  var base: UnsafeMutablePointer<Float> { memory.base + 16 }
  var strips: Int { (columns + 15) / 16 }

  /// - Parameter rowsAround: rows of NaN behind each strip, as in a view of some rows.
  init(rows: Int, columns: Int, rowsAround: Int = 1, pad: Float = .nan) throws {
    (self.rows, self.columns) = (rows, columns)
    stripStride = (rows + rowsAround) * 16
    memory = try Buffer(count: (columns + 15) / 16 * stripStride + 32)
    memory.all.update(repeating: pad)
  }

  subscript(row: Int, column: Int) -> Float {
    get { base[(column >> 4) * stripStride + row * 16 + column & 15] }
    set { base[(column >> 4) * stripStride + row * 16 + column & 15] = newValue }
  }

  /// Fills with numbers uniform in -1 ..< 1.
  func randomize(_ random: Philox) {
    for row in 0..<rows {
      for column in 0..<columns {
        self[row, column] = 2 * random.uniform(UInt64(row * columns + column)) - 1
      }
    }
  }

  /// Bits of all elements, to compare without tolerance.
  var bits: [UInt32] {
    (0..<rows).flatMap { row in (0..<columns).map { self[row, $0].bitPattern } }
  }

  var isPaddingZero: Bool {
    (0..<rows).allSatisfy { row in (columns..<strips * 16).allSatisfy { self[row, $0] == 0 } }
  }
}

/// The tables to test, by a name that a failure prints.
let tables = KernelTable.all
let sizes = [1, 2, 15, 16, 17, 31, 200]

extension KernelTable: CustomTestStringConvertible {
  public var testDescription: String { instructionSet.rawValue }
}
