extension StockCell {
  /// The simple recurrent network.
  static let elman = StockCell(
    name: "elman",
    equations: """
      h' = tanh(linear(x, h))
      """,
    source: "Elman 1990, Finding structure in time; torch's RNN with tanh",
    torch: TorchPacking(gates: ["h'"]))
}
