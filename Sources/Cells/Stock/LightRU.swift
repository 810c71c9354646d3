extension StockCell {
  /// A gate alone between the state and the input.
  static let lightRU = StockCell(
    name: "lightru",
    equations: """
      f  = sigmoid(linear(x, h))
      h' = blend(f, tanh(product(x)), h)
      """,
    source: "Light Recurrent Unit, as RecurrentLayers.jl has it")
}
