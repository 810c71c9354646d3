extension StockCell {
  /// A plain cell with a weighted residual connection.
  static let fastRNN = StockCell(
    name: "fastrnn",
    equations: """
      h' = sigmoid(scalar(alpha)) * tanh(linear(x, h)) + sigmoid(scalar(beta)) * h
      """,
    source: "Kusupati et al. 2018, arXiv:1901.02358",
    notes: "Starts as in the authors' EdgeML.",
    initial: ["alpha": -3, "beta": 3])
}
