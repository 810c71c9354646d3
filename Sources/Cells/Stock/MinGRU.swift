extension StockCell {
  /// GRU whose gate and candidate do not see the state.
  static let minGRU = StockCell(
    name: "mingru",
    equations: """
      z  = sigmoid(linear(x))
      h' = blend(z, linear(x), h)
      """,
    source: "Feng et al. 2024, arXiv:2410.01201")
}
