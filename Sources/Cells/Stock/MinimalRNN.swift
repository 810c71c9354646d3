extension StockCell {
  /// A gate alone between the state and a map of the input.
  static let minimalRNN = StockCell(
    name: "minimal_rnn",
    equations: """
      p  = tanh(linear(x))
      u  = sigmoid(linear(h, p))
      h' = blend(u, h, p)
      """,
    source: "Chen 2017, arXiv:1711.06788")
}
