extension StockCell {
  /// A step of a stable differential equation.
  static let antisymmetricRNN = StockCell(
    name: "antisymmetric_rnn",
    equations: """
      h' = h + 0.01 * tanh(linear(x) + matrix(A, h) - transposed(A, h) - 0.01 * h)
      """,
    source: "Chang et al. 2019, arXiv:1902.09689",
    notes: "Step and damping are 0.01.")
}
