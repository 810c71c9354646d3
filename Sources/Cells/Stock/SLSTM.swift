extension StockCell {
  /// LSTM with exponential gates, a normaliser and a stabiliser.
  static let sLSTM = StockCell(
    name: "slstm",
    equations: """
      i  = linear(x, h)
      f  = linear(x, h)
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      l  = m - softplus(-f)
      m' = max(l, i)
      c' = exp(l - m') * c + exp(i - m') * g
      n' = exp(l - m') * n + exp(i - m')
      h' = o * c' / n'
      """,
    source: "Beck et al. 2024, arXiv:2405.04517 (xLSTM)",
    notes: "With one head: its recurrent matrices are whole. log sigmoid(f) is -softplus(-f), "
      + "finite for every f. m begins at 0 where the authors take i in the first step: the outputs "
      + "are the same unless i is below l by more than 87 there.",
    initial: ["b[f]": 1])
}
