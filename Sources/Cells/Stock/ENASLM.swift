extension StockCell {
  /// The cell that comes with enas_lm.
  static let enasLM = StockCell(
    name: "enas_lm",
    equations: """
      g0 = sigmoid(product(x, h))
      u0 = tanh(product(x, h))
      s0 = blend(g0, u0, h)
      g1 = sigmoid(product(s0))
      u1 = sigmoid(product(s0))
      s1 = blend(g1, u1, s0)
      g2 = sigmoid(product(s1))
      u2 = tanh(product(s1))
      s2 = blend(g2, u2, s1)
      g3 = sigmoid(product(s2))
      u3 = relu(product(s2))
      s3 = blend(g3, u3, s2)
      g4 = sigmoid(product(s2))
      u4 = sigmoid(product(s2))
      s4 = blend(g4, u4, s2)
      g5 = sigmoid(product(s4))
      u5 = tanh(product(s4))
      s5 = blend(g5, u5, s4)
      g6 = sigmoid(product(s5))
      u6 = tanh(product(s5))
      s6 = blend(g6, u6, s5)
      g7 = sigmoid(product(s3))
      u7 = sigmoid(product(s3))
      s7 = blend(g7, u7, s3)
      g8 = sigmoid(product(s6))
      u8 = sigmoid(product(s6))
      s8 = blend(g8, u8, s6)
      h' = mean(s1, s2, s3, s4, s5, s6, s7, s8)
      """,
    source: "google-research/enas_lm, a cell of 8 nodes found after Pham et al. 2018, "
      + "arXiv:1802.03268",
    notes: "No biases, as there.")
}
