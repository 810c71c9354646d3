extension StockCell {
  /// Gated recurrence, and a gated path from the input to the output.
  static let intersectionRNN = StockCell(
    name: "intersection_rnn",
    equations: """
      g  = sigmoid(linear(x, s))
      s' = blend(g, s, tanh(linear(x, s)))
      u  = sigmoid(linear(x, s))
      h' = blend(u, product(x), relu(linear(x, s)))
      """,
    source: "Collins, Sohl-Dickstein and Sussillo 2016, arXiv:1611.09913 (+RNN)",
    notes: "The way from the input has a matrix, for inputs of another size than the state.")
}
