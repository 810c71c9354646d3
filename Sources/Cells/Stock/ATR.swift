extension StockCell {
  /// Twin gates from the sum and the difference of the same two maps.
  static let atr = StockCell(
    name: "atr",
    equations: """
      p  = linear(x)
      q  = product(h)
      h' = sigmoid(p + q) * p + sigmoid(p - q) * h
      """,
    source: "Zhang et al. 2018, arXiv:1810.12546")
}
