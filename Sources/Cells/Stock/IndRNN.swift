extension StockCell {
  /// Units that see their own past alone.
  static let indRNN = StockCell(
    name: "indrnn",
    equations: """
      h' = relu(linear(x) + vector(u) * h)
      """,
    source: "Li et al. 2018, arXiv:1803.04831",
    notes: "Without the bound on u, which depends on the length of the task.",
    initial: ["u": 1])
}
