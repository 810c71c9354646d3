extension StockCell {
  /// The plain cell with a product of its two maps beside their sum.
  static let miRNN = StockCell(
    name: "mi_rnn",
    equations: """
      a  = product(x)
      b  = product(h)
      h' = tanh(vector(p_a) * a * b + vector(p_x) * a + vector(p_h) * b + vector(p_b))
      """,
    source: "Wu et al. 2016, arXiv:1606.06630",
    notes: "The paper starts alpha from 1 or 2 and beta from 0.5 or 1.",
    initial: ["p_a": 1, "p_x": 0.5, "p_h": 0.5, "p_b": 0])
}
