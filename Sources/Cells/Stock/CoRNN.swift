extension StockCell {
  /// A network of oscillators.
  static let coRNN = StockCell(
    name: "cornn",
    equations: """
      z' = z + 0.042 * (tanh(linear(x, h, z)) - 2.7 * h - 4.7 * z)
      h' = h + 0.042 * z'
      """,
    source: "Rusch and Mishra 2020, arXiv:2010.00951",
    notes: "Step, frequency and damping as the authors' code has them for sequential digits.")
}
