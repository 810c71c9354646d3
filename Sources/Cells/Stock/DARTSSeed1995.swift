extension StockCell {
  /// A cell of second-order DARTS with another seed.
  static let dartsSeed1995 = StockCell(
    name: "darts_seed1995",
    equations: """
      g0 = sigmoid(product(x, h))
      u0 = tanh(product(x, h))
      s0 = blend(g0, u0, h)
      g1 = sigmoid(product(s0))
      u1 = tanh(product(s0))
      s1 = blend(g1, u1, s0)
      g2 = sigmoid(product(s0))
      u2 = relu(product(s0))
      s2 = blend(g2, u2, s0)
      g3 = sigmoid(product(s1))
      u3 = tanh(product(s1))
      s3 = blend(g3, u3, s1)
      g4 = sigmoid(product(s1))
      u4 = tanh(product(s1))
      s4 = blend(g4, u4, s1)
      g5 = sigmoid(product(s2))
      u5 = tanh(product(s2))
      s5 = blend(g5, u5, s2)
      g6 = sigmoid(product(s5))
      u6 = relu(product(s5))
      s6 = blend(g6, u6, s5)
      g7 = sigmoid(product(s2))
      u7 = tanh(product(s2))
      s7 = blend(g7, u7, s2)
      g8 = sigmoid(product(s1))
      u8 = tanh(product(s1))
      s8 = blend(g8, u8, s1)
      h' = mean(s1, s2, s3, s4, s5, s6, s7, s8)
      """,
    source: "Yu et al. 2019, arXiv:1902.08142, seed 1995 of Liu, Simonyan and Yang's search",
    notes: "No biases, as there.")
}
