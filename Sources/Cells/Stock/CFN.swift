extension StockCell {
  /// Two gates and no chaos: without input the state goes to zero.
  static let cfn = StockCell(
    name: "cfn",
    equations: """
      f  = sigmoid(linear(x, h))
      i  = sigmoid(linear(x, h))
      h' = f * tanh(h) + i * tanh(product(x))
      """,
    source: "Laurent and von Brecht 2016, arXiv:1612.06212",
    notes: "The paper starts the bias of f at 1 and that of i at -1.",
    initial: ["b[f]": 1, "b[i]": -1])
}
