/// Random numbers for a matrix in strips [ceil(rows / 16)][columns][16].
///
/// Element (n, k) becomes low + span * u, where u is the number of `Philox` at the index
/// `first` + n * `columns` + k, in [0, 1) or, where `isSigned`, twice that less 1. Pad lanes become 0.
public struct UniformFill {
  public var destination: UnsafeMutablePointer<Float>
  public var rows: Int
  public var columns: Int
  public var seed: UInt64
  public var purpose: UInt64
  public var first: UInt64
  public var low: Float
  public var span: Float
  public var isSigned: Bool

  public init(
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
