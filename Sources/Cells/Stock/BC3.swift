extension StockCell {
  /// A cell that grew from its output.
  static let bc3 = StockCell(
    name: "bc3_recalled",
    equations: """
      f  = sigmoid(linear(x, h))
      z  = product(product(c) * product(x)) * product(x)
      c' = tanh(blend(f, linear(x), z))
      o  = sigmoid(linear(x, h))
      h' = blend(o, c', h)
      """,
    source: "Schrimpf et al. 2017, arXiv:1712.07316",
    notes: "From memory: not checked against the paper.")
}
