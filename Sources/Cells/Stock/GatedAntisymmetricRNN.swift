extension StockCell {
  /// The same with a gate of the same matrix.
  static let gatedAntisymmetricRNN = StockCell(
    name: "antisymmetric_rnn_gated",
    equations: """
      a  = matrix(A, h) - transposed(A, h) - 0.01 * h
      h' = h + 0.01 * sigmoid(linear(x) + a) * tanh(linear(x) + a)
      """,
    source: "Chang et al. 2019, arXiv:1902.09689",
    notes: "Step and damping are 0.01.")
}
