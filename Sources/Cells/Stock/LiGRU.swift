extension StockCell {
  /// GRU without a reset gate, and with relu.
  static let liGRU = StockCell(
    name: "ligru",
    equations: """
      z  = sigmoid(linear(x, h))
      h' = blend(z, h, relu(linear(x, h)))
      """,
    source: "Ravanelli et al. 2018, arXiv:1803.10225",
    notes: "Without the paper's batch normalisation of the maps of x.",
    recurrent: .orthogonal)
}
