extension StockCell {
  /// The recurrent cell that DARTS found with first-order gradients.
  static let dartsV1 = StockCell(
    name: "darts_v1",
    equations: """
      g0 = sigmoid(product(x, h))
      u0 = tanh(product(x, h))
      s0 = blend(g0, u0, h)
      g1 = sigmoid(product(s0))
      u1 = relu(product(s0))
      s1 = blend(g1, u1, s0)
      g2 = sigmoid(product(s1))
      u2 = relu(product(s1))
      s2 = blend(g2, u2, s1)
      g3 = sigmoid(product(s2))
      u3 = tanh(product(s2))
      s3 = blend(g3, u3, s2)
      g4 = sigmoid(product(s3))
      u4 = relu(product(s3))
      s4 = blend(g4, u4, s3)
      g5 = sigmoid(product(s4))
      u5 = relu(product(s4))
      s5 = blend(g5, u5, s4)
      g6 = sigmoid(product(s1))
      u6 = product(s1)
      s6 = blend(g6, u6, s1)
      g7 = sigmoid(product(s5))
      u7 = relu(product(s5))
      s7 = blend(g7, u7, s5)
      g8 = sigmoid(product(s1))
      u8 = relu(product(s1))
      s8 = blend(g8, u8, s1)
      h' = mean(s1, s2, s3, s4, s5, s6, s7, s8)
      """,
    source: "Liu, Simonyan and Yang 2018, arXiv:1806.09055, recurrent cell, first order",
    notes: "No biases, as there. s0 mixes x and h; each node is a highway step from one "
      + "earlier node.")
}
