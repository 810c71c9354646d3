extension StockCell {
  /// LSTM whose gates do not see the state, and sum to 1.
  static let minLSTM = StockCell(
    name: "minlstm",
    equations: """
      f  = sigmoid(linear(x))
      i  = sigmoid(linear(x))
      h' = f / (f + i) * h + i / (f + i) * linear(x)
      """,
    source: "Feng et al. 2024, arXiv:2410.01201")
}
