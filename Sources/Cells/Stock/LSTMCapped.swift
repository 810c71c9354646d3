extension StockCell {
  /// LSTM that takes in no more than it forgets.
  static let lstmCapped = StockCell(
    name: "lstm_capped",
    equations: """
      i  = sigmoid(linear(x, h))
      f  = sigmoid(linear(x, h))
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      c' = f * c + min(1 - f, i) * g
      h' = o * tanh(c')
      """,
    source: "Melis, Dyer and Blunsom 2017, arXiv:1707.05589",
    notes: "As the authors' code caps the input gate.",
    initial: ["b[f]": 1])
}
