extension StockCell {
  /// A weighted sum of the inputs so far, without recurrence in its content.
  static let ran = StockCell(
    name: "ran",
    equations: """
      i  = sigmoid(linear(x, h))
      f  = sigmoid(linear(x, h))
      c' = i * linear(x) + f * c
      h' = tanh(c')
      """,
    source: "Lee, Levy and Zettlemoyer 2017, arXiv:1705.07393",
    notes: "With tanh at the output; the paper has identity too.")
}
