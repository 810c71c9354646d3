extension StockCell {
  /// The minimal gated unit: one gate that forgets and resets.
  static let minimalGRU = StockCell(
    name: "minimal_gru",
    equations: """
      f  = sigmoid(linear(x, h))
      n  = tanh(linear(x, f * h))
      h' = blend(f, n, h)
      """,
    source: "Zhou et al. 2016, arXiv:1603.09420 (MGU)")
}
