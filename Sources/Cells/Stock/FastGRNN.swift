extension StockCell {
  /// Gate and candidate share their matrices.
  static let fastGRNN = StockCell(
    name: "fastgrnn",
    equations: """
      p  = product(x, h)
      z  = sigmoid(p + vector(b_z))
      n  = tanh(p + vector(b_n))
      h' = (sigmoid(scalar(zeta)) * (1 - z) + sigmoid(scalar(nu))) * n + z * h
      """,
    source: "Kusupati et al. 2018, arXiv:1901.02358",
    notes: "Starts as in the authors' EdgeML.",
    initial: ["b_z": 1, "b_n": 1, "zeta": 1, "nu": -4])
}
