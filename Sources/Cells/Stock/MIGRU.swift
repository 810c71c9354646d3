extension StockCell {
  /// GRU with multiplicative integration in each of its maps.
  static let miGRU = StockCell(
    name: "mi_gru",
    equations: """
      zx = product(x)
      zh = product(h)
      z  = sigmoid(vector(a_z) * zx * zh + vector(p_z) * zx + vector(q_z) * zh + vector(b_z))
      rx = product(x)
      rh = product(h)
      r  = sigmoid(vector(a_r) * rx * rh + vector(p_r) * rx + vector(q_r) * rh + vector(b_r))
      nx = product(x)
      nh = product(r * h)
      n  = tanh(vector(a_n) * nx * nh + vector(p_n) * nx + vector(q_n) * nh + vector(b_n))
      h' = blend(z, h, n)
      """,
    source: "Wu et al. 2016, arXiv:1606.06630",
    notes: "As the paper changes LSTM and GRU: every sum of two maps.",
    initial: [
      "a_z": 1, "p_z": 0.5, "q_z": 0.5, "b_z": 0, "a_r": 1, "p_r": 0.5, "q_r": 0.5, "b_r": 0,
      "a_n": 1, "p_n": 0.5, "q_n": 0.5, "b_n": 0,
    ])
}
