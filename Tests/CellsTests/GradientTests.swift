import Cells
import Support
import Testing

/// The reference that the plan is held to is itself held to finite differences here.
@Suite struct GradientTests {
  static let tolerance = 1e-6

  @Test("each operation's derivative is its value's slope", arguments: Operation.all.map(\.name))
  func operationDerivative(name: String) throws {
    let operation = try #require(Operation.named(name))
    var random = TestRandom(seed: 7)
    var checked = 0
    for count in Set([operation.operandCount.lowerBound, min(operation.operandCount.upperBound, 5)])
    {
      for _ in 0..<20 {
        let operands = (0..<count).map { _ in random.numbers(6, 4) }
        let gradient = random.numbers(6, 1)
        let interpreter = Interpreter(Graph(), inputSize: 6, hiddenSize: 6)
        let loss = { (operands: [[Double]]) in
          zip(interpreter.evaluate(operation, operands, count: 6), gradient).map { $0 * $1 }
        }
        let result = interpreter.evaluate(operation, operands, count: 6)
        let parts = ReferenceGradient.derivatives(
          operation, operands, result: result, gradient: gradient)
        #expect(parts.count == count)
        for operand in 0..<count {
          for element in 0..<6 {
            let at = { (step: Double) in
              var moved = operands
              moved[operand][element] += step
              return loss(moved).enumerated().filter { !$0.element.isNaN || $0.offset == element }
                .reduce(0) { $0 + $1.element }
            }
            guard let slope = slope(at), slope.isFinite else { continue }
            checked += 1
            let error = abs(slope - parts[operand][element])
            #expect(
              error <= Self.tolerance * max(1, abs(slope)),
              "\(name) operand \(operand) at \(operands.map { $0[element] })")
          }
        }
      }
    }
    #expect(checked >= 50, "only \(checked) points were smooth")
  }

  /// The slope at 0 by central differences; nil at a kink, where the two sides differ.
  private func slope(_ f: (Double) -> Double) -> Double? {
    let step = 1e-5
    let (below, here, above) = (f(-step), f(0), f(step))
    let (left, right) = ((here - below) / step, (above - here) / step)
    guard abs(left - right) <= 1e-3 * max(1, abs(left)) else { return nil }
    let (twoBelow, twoAbove) = (f(-2 * step), f(2 * step))
    return (8 * (above - below) - (twoAbove - twoBelow)) / (12 * step)
  }

  @Test(
    "the reference gradient of a stock cell agrees with finite differences",
    arguments: StockCell.all.map(\.name))
  func stockCellGradient(name: String) throws {
    try check(try Cell.stock(name), seed: 11, inputSize: 3, hiddenSize: 4)
  }

  @Test("the reference gradient of a random cell agrees with finite differences", arguments: 0..<50)
  func randomCellGradient(seed: Int) throws {
    let usesBlocks = seed % 3 == 0
    let cell = try randomCell(seed: UInt64(seed), usesBlocks: usesBlocks)
    try check(cell, seed: UInt64(seed), inputSize: usesBlocks ? 2 : 3, hiddenSize: 4)
    let joining = try randomCell(seed: UInt64(seed), usesBlocks: usesBlocks, joinsInput: true)
    try check(joining, seed: UInt64(seed), inputSize: 4, hiddenSize: 4)
  }

  /// Compares all gradients of a random linear loss of the outputs and final states over 3 steps.
  private func check(_ cell: Cell, seed: UInt64, inputSize: Int, hiddenSize: Int) throws {
    var random = TestRandom(seed: seed &+ 1000)
    let graph = cell.graph
    let interpreter = Interpreter(graph, inputSize: inputSize, hiddenSize: hiddenSize)
    // Everything that the loss depends on, in one list: parameters, inputs, first states.
    var variables = graph.parameters.map { random.numbers(interpreter.count($0), 0.8) }
    let steps = 3
    variables += (0..<steps).map { _ in random.numbers(inputSize, 1) }
    let sizes = graph.states.map { interpreter.count($0.size) }
    variables += sizes.map { random.numbers($0, 1) }
    let outputs = (0..<steps).map { _ in random.numbers(hiddenSize, 1) }
    let finals = sizes.map { random.numbers($0, 1) }

    let run = { (variables: [[Double]]) in
      let count = graph.parameters.count
      return ReferenceRun(
        interpreter, parameters: Array(variables[..<count]),
        inputs: Array(variables[count..<count + steps]),
        initialStates: Array(variables[(count + steps)...]))
    }
    let loss = { (variables: [[Double]]) in
      let result = run(variables)
      let terms = zip(result.outputs + result.finalStates, outputs + finals)
      return terms.reduce(0.0) { $0 + zip($1.0, $1.1).reduce(0.0) { $0 + $1.0 * $1.1 } }
    }
    let gradient = ReferenceGradient(run(variables), outputs: outputs, finalStates: finals)
    let found = gradient.parameters + gradient.inputs + gradient.initialStates
    var kinks = 0
    var checked = 0
    for array in variables.indices {
      for element in variables[array].indices {
        let slope = slope { step in
          var moved = variables
          moved[array][element] += step
          return loss(moved)
        }
        guard let slope else {
          kinks += 1
          continue
        }
        checked += 1
        let error = abs(slope - found[array][element])
        #expect(
          error <= Self.tolerance * max(0.1, abs(slope)),
          "seed \(seed), array \(array), element \(element): \(found[array][element]) for \(slope)\n\(cell.equations)"
        )
      }
    }
    #expect(kinks * 50 <= checked, "seed \(seed): \(kinks) kinks among \(checked)")
  }
}
