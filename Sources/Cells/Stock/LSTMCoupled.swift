extension StockCell {
  /// LSTM whose input gate is one minus the forget gate.
  static let lstmCoupled = StockCell(
    name: "lstm_cifg",
    equations: """
      f  = sigmoid(linear(x, h))
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      c' = blend(f, c, g)
      h' = o * tanh(c')
      """,
    source: "Greff et al. 2015, arXiv:1503.04069 (coupled input and forget gate)",
    initial: ["b[f]": 1], chrono: ["b[f]": 1])
}
