extension StockCell {
  /// Oscillators that are not connected within their layer.
  static let unICORNN = StockCell(
    name: "unicornn",
    equations: """
      z' = z - 0.1 * sigmoid(vector(p_c)) * (tanh(vector(p_w) * h + linear(x)) + h)
      h' = h + 0.1 * sigmoid(vector(p_c)) * z'
      """,
    source: "Rusch and Mishra 2021, arXiv:2103.05487",
    notes: "The step of 0.1 and the damping of 1 are ours; the paper tunes both.")
}
