extension StockCell {
  /// LSTM whose maps and memory are normalised over the units.
  static let lstmLayerNorm = StockCell(
    name: "lstm_layernorm",
    equations: """
      i  = sigmoid(vector(p_i) * layernorm(product(x)) + vector(q_i) * layernorm(product(h)) + vector(b_i))
      f  = sigmoid(vector(p_f) * layernorm(product(x)) + vector(q_f) * layernorm(product(h)) + vector(b_f))
      g  = tanh(vector(p_g) * layernorm(product(x)) + vector(q_g) * layernorm(product(h)) + vector(b_g))
      o  = sigmoid(vector(p_o) * layernorm(product(x)) + vector(q_o) * layernorm(product(h)) + vector(b_o))
      c' = f * c + i * g
      h' = o * tanh(vector(p_c) * layernorm(c') + vector(b_c))
      """,
    source: "Ba, Kiros and Hinton 2016, arXiv:1607.06450",
    notes: "Each gate is normalised by itself, where the paper takes the four together.",
    initial: [
      "p_i": 1, "q_i": 1, "b_i": 0, "p_f": 1, "q_f": 1, "b_f": 1, "p_g": 1, "q_g": 1, "b_g": 0,
      "p_o": 1, "q_o": 1, "b_o": 0, "p_c": 1, "b_c": 0,
    ])
}
