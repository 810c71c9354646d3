extension StockCell {
  /// One gate between the state and the input, for deep stacks.
  static let star = StockCell(
    name: "star",
    equations: """
      k  = sigmoid(linear(x, h))
      h' = tanh(blend(k, tanh(linear(x)), h))
      """,
    source: "Turkoglu et al. 2019, arXiv:1911.11033")
}
