extension StockCell {
  /// An LSTM with nothing but the forget gate.
  static let janet = StockCell(
    name: "janet",
    equations: """
      a  = linear(x, h)
      n  = tanh(linear(x, h))
      h' = sigmoid(a) * h + (1 - sigmoid(a - 1)) * n
      """,
    source: "van der Westhuizen and Lasenby 2018, arXiv:1804.04849, with beta = 1",
    notes: "The paper starts the bias of a from the length of the task (chrono "
      + "initialisation); 1 is ours.",
    initial: ["b[a]": 1], chrono: ["b[a]": 1])
}
