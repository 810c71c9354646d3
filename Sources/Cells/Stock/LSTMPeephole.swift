extension StockCell {
  /// LSTM whose gates see the cell state through learned vectors.
  static let lstmPeephole = StockCell(
    name: "lstm_peephole",
    equations: """
      i  = sigmoid(linear(x, h) + vector(p_i) * c)
      f  = sigmoid(linear(x, h) + vector(p_f) * c)
      g  = tanh(linear(x, h))
      c' = f * c + i * g
      o  = sigmoid(linear(x, h) + vector(p_o) * c')
      h' = o * tanh(c')
      """,
    source: "Gers and Schmidhuber 2000, Recurrent nets that time and count",
    notes: "The input and forget gates see the previous cell state, the output gate the "
      + "next one.",
    initial: ["b[f]": 1], chrono: ["b[f]": 1, "b[i]": -1])
}
