extension StockCell {
  /// The cell that neural architecture search found first (base 8).
  static let nasCell = StockCell(
    name: "nascell",
    equations: """
      p0 = sigmoid(product(x, h))
      p1 = relu(product(x, h))
      p2 = sigmoid(product(x, h))
      p3 = relu(product(x) * product(h))
      p4 = tanh(product(x, h))
      p5 = sigmoid(product(x, h))
      p6 = tanh(product(x, h))
      p7 = sigmoid(product(x, h))
      q0 = tanh(tanh(p0 * p1) + c)
      q1 = tanh(p2 + p3)
      q2 = tanh(p4 * p5)
      q3 = sigmoid(p6 + p7)
      c' = q0 * q1
      h' = tanh(c' * tanh(q2 + q3))
      """,
    source: "Zoph and Le 2016, arXiv:1611.01578; TensorFlow's NASCell",
    notes: "No biases, as there. p3 multiplies its two products, where some copies add "
      + "them.")
}
