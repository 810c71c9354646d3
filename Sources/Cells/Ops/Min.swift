extension Operation {
  /// The smaller of a and b, element by element; where equal, the gradient goes to b.
  package static let min = Operation(
    name: "min", operandCount: 2...2,
    rule: .elementwise(
      value: { a in .make(.minimum, a[0], a[1]) },
      derivative: { a, _, g in
        let first = g * .make(.greater, a[1], a[0])
        return [first, g - first]
      }),
    isCommutative: true,
    notation: Notation(
      latex: "\\min\\left({0}, {1}\\right)", torch: "torch.minimum({0}, {1})",
      jax: "jnp.minimum({0}, {1})", c: "fminf_({0}, {1})",
      onnx: "Min"))
}
