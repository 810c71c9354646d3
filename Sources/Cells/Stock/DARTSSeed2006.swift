extension StockCell {
  /// A cell of second-order DARTS with another seed.
  static let dartsSeed2006 = StockCell(
    name: "darts_seed2006",
    equations: """
      g0 = sigmoid(product(x, h))
      u0 = tanh(product(x, h))
      s0 = blend(g0, u0, h)
      g1 = sigmoid(product(s0))
      u1 = sigmoid(product(s0))
      s1 = blend(g1, u1, s0)
      g2 = sigmoid(product(s0))
      u2 = sigmoid(product(s0))
      s2 = blend(g2, u2, s0)
      g3 = sigmoid(product(s2))
      u3 = sigmoid(product(s2))
      s3 = blend(g3, u3, s2)
      g4 = sigmoid(product(s0))
      u4 = relu(product(s0))
      s4 = blend(g4, u4, s0)
      g5 = sigmoid(product(s4))
      u5 = sigmoid(product(s4))
      s5 = blend(g5, u5, s4)
      g6 = sigmoid(product(s4))
      u6 = sigmoid(product(s4))
      s6 = blend(g6, u6, s4)
      g7 = sigmoid(product(s6))
      u7 = relu(product(s6))
      s7 = blend(g7, u7, s6)
      g8 = sigmoid(product(s1))
      u8 = relu(product(s1))
      s8 = blend(g8, u8, s1)
      h' = mean(s1, s2, s3, s4, s5, s6, s7, s8)
      """,
    source: "Yu et al. 2019, arXiv:1902.08142, seed 2006 of Liu, Simonyan and Yang's search",
    notes: "No biases, as there.")
}
