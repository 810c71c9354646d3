extension StockCell {
  /// A gate inside of the activation.
  static let sgrn = StockCell(
    name: "sgrn",
    equations: """
      f  = sigmoid(linear(x, h))
      h' = tanh(blend(f, h, product(x)))
      """,
    source: "Self-gated recurrent unit, as RecurrentLayers.jl has it")
}
