extension StockCell {
  /// LSTM with multiplicative integration in each of its maps.
  static let miLSTM = StockCell(
    name: "mi_lstm",
    equations: """
      ix = product(x)
      ih = product(h)
      i  = sigmoid(vector(a_i) * ix * ih + vector(p_i) * ix + vector(q_i) * ih + vector(b_i))
      fx = product(x)
      fh = product(h)
      f  = sigmoid(vector(a_f) * fx * fh + vector(p_f) * fx + vector(q_f) * fh + vector(b_f))
      gx = product(x)
      gh = product(h)
      g  = tanh(vector(a_g) * gx * gh + vector(p_g) * gx + vector(q_g) * gh + vector(b_g))
      ox = product(x)
      oh = product(h)
      o  = sigmoid(vector(a_o) * ox * oh + vector(p_o) * ox + vector(q_o) * oh + vector(b_o))
      c' = f * c + i * g
      h' = o * tanh(c')
      """,
    source: "Wu et al. 2016, arXiv:1606.06630",
    notes: "As the paper changes LSTM and GRU: every sum of two maps.",
    initial: [
      "a_i": 1, "p_i": 0.5, "q_i": 0.5, "b_i": 0, "a_f": 1, "p_f": 0.5, "q_f": 0.5, "b_f": 1,
      "a_g": 1, "p_g": 0.5, "q_g": 0.5, "b_g": 0, "a_o": 1, "p_o": 0.5, "q_o": 0.5, "b_o": 0,
    ])
}
