extension Operation {
  /// The larger of a and b, element by element; where equal, the gradient goes to b.
  package static let max = Operation(
    name: "max", operandCount: 2...2,
    rule: .elementwise(
      value: { a in .make(.maximum, a[0], a[1]) },
      derivative: { a, _, g in
        let first = g * .make(.greater, a[0], a[1])
        return [first, g - first]
      }),
    isCommutative: true,
    notation: Notation(
      latex: "\\max\\left({0}, {1}\\right)", torch: "torch.maximum({0}, {1})",
      jax: "jnp.maximum({0}, {1})", c: "fmaxf_({0}, {1})",
      onnx: "Max"))
}
