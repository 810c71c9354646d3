extension StockCell {
  /// The gated recurrent unit of torch and cuDNN, reset after the product.
  static let gruResetAfter = StockCell(
    name: "gru_reset_after",
    equations: """
      r  = sigmoid(linear(x, h))
      z  = sigmoid(linear(x, h))
      m  = linear(h)
      n  = tanh(linear(x) + r * m)
      h' = blend(z, h, n)
      """,
    source: "torch.nn.GRU; cuDNN's variant of Cho et al. 2014, arXiv:1406.1078",
    notes: "Gates in torch's order r, z, n; m is the recurrent part of the candidate with "
      + "its own bias.",
    chrono: ["b[z]": 1], torch: .resetAfter)
}

extension TorchPacking {
  /// The candidate's recurrent part stands apart, with the one bias of `bias_hh` that cannot be added
  /// to its partner.
  fileprivate static var resetAfter: TorchPacking {
    var packing = TorchPacking(gates: ["r", "z", "n"])
    packing.stateWeights[2] = "W[m, h]"
    packing.stateBiases[2] = "b[m]"
    return packing
  }
}
