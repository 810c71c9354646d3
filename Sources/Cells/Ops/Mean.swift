extension Operation {
  /// The mean of any number of operands, element by element (not over the elements).
  package static let mean = Operation(
    name: "mean", operandCount: 1...64,
    rule: .elementwise(
      value: { a in
        let sum = a.dropFirst().reduce(a[0], +)
        return .make(.scale, sum, k: 1 / Double(a.count))
      },
      derivative: { a, _, g in
        [Expression](repeating: .make(.scale, g, k: 1 / Double(a.count)), count: a.count)
      }),
    isCommutative: true,
    notation: Notation(
      latex: "\\mathrm{mean}\\left({*}\\right)",
      torch: "torch.stack(torch.broadcast_tensors({*})).mean(0)",
      jax: "jnp.stack(jnp.broadcast_arrays({*})).mean(0)",
      c: "mean({*})",
      onnx: "Mean({*})"))
}
