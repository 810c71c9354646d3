/// Random numbers for a matrix in strips [ceil(rows / 16)][columns][16].
///
/// Element (n, k) becomes low + span * u, where u is the number of `Philox` at the index
/// `first` + n * `columns` + k, in [0, 1) or, where `isSigned`, twice that less 1. Pad lanes become 0.
package struct UniformFill {
  package var destination: UnsafeMutablePointer<Float>
  package var rows: Int
  package var columns: Int
  package var seed: UInt64
  package var purpose: UInt64
  package var first: UInt64
  package var low: Float
  package var span: Float
  package var isSigned: Bool

  package init(
    destination: UnsafeMutablePointer<Float>, rows: Int, columns: Int, seed: UInt64,
    purpose: UInt64, first: UInt64, low: Float, span: Float, isSigned: Bool
  ) {
    self.destination = destination
    self.rows = rows
    self.columns = columns
    self.seed = seed
    self.purpose = purpose
    self.first = first
    self.low = low
    self.span = span
    self.isSigned = isSigned
  }
}
