import Cells
import Kernels

/// Random equations that together use all of the language: every operation, several states (also of the
/// input's size), fresh, shared, transposed and block-diagonal matrices, vectors, scalars, constants.
///
/// All values stay of moderate size, so that finite differences are accurate. Blocks are of 2: use even
/// sizes where `usesBlocks`, which is off otherwise. With `joinsInput` values are made of x itself too, which
/// most often needs equal sizes.
package func randomEquations(
  seed: UInt64, usesBlocks: Bool = false, joinsInput: Bool = false
) -> String {
  var writer = RandomEquations(seed: seed, usesBlocks: usesBlocks, joinsInput: joinsInput)
  return writer.write()
}

/// The cell of `randomEquations`.
package func randomCell(
  seed: UInt64, usesBlocks: Bool = false, joinsInput: Bool = false
) throws(Failure) -> Cell {
  try Cell(
    parsing: randomEquations(seed: seed, usesBlocks: usesBlocks, joinsInput: joinsInput))
}

private struct RandomEquations {
  private var random: TestRandom
  private let usesBlocks: Bool
  private let joinsInput: Bool
  private var lines: [String] = []
  /// Names of hidden-sized values, and which of them nothing reads yet.
  private var values: [String] = []
  private var unread: [String] = []
  private var parameterCount = 0
  private var sharedMatrices: [String] = []
  private let operations = Operation.all.filter { $0.notation.text == nil || $0.name != "identity" }

  init(seed: UInt64, usesBlocks: Bool, joinsInput: Bool) {
    random = TestRandom(seed: seed)
    self.joinsInput = joinsInput
    self.usesBlocks = usesBlocks
  }

  mutating func write() -> String {
    let states = ["h"] + ["c", "d"].prefix(random.pick([0, 0, 1, 1, 2]))
    values = states
    unread = Array(states.dropFirst())
    if joinsInput {
      values.append("x")
      unread.append("x")
    }
    let keepsInput = random.chance(0.25)
    let count = Int.random(in: 3...10, using: &random)
    define("v0", "linear(x, h)")
    for index in 1...count {
      let value = random.chance(0.35) ? map() : operation()
      define("v\(index)", value)
    }
    if keepsInput {
      lines.append("k' = 0.5 * k + x")
      define("kept", "linear(k, tanh(x))")
    }
    for state in states.dropFirst() {
      lines.append("\(state)' = tanh(\(operand(\.self))) * 0.9 + 0.1 * \(state)")
      if random.chance(0.5) { values.append("\(state)'") }
    }
    // Whatever is still unread goes into the output.
    let rest = unread.isEmpty ? [operand(\.self)] : unread
    lines.append("h' = tanh(mean(\(rest.joined(separator: ", ")), h))")
    return lines.joined(separator: "\n")
  }

  private mutating func define(_ name: String, _ value: String) {
    lines.append("\(name) = \(value)")
    values.append(name)
    unread.append(name)
  }

  /// The name of a value, which counts as read.
  private mutating func operand(_ form: (String) -> String) -> String {
    let name = random.chance(0.5) && !unread.isEmpty ? random.pick(unread) : random.pick(values)
    unread.removeAll { $0 == name }
    return form(name)
  }

  /// A value made with parameters.
  private mutating func map() -> String {
    let a = operand(\.self)
    parameterCount += 1
    switch Int.random(in: 0..<9, using: &random) {
    case 0: return "linear(x, \(a))"
    case 1: return "product(\(a)) + vector(p\(parameterCount))"
    case 2: return "vector(p\(parameterCount)) * \(a)"
    case 3: return "scalar(p\(parameterCount)) * \(a) + 0.25"
    case 4:
      sharedMatrices.append("M\(parameterCount)")
      let name = "M\(parameterCount)"
      return "tanh(matrix(\(name), \(a))) - transposed(\(name), \(a))"
    case 5 where !sharedMatrices.isEmpty: return "matrix(\(random.pick(sharedMatrices)), \(a) / 2)"
    case 6 where usesBlocks: return "linear(\(a), blocks=2)"
    case 7: return "transposed(M\(parameterCount), tanh(\(a))) + product(x)"
    default: return "linear(\(a), 0.5 * \(a) * h)"
    }
  }

  /// An operation of the table on values, kept where it is defined and moderate.
  private mutating func operation() -> String {
    let operation = random.pick(operations)
    let upper = min(operation.operandCount.upperBound, 4)
    let count = Int.random(in: operation.operandCount.lowerBound...upper, using: &random)
    var operands = (0..<count).map { _ in operand(\.self) }
    switch operation.name {
    case "log", "sqrt": operands[0] = "1 + square(\(operands[0]))"
    case "divide": operands[1] = "1.5 + tanh(\(operands[1]))"
    case "exp", "square", "selu": operands[0] = "tanh(\(operands[0]))"
    case "multiply": operands[1] = "sigmoid(\(operands[1]))"
    case "blend": operands[0] = "sigmoid(\(operands[0]))"
    default: break
    }
    return "\(operation.name)(\(operands.joined(separator: ", ")))"
  }
}
