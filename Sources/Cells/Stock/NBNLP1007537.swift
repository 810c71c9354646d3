extension StockCell {
  /// The best random cell of NAS-Bench-NLP.
  static let nbnlp1007537 = StockCell(
    name: "nbnlp_1007537",
    equations: """
      a  = sigmoid(linear(h, x))
      g' = sigmoid(linear(x, a))
      b  = tanh(linear(a, g'))
      d  = blend(g, h, b)
      h' = blend(a, d, g')
      """,
    source: "Klyuchnikov et al. 2020, arXiv:2006.07116, recipe 1007537")
}
