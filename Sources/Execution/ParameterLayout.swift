import Kernels

/// Where each learned array of a model lives in one flat buffer of floats.
///
/// Weights, their gradients and the optimiser's moments share the layout, so that an update is one
/// pass over memory. Matrices are kept as column strips (see `Kernels`): [ceil(N/16)][K][16].
package struct ParameterLayout: Sendable {
  package private(set) var entries: [ParameterEntry] = []
  /// The length of the flat buffer, in floats; a multiple of 16.
  package private(set) var floatCount = 0
  private var indices: [String: Int] = [:]

  package init() {}

  /// Adds a matrix that maps `columns` inputs to `rows` outputs, block-diagonal when `blocks` > 1.
  ///
  /// - Returns: the index of its entry.
  /// - Throws: `.limit` when the model becomes larger than one array may be, `.invalidArgument` for a
  ///   name that is taken or a size that `blocks` does not divide.
  @discardableResult
  package mutating func addMatrix(
    _ name: String, rows: Int, columns: Int, blocks: Int = 1, role: ParameterEntry.Role = .weight
  ) throws(Failure) -> Int {
    guard blocks >= 1, rows % blocks == 0, columns % blocks == 0 else {
      throw .invalid(
        "\(name) of \(rows) x \(columns) cannot be cut into \(blocks) blocks; "
          + "use sizes that are multiples of \(blocks)")
    }
    return try add(
      ParameterEntry(
        name: name, rows: rows, columns: columns, blocks: blocks, role: role, offset: floatCount),
      floats: rows.strips.multipliedReportingOverflow(by: 16 * columns))
  }

  /// Adds a vector of `count` elements.
  @discardableResult
  package mutating func addVector(
    _ name: String, count: Int, role: ParameterEntry.Role
  ) throws(Failure) -> Int {
    try add(
      ParameterEntry(
        name: name, rows: count, columns: 1, blocks: 1, role: role, offset: floatCount),
      floats: count.strips.multipliedReportingOverflow(by: 16))
  }

  /// The entry of that name, or nil.
  package subscript(name: String) -> ParameterEntry? { indices[name].map { entries[$0] } }

  /// The number of learned values, without padding.
  package var parameterCount: Int { entries.reduce(0) { $0 + $1.count } }

  private mutating func add(
    _ entry: ParameterEntry, floats: (partialValue: Int, overflow: Bool)
  ) throws(Failure) -> Int {
    guard indices[entry.name] == nil else {
      throw .invalid("two parameters are called '\(entry.name)'; give each its own name")
    }
    let limit = Limits.bufferBytes / MemoryLayout<Float>.stride
    guard !floats.overflow, floats.partialValue <= limit - floatCount else {
      throw Failure(
        .limit,
        "\(entry.name) of \(entry.rows) x \(entry.columns) makes the model larger than "
          + "\(Limits.bufferBytes) bytes; use smaller sizes")
    }
    indices[entry.name] = entries.count
    entries.append(entry)
    floatCount += floats.partialValue
    return entries.count - 1
  }
}

/// One learned array: its name, shape and place.
package struct ParameterEntry: Hashable, Sendable {
  package enum Role: Hashable, Sendable {
    case weight, bias, vector, scalar
  }
  package let name: String
  /// Outputs N of a matrix; elements of a vector.
  package let rows: Int
  /// Inputs K of a matrix; 1 for a vector.
  package let columns: Int
  package let blocks: Int
  package let role: Role
  /// First float in the flat buffer.
  package let offset: Int

  /// The shape that users see: [N, K / blocks] or [N].
  package var shape: [Int] { role == .weight ? [rows, columns / blocks] : [rows] }
  /// The number of learned values, without padding.
  package var count: Int { rows * (columns / blocks) }
  /// Floats that it takes in the buffer, with padding.
  package var floatCount: Int { rows.strips * 16 * columns }

  /// Offset of element (n, k) of the row-major [N, K / blocks] array in the flat buffer.
  package func place(_ n: Int, _ k: Int) -> Int {
    let column = blocks == 1 ? k : n / (rows / blocks) * (columns / blocks) + k
    return offset + (n / 16 * columns + column) * 16 + n % 16
  }
}

extension Int {
  /// How many strips of 16 hold this many columns.
  package var strips: Int { (self + 15) / 16 }
}

/// Values for every entry of a layout: weights, gradients, or an optimiser's moments.
package final class ParameterBuffer: @unchecked Sendable {
  package let layout: ParameterLayout
  package let values: Buffer<Float>
  /// Counts the changes, so that what is derived from the values (transposes) knows when it is old.
  package var version: UInt64 = 1

  /// All zeros.
  package init(_ layout: ParameterLayout) throws(Failure) {
    self.layout = layout
    self.values = try Buffer(count: layout.floatCount)
  }

  /// The row-major values [N, K] (or [N]) of an entry.
  package func read(_ entry: ParameterEntry) -> [Float] {
    [Float](unsafeUninitializedCapacity: entry.count) { array, count in
      read(entry, into: array.baseAddress)
      count = entry.count
    }
  }

  /// Copies the row-major values of an entry to `destination`, of `entry.count` floats.
  package func read(_ entry: ParameterEntry, into destination: UnsafeMutablePointer<Float>?) {
    guard let destination else { return }
    let width = entry.columns / entry.blocks
    for n in 0..<entry.rows {
      let row = values.base + entry.place(n, 0)
      for k in 0..<width { destination[n &* width &+ k] = row[k &* 16] }
    }
  }

  /// Sets an entry from row-major values of `entry.count` floats.
  package func write(_ entry: ParameterEntry, from source: UnsafePointer<Float>) {
    let width = entry.columns / entry.blocks
    for n in 0..<entry.rows {
      let row = values.base + entry.place(n, 0)
      for k in 0..<width { row[k &* 16] = source[n &* width &+ k] }
    }
    version &+= 1
  }

  /// Sets an entry to random numbers: its i-th row-major value is that at the index `first` + i, as
  /// low + span * u with u in [0, 1); without `low`, span * u with u in [-1, 1).
  package func randomize(
    _ entry: ParameterEntry, _ random: Philox, first: UInt64 = 0, low: Float? = nil, span: Float
  ) {
    if entry.blocks == 1 {
      var call = uniformFill(entry, random, first: first, low: low, span: span)
      KernelTable.current.fillUniform(&call)
      version &+= 1
    } else {
      // As one column, which lies in memory like the row-major values.
      var flat = [Float](repeating: 0, count: entry.count.strips * 16)
      var call = uniformFill(entry, random, first: first, low: low, span: span)
      (call.rows, call.columns) = (entry.count, 1)
      flat.withUnsafeMutableBufferPointer { flat in
        guard let base = flat.baseAddress else { return }
        call.destination = base
        KernelTable.current.fillUniform(&call)
      }
      write(entry, from: flat)
    }
  }

  /// The call that does as `randomize`, for an entry of one block.
  func uniformFill(
    _ entry: ParameterEntry, _ random: Philox, first: UInt64, low: Float?, span: Float
  ) -> UniformFill {
    UniformFill(
      destination: values.base + entry.offset, rows: entry.rows, columns: entry.columns,
      seed: random.seed, purpose: random.purpose, first: first, low: low ?? 0, span: span,
      isSigned: low == nil)
  }

  /// Copies all values of a buffer with the same layout.
  package func copy(from other: ParameterBuffer) {
    values.base.update(from: other.values.base, count: min(values.count, other.values.count))
    version &+= 1
  }

  /// Sets the pad lanes of an entry, and what lies outside its blocks, to zero.
  ///
  /// Gradients need it: the pad lanes of activations may hold anything, even NaN.
  package func clearPadding(_ entry: ParameterEntry) {
    let base = values.base + entry.offset
    if entry.rows % 16 != 0 {
      let last = base + (entry.rows.strips &- 1) &* entry.columns &* 16
      for k in 0..<entry.columns {
        for lane in (entry.rows % 16)..<16 { last[k &* 16 &+ lane] = 0 }
      }
    }
    guard entry.blocks > 1 else { return }
    let height = entry.rows / entry.blocks
    let width = entry.columns / entry.blocks
    // Strip by strip and in the order in which they lie: 5 % of a training with small batches otherwise.
    for strip in 0..<entry.rows.strips {
      let lanes = min(16, entry.rows &- strip &* 16)
      for k in 0..<entry.columns {
        let column = base + (strip &* entry.columns &+ k) &* 16
        // The lane of the block's first row, if it were in this strip.
        let first = k / width &* height &- strip &* 16
        for lane in 0..<min(max(first, 0), lanes) { column[lane] = 0 }
        for lane in min(max(first &+ height, 0), lanes)..<lanes { column[lane] = 0 }
      }
    }
  }
}

extension ParameterBuffer {
  /// Adds `scale` times a buffer of the same layout: with gradients and minus a learning rate, a step of
  /// gradient descent.
  ///
  /// - Throws: `.invalidArgument` for another layout or a scale that single precision does not hold,
  ///   `.diverged` when `other` or the sum holds a value that is not finite; nothing is changed then.
  package func add(_ other: ParameterBuffer, scale: Double) throws(Failure) {
    guard scale.isFinite, Float(scale).isFinite else {
      throw .invalid(
        "a scale of \(scale) is over what single precision holds; pass a smaller number")
    }
    guard layout.entries == other.layout.entries else {
      throw .invalid("the parameters have another layout; add what has the same names and shapes")
    }
    guard other.isFinite else {
      throw Failure(
        .diverged,
        "what is to be added holds a value that is not finite; use a smaller learning rate")
    }
    let factor = Float(scale)
    let isSound = (0..<values.count).allSatisfy {
      (values.base[$0] + factor * other.values.base[$0]).isFinite
    }
    guard isSound else {
      throw Failure(.diverged, "a sum of parameters is not finite; use a smaller scale")
    }
    for index in 0..<values.count { values.base[index] += factor * other.values.base[index] }
    version &+= 1
  }

  /// Whether every value is a finite number.
  package var isFinite: Bool { areFinite(values.base, count: values.count) }
}
