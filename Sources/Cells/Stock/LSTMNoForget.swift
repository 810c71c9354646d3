extension StockCell {
  /// The first LSTM, whose memory forgets nothing.
  static let lstmNoForget = StockCell(
    name: "lstm_noforget",
    equations: """
      i  = sigmoid(linear(x, h))
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      c' = c + i * g
      h' = o * tanh(c')
      """,
    source: "Hochreiter and Schmidhuber 1997, Long short-term memory")
}
