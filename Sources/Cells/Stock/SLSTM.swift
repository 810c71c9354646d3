extension StockCell {
  /// LSTM with exponential gates, a normaliser and a stabiliser.
  static let sLSTM = StockCell(
    name: "slstm",
    equations: """
      i  = linear(x, h)
      f  = linear(x, h)
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      l  = log(sigmoid(f)) + m
      m' = max(l, i)
      c' = exp(l - m') * c + exp(i - m') * g
      n' = exp(l - m') * n + exp(i - m')
      h' = o * c' / n'
      """,
    source: "Beck et al. 2024, arXiv:2405.04517 (xLSTM)",
    notes: "With one head: its recurrent matrices are whole.",
    initial: ["b[f]": 1])
}
