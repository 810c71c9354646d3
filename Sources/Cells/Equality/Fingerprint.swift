extension Cell {
  /// A hash of what the cell computes: its outputs on fixed inputs, in double precision and rounded.
  ///
  /// Weights follow from the part that each parameter plays (`Labelling`, here told by outputs), not from
  /// its name or place, so that two writings of one function agree, those too whose equality takes
  /// more than the algebra of `Canonical`. Different functions differ unless they agree to 5 digits.
  package var fingerprint: UInt64 { storedFingerprint { Fingerprint.compute(graph, canonical) } }
}

private enum Fingerprint {
  static func compute(_ graph: Graph, _ canonical: Canonical) -> UInt64 {
    var multiple = 1
    for parameter in graph.parameters {
      guard case .matrix(_, _, let blocks) = parameter.shape else { continue }
      multiple = leastCommonMultiple(multiple, blocks)
      // Blocks that need huge vectors: the digest has to do.
      if multiple > 64 { return canonical.digest[0] }
    }
    let hidden = multiple * ((3 + multiple) / multiple)
    let input = multiple == 1 ? 3 : hidden + multiple
    let interpreter = Interpreter(
      graph, inputSize: graph.nodes[0].size == .hidden ? hidden : input, hiddenSize: hidden)
    let labelling = Labelling(
      shapes: graph.objectShapes, budget: 200_000 / max(1, graph.nodes.count)
    ) { outcome(interpreter, $0, steps: 1) }
    return outcome(interpreter, labelling.labels, steps: 3)
  }

  /// Runs the cell with weights and first states made from labels.
  private static func outcome(
    _ interpreter: Interpreter, _ labels: [UInt64], steps: Int
  ) -> UInt64 {
    let graph = interpreter.graph
    let parameters = graph.parameters.enumerated().map { index, parameter in
      numbers(labels[index], count: interpreter.count(parameter))
    }
    let stateLabels = [0x68] + labels.dropFirst(graph.parameters.count)
    let states = zip(graph.states, stateLabels).map { state, label in
      numbers(label, count: interpreter.count(state.size))
    }
    let inputs = (0..<steps).map { step in
      numbers(0x78 &+ UInt64(step) << 8, count: interpreter.inputSize)
    }
    let history = interpreter.run(parameters: parameters, inputs: inputs, states: states)
    var sum: UInt64 = 0
    for (step, states) in history.enumerated() {
      for (label, values) in zip(stateLabels, states) {
        sum = sum &+ stableHash([label, UInt64(step)] + values.map(rounded))
      }
    }
    // Which parameters there are counts too, even where they cancel out.
    for label in labels { sum = sum &+ stableHash([label, 0x70]) }
    return sum
  }

  /// Numbers between -1 and 1 that follow from a seed.
  private static func numbers(_ seed: UInt64, count: Int) -> [Double] {
    (0..<count).map { Double(Int64(bitPattern: stableHash([seed, UInt64($0)])) >> 11) * 0x1p-52 }
  }

  /// The bits of a number rounded to 5 digits, so that the order of additions does not show.
  private static func rounded(_ value: Double) -> UInt64 {
    guard value.isFinite else { return value.isNaN ? 1 : value > 0 ? 2 : 3 }
    guard value.magnitude > 1e-6 else { return 0 }
    let unit = Double(sign: .plus, exponent: value.exponent - 17, significand: 1)
    return ((value / unit).rounded() * unit).bitPattern
  }

  private static func leastCommonMultiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return a / x * b
  }
}
