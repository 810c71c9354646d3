extension StockCell {
  /// Two states on time scales that are learned.
  static let lem = StockCell(
    name: "lem",
    equations: """
      d1 = sigmoid(linear(x, h))
      d2 = sigmoid(linear(x, h))
      z' = blend(d2, tanh(linear(x, h)), z)
      h' = blend(d1, tanh(linear(x, z')), h)
      """,
    source: "Rusch et al. 2021, arXiv:2110.04744, with a step of 1")
}
