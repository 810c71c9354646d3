extension StockCell {
  /// Gates from this input and the one before, without the state.
  static let qrnn = StockCell(
    name: "qrnn",
    equations: """
      n  = tanh(linear(x, p))
      f  = sigmoid(linear(x, p))
      o  = sigmoid(linear(x, p))
      p' = x
      c' = blend(f, c, n)
      h' = o * c'
      """,
    source: "Bradbury et al. 2016, arXiv:1611.01576, fo-pooling, a window of 2")
}
