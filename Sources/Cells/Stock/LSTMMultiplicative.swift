extension StockCell {
  /// LSTM whose recurrent matrix depends on the input.
  static let lstmMultiplicative = StockCell(
    name: "lstm_multiplicative",
    equations: """
      m  = product(x) * product(h)
      i  = sigmoid(linear(x, m))
      f  = sigmoid(linear(x, m))
      g  = tanh(linear(x, m))
      o  = sigmoid(linear(x, m))
      c' = f * c + i * g
      h' = o * tanh(c')
      """,
    source: "Krause et al. 2016, arXiv:1609.07959",
    initial: ["b[f]": 1])
}
