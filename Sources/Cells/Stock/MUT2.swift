extension StockCell {
  /// The second of the three cells found by mutation.
  static let mut2 = StockCell(
    name: "mut2",
    equations: """
      z  = sigmoid(linear(x, h))
      r  = sigmoid(linear(x, h))
      n  = tanh(linear(x, r * h))
      h' = blend(z, n, h)
      """,
    source: "Jozefowicz, Zaremba and Sutskever 2015, An empirical exploration of recurrent "
      + "network architectures",
    notes: "The paper adds x as it is to r, which needs inputs of the hidden size; here x "
      + "has a matrix, which leaves a GRU with its update gate the other way round.")
}
