extension StockCell {
  /// The recurrent highway network of depth 3.
  static let rhn = StockCell(
    name: "rhn",
    equations: """
      u1 = tanh(linear(x, h))
      t1 = sigmoid(linear(x, h))
      s1 = blend(t1, u1, h)
      u2 = tanh(linear(s1))
      t2 = sigmoid(linear(s1))
      s2 = blend(t2, u2, s1)
      u3 = tanh(linear(s2))
      t3 = sigmoid(linear(s2))
      h' = blend(t3, u3, s2)
      """,
    source: "Zilly et al. 2016, arXiv:1607.03474, equations 6 to 8, coupled gates",
    notes: "Depth 3; The transform gates start closed.",
    initial: ["b[t1]": -2, "b[t2]": -2, "b[t3]": -2])
}
