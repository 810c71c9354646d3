extension StockCell {
  /// All matrices at the input, so that they run over time at once.
  static let sru = StockCell(
    name: "sru",
    equations: """
      u  = product(x)
      f  = sigmoid(linear(x) + vector(p_f) * c)
      r  = sigmoid(linear(x) + vector(p_r) * c)
      c' = blend(f, c, u)
      h' = blend(r, c', product(x))
      """,
    source: "Lei et al. 2017, arXiv:1709.02755, version 5",
    notes: "The skip has a matrix, for inputs of another size than the state.")
}
