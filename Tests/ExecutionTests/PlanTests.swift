import Cells
import Execution
import Kernels
import Support
import Testing

/// The plan against the double-precision interpreter: outputs, final states and every gradient.
@Suite struct PlanTests {
  static let tolerance = 1e-4

  @Test(
    "the plan of a cell around each operation agrees with the interpreter",
    arguments: Operation.all.map(\.name))
  func operation(name: String) throws {
    let operation = try #require(Operation.named(name))
    for count in Set([operation.operandCount.lowerBound, min(operation.operandCount.upperBound, 4)])
    {
      // Operands between 0.6 and 1.4: inside every domain and away from kinks at 0.
      let sources = ["linear(x, h)", "linear(x)", "product(h)", "linear(h) * vector(v)"]
      var lines = (0..<count).map { "a\($0) = 1 + 0.4 * tanh(\(sources[$0]))" }
      let operands = (0..<count).map { "a\($0)" }
      lines.append("y = \(call(operation, operands))")
      lines.append("h' = tanh(0.5 * y + \(operands[count - 1]) * y)")
      try check(lines.joined(separator: "\n"), seed: 3)
      // Straight on what the cell has: in place of a map, on x, on a state, on parameters.
      for source in ["linear(x, h)", "x", "h", "vector(v)", "linear(x)"] where count == 1 {
        let isBounded = ["exp", "log", "sqrt", "divide"].contains(name)
        let inner = isBounded ? "1.5 + tanh(\(source))" : source
        try check(
          "y = \(call(operation, ["\(inner)"]))\nh' = tanh(linear(y, h)) + 0.1 * linear(x)", seed: 4
        )
      }
    }
  }

  private func call(_ operation: Operation, _ operands: [String]) -> String {
    switch operation.name {
    case "add": operands.joined(separator: " + ")
    case "subtract": operands.joined(separator: " - ")
    case "multiply": operands.joined(separator: " * ")
    case "divide": operands.joined(separator: " / ")
    case "negate": "-(\(operands[0]))"
    default: "\(operation.name)(\(operands.joined(separator: ", ")))"
    }
  }

  @Test(
    "the plan of a stock cell agrees with the interpreter", arguments: StockCell.all.map(\.name))
  func stock(name: String) throws {
    try check(try Cell.stock(name).equations, seed: 5)
  }

  @Test("the plan of a random cell agrees with the interpreter", arguments: 0..<50)
  func random(seed: Int) throws {
    let usesBlocks = seed % 3 == 0
    try check(
      randomEquations(seed: UInt64(seed), usesBlocks: usesBlocks), seed: UInt64(seed),
      isEven: usesBlocks)
  }

  @Test(
    "the plan of a random cell that joins x and h agrees with the interpreter", arguments: 0..<30)
  func randomJoining(seed: Int) throws {
    let usesBlocks = seed % 3 == 0
    try check(
      randomEquations(seed: UInt64(seed), usesBlocks: usesBlocks, joinsInput: true),
      seed: UInt64(seed), isEven: usesBlocks)
  }

  @Test(
    "cells that are odd at the edges agree with the interpreter",
    arguments: [
      "h' = h", "h' = linear(x)", "h' = linear(h)", "h' = 0.5 + 0 * h",
      "h' = c\nc' = h + linear(x)", "c' = tanh(linear(x, h, c))\nh' = c'",
      "h' = vector(v)", "h' = scalar(s) * h", "h' = linear(linear(linear(x, h)))",
      "c' = c\nh' = h + c", "y = linear(x)\nh' = tanh(y) * y + relu(h) * exp(0 - y * y)",
      "h' = layernorm(h) + layernorm(linear(x)) * scalar(g)",
      "h' = matrix(M, tanh(transposed(M, h))) + matrix(M, h) + linear(x)",
      "h' = tanh(linear(x, h, h, x * 1))", "c' = linear(h, c)\nd' = c'\nh' = d' * tanh(c') + d",
      "k' = x\nh' = tanh(linear(k, x, h))", "h' = linear(vector(v), h)",
      "h' = layernorm(vector(v)) * h + linear(x)", "h' = x", "h' = x + h", "h' = tanh(x) * x",
      "h' = matrix(M, x) + matrix(M, h)", "s' = 0.9 * s + 0.1 * x\nh' = tanh(linear(x, h)) + s'",
      "h' = blend(sigmoid(linear(x, h)), h, x)", "h' = layernorm(x) + linear(h)",
      "p' = x\nq' = p\nh' = h + q * x",
    ])
  func odd(equations: String) throws { try check(equations, seed: 6) }

  @Test(
    "states that are known before the time loop agree with the interpreter",
    arguments: [
      // QRNN with fo-pooling and windows of 2 and 3 (Bradbury et al. 2017, arXiv:1611.01576).
      """
      z = tanh(linear(x, p))
      f = sigmoid(linear(x, p))
      o = sigmoid(linear(x, p))
      c' = blend(f, c, z)
      h' = o * c'
      p' = x
      """,
      "p' = x\nq' = p\nh' = blend(sigmoid(linear(x, p, q)), h, tanh(linear(x, p, q)))",
      "h' = tanh(linear(x, p))\np' = x", "h' = p\np' = linear(x)",
      "p' = q\nq' = x\nh' = linear(p) + h",
      "p' = tanh(linear(x))\nh' = sigmoid(linear(x, p)) * h + p",
      "p' = tanh(linear(x))\ny = p' * h\nh' = tanh(linear(y, p)) + p'",
      "p' = layernorm(linear(x))\nh' = layernorm(linear(p)) * sigmoid(h)",
      "p' = linear(x)\nh' = tanh(linear(x, h)) + 0 * p",
      "h' = tanh(linear(x))\nc' = c * 0.5 + linear(h)",
      "p' = x\nq' = x\nh' = linear(p) * linear(q) + h",
      "p' = linear(x)\nq' = tanh(p * vector(v))\nr' = p * q + q\nh' = linear(r, h) * vector(w) + q",
      "p' = matrix(M, x)\nh' = tanh(matrix(N, p)) + transposed(N, h) + matrix(M, x)",
      "p' = vector(v)\nh' = p * h + linear(x)", "p' = scalar(s) * linear(x)\nh' = p + h",
    ])
  func hoistedStates(equations: String) throws { try check(equations, seed: 8) }

  private func check(_ equations: String, seed: UInt64, isEven: Bool = false) throws {
    let cell = try Cell(parsing: equations)
    // Matrices with blocks want even sizes, whether or not the caller knows of them.
    let isEven = isEven || (try? cell.parameters(inputSize: 5, hiddenSize: 5)) == nil
    for (shape, kernels) in shapes(isEven: isEven, areEqual: cell.needsEqualSizes) {
      let example = try Case(
        [cell], inputSize: shape.input, hiddenSizes: [shape.hidden], steps: shape.steps,
        batch: shape.batch, lengths: shape.lengths, seed: seed &* 100 &+ UInt64(shape.hidden),
        scale: 1 / Double(max(shape.hidden, 4)).squareRoot())
      let right = example.reference()
      let found = example.named(try example.run(kernels: kernels))
      for (what, values) in found.sorted(by: { $0.key < $1.key }) {
        let wanted = try #require(right[what])
        expectClose(
          values, wanted, Self.tolerance,
          "\(what) on \(kernels.instructionSet) at \(shape), seed \(seed), of\n\(equations)\n")
      }
    }
  }

  private struct Shape {
    var input: Int
    var hidden: Int
    var steps: Int
    var batch: Int
    var lengths: [Int]?
  }

  private func shapes(isEven: Bool, areEqual: Bool) -> [(Shape, KernelTable)] {
    let odd = [
      Shape(input: 3, hidden: 5, steps: 4, batch: 3, lengths: nil),
      Shape(input: 17, hidden: 33, steps: 5, batch: 4, lengths: [2, 5, 0, 3]),
      // Blocks of more sequences than one.
      Shape(input: 2, hidden: 3, steps: 3, batch: 13, lengths: nil),
      Shape(input: 2, hidden: 3, steps: 3, batch: 25, lengths: (0..<25).map { $0 * 7 % 4 }),
      Shape(input: 1, hidden: 1, steps: 3, batch: 1, lengths: nil),
    ]
    let even = [
      Shape(input: 4, hidden: 6, steps: 4, batch: 3, lengths: nil),
      Shape(input: 18, hidden: 34, steps: 5, batch: 4, lengths: [2, 5, 0, 3]),
    ]
    return (isEven ? even : odd).flatMap { shape in
      var shape = shape
      if areEqual { shape.input = shape.hidden }
      return KernelTable.all.map { (shape, $0) }
    }
  }
}
