extension StockCell {
  /// A bistable cell: each unit feeds back on itself alone.
  static let brc = StockCell(
    name: "brc",
    equations: """
      a  = 1 + tanh(linear(x) + vector(p_a) * h)
      g  = sigmoid(linear(x) + vector(p_g) * h)
      h' = blend(g, h, tanh(linear(x) + a * h))
      """,
    source: "Vecoven, Ernst and Drion 2020, arXiv:2006.05252")
}
