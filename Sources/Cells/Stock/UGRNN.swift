extension StockCell {
  /// The update gate RNN.
  static let ugrnn = StockCell(
    name: "ugrnn",
    equations: """
      g  = sigmoid(linear(x, h))
      n  = tanh(linear(x, h))
      h' = blend(g, h, n)
      """,
    source: "Collins, Sohl-Dickstein and Sussillo 2016, arXiv:1611.09913",
    notes: "The update gate starts open.",
    initial: ["b[g]": 1])
}
