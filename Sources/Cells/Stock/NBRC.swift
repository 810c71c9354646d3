extension StockCell {
  /// A bistable cell whose feedback is modulated by other units.
  static let nbrc = StockCell(
    name: "nbrc",
    equations: """
      a  = 1 + tanh(linear(x, h))
      g  = sigmoid(linear(x, h))
      h' = blend(g, h, tanh(linear(x) + a * h))
      """,
    source: "Vecoven, Ernst and Drion 2020, arXiv:2006.05252")
}
