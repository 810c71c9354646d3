extension StockCell {
  /// Long short-term memory with a forget gate.
  static let lstm = StockCell(
    name: "lstm",
    equations: """
      i  = sigmoid(linear(x, h))
      f  = sigmoid(linear(x, h))
      g  = tanh(linear(x, h))
      o  = sigmoid(linear(x, h))
      c' = f * c + i * g
      h' = o * tanh(c')
      """,
    source: "Gers, Schmidhuber and Cummins 2000, Learning to forget; gates in torch's order "
      + "i, f, g, o",
    notes: "The forget gate starts open (Jozefowicz et al. 2015).",
    initial: ["b[f]": 1], chrono: ["b[f]": 1, "b[i]": -1],
    torch: TorchPacking(gates: ["i", "f", "g", "o"]))
}
