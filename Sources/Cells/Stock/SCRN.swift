extension StockCell {
  /// A slow state beside a plain one.
  static let scrn = StockCell(
    name: "scrn",
    equations: """
      s' = 0.05 * product(x) + 0.95 * s
      v' = sigmoid(product(s', x, v))
      h' = product(v', s')
      """,
    source: "Mikolov et al. 2014, arXiv:1412.7753",
    notes: "The paper's softmax reads both states; here h is a map of them.")
}
