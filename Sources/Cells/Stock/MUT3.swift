extension StockCell {
  /// The third of the three cells found by mutation.
  static let mut3 = StockCell(
    name: "mut3",
    equations: """
      z  = sigmoid(linear(x, tanh(h)))
      r  = sigmoid(linear(x, h))
      n  = tanh(linear(x, r * h))
      h' = blend(z, n, h)
      """,
    source: "Jozefowicz, Zaremba and Sutskever 2015, An empirical exploration of recurrent "
      + "network architectures")
}
