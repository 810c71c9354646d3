extension StockCell {
  /// The gated recurrent unit, reset before the product.
  static let gru = StockCell(
    name: "gru",
    equations: """
      z  = sigmoid(linear(x, h))
      r  = sigmoid(linear(x, h))
      n  = tanh(linear(x, r * h))
      h' = blend(z, h, n)
      """,
    source: "Cho et al. 2014, arXiv:1406.1078, equations 5 to 8",
    notes: "The reset comes before the recurrent product; torch's GRU, which resets after "
      + "it, is gru_reset_after.",
    chrono: ["b[z]": 1])
}
