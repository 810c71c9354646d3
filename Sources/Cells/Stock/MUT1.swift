extension StockCell {
  /// The first of the three cells found by mutation.
  static let mut1 = StockCell(
    name: "mut1",
    equations: """
      z  = sigmoid(linear(x))
      r  = sigmoid(linear(x, h))
      n  = tanh(linear(r * h) + tanh(product(x)))
      h' = blend(z, n, h)
      """,
    source: "Jozefowicz, Zaremba and Sutskever 2015, An empirical exploration of recurrent "
      + "network architectures",
    notes: "The paper adds tanh(x) as it is, which needs inputs of the hidden size; here x "
      + "has a matrix.")
}
