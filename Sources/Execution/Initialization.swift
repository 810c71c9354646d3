import Cells
import Glibc
import Kernels

/// How weights start.
package struct Initialization: Hashable, Sendable {
  /// The biases that a cell's source starts open, like an LSTM's forget gate.
  package enum ForgetBias: Hashable, Sendable {
    /// Like the other biases.
    case none
    /// As the cell's source says; with a range given, like the other biases.
    case suggested
    case value(Double)
  }
  /// Everything uniform in ±range; nil: weights in ±1/sqrt(hidden size), biases 0.
  package var range: Double?
  package var forgetBias: ForgetBias

  /// The longest dependency in time steps, above 2, by which the gates' biases of cells that have such
  /// start; nil for their usual start.
  package var chrono: Double?

  /// How square matrices that read a state start; nil: as the cell's source says, or uniform.
  package var recurrent: RecurrentStart?

  package init(
    range: Double? = nil, forgetBias: ForgetBias = .suggested, chrono: Double? = nil,
    recurrent: RecurrentStart? = nil
  ) {
    self.recurrent = recurrent
    self.range = range
    self.forgetBias = forgetBias
    self.chrono = chrono
  }

  /// log(u) with u uniform from 1 to T - 1 for each unit, the same for the gates of one layer, with a
  /// sign (Tallec and Ollivier 2018, arXiv:1804.11188, equation 16).
  func chronoBiases(
    _ count: Int, sign: Double, _ seed: UInt64, _ part: NetworkPart
  ) -> [Float] {
    let purpose = 0x6368_726F_0000 &+ UInt64(2 * part.layer + (part.isReversed ? 1 : 0))
    let random = Philox(seed: seed, purpose: purpose)
    return (0..<count).map { unit in
      let u = 1 + ((chrono ?? 2) - 2) * Double(random.uniform(UInt64(unit)))
      return Float(sign * log(u))
    }
  }

  /// The start of a bias or vector for which the cell suggests a value, or nil for the usual start.
  func value(suggested: Double?, isBias: Bool) -> Double? {
    guard let suggested else { return nil }
    // A forget gate's bias is one that starts above zero.
    guard isBias, suggested > 0 else { return range == nil ? suggested : nil }
    switch forgetBias {
    case .none: return nil
    case .suggested: return range == nil ? suggested : nil
    case .value(let value): return value
    }
  }
}

extension RecurrentStart {
  /// The identity, or rows of normal numbers made orthogonal, row-major [size, size].
  func matrix(_ size: Int, _ random: Philox, _ first: UInt64) -> [Float] {
    guard self == .orthogonal else {
      return (0..<size * size).map { $0 % (size + 1) == 0 ? 1 : 0 }
    }
    var matrix = (0..<size * size).map { Double(random.normal(first &+ UInt64($0))) }
    matrix.withUnsafeMutableBufferPointer { matrix in
      // Gram and Schmidt's way, modified: in double precision nothing is lost that a float would show.
      for row in 0..<size {
        let own = UnsafeMutableBufferPointer(rebasing: matrix[row * size..<(row + 1) * size])
        let norm = dot(own, own).squareRoot()
        for column in own.indices { own[column] /= norm }
        for later in row + 1..<max(size, row + 1) {
          let other = UnsafeMutableBufferPointer(
            rebasing: matrix[later * size..<(later + 1) * size])
          let share = dot(own, other)
          for column in own.indices { other[column] -= share * own[column] }
        }
      }
    }
    return matrix.map { Float($0) }
  }

  /// The scalar product, in eight sums so that the processor adds several at a time.
  private func dot(
    _ a: UnsafeMutableBufferPointer<Double>, _ b: UnsafeMutableBufferPointer<Double>
  ) -> Double {
    var sums = SIMD8<Double>.zero
    let whole = a.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 { sums[lane] += a[start + lane] * b[start + lane] }
    }
    return (whole..<a.count).reduce(sums.sum()) { $0 + a[$1] * b[$1] }
  }
}
