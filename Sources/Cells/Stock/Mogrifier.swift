extension StockCell {
  /// LSTM whose input and state gate each other for five rounds first.
  static let mogrifier = StockCell(
    name: "mogrifier",
    equations: """
      x1 = 2 * sigmoid(linear(h)) * x
      h1 = 2 * sigmoid(linear(x1)) * h
      x2 = 2 * sigmoid(linear(h1)) * x1
      h2 = 2 * sigmoid(linear(x2)) * h1
      x3 = 2 * sigmoid(linear(h2)) * x2
      i  = sigmoid(linear(x3, h2))
      f  = sigmoid(linear(x3, h2))
      g  = tanh(linear(x3, h2))
      o  = sigmoid(linear(x3, h2))
      c' = f * c + i * g
      h' = o * tanh(c')
      """,
    source: "Melis, Kocisky and Blunsom 2019, arXiv:1909.01792, equations 1 and 2, five "
      + "rounds",
    notes: "Full-rank matrices.",
    initial: ["b[f]": 1])
}
