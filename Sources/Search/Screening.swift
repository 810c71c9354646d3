import Cells
import Glibc

/// Tells in milliseconds, before training, that a cell cannot learn.
package enum Screening {
  static let size = 4
  static let steps = 200
  /// Linear growth stays below it, exponential growth does not.
  static let bound = 1e4

  /// Why a cell is rejected; nil for one that may be trained.
  ///
  /// It runs in double precision with random weights as they start in training, and three times as
  /// large, as training makes them grow: states must stay bounded, the output must depend on x, also when
  /// all states begin as zeros, and on the first state, and a small change of that state must not blow up.
  package static func reason(against cell: Cell) -> String? {
    for scale in [1.0, 3.0] {
      var probe = Probe(cell, scale: scale)
      if let reason = probe.explodes() { return reason }
    }
    var probe = Probe(cell, scale: 1)
    return probe.isDeaf()
  }
}

private struct Probe {
  let interpreter: Interpreter
  let parameters: [[Double]]
  let start: [[Double]]
  var choices = Choices(seed: 0x5C4EE7)

  init(_ cell: Cell, scale: Double) {
    interpreter = Interpreter(
      cell.graph, inputSize: Screening.size, hiddenSize: Screening.size)
    let range = scale / Double(Screening.size).squareRoot()
    var choices = choices
    let interpreter = interpreter
    parameters = cell.graph.parameters.map { parameter in
      (0..<interpreter.count(parameter)).map { _ in choices.number() * range }
    }
    start = cell.graph.states.map { _ in (0..<Screening.size).map { _ in choices.number() * 0.1 } }
    self.choices = choices
  }

  private mutating func input() -> [Double] {
    (0..<Screening.size).map { _ in choices.number() }
  }

  mutating func explodes() -> String? {
    var states = start
    for step in 1...Screening.steps {
      let values = interpreter.step(parameters: parameters, input: input(), states: states)
      states = interpreter.graph.states.map { values[$0.next] }
      for (state, vector) in zip(interpreter.graph.states, states)
      where !vector.allSatisfy({ abs($0) < Screening.bound }) {
        return "the state \(state.name) explodes after \(step) steps"
      }
    }
    return nil
  }

  /// Whether the output is the same whatever x or the first states, or jumps for a small change.
  mutating func isDeaf() -> String? {
    let inputs = (0..<8).map { _ in input() }
    let others = inputs.map { $0.map { -$0 } }
    let nearby = start.map { $0.map { $0 + 1e-4 } }
    let base = interpreter.run(parameters: parameters, inputs: inputs, states: start)
    let turned = interpreter.run(parameters: parameters, inputs: others, states: start)
    let moved = interpreter.run(parameters: parameters, inputs: inputs, states: nearby)
    let last = base.count - 1
    if distance(base[last][0], turned[last][0]) < 1e-9 { return "the output does not depend on x" }
    let zeros = start.map { $0.map { _ in 0.0 } }
    let risen = interpreter.run(parameters: parameters, inputs: inputs, states: zeros)
    if risen.allSatisfy({ distance($0[0], zeros[0]) < 1e-12 }) {
      return "the output stays zero where it begins so"
    }
    let reaction = moved.indices.map { distance(base[$0][0], moved[$0][0]) }
    if reaction.allSatisfy({ $0 < 1e-12 }) {
      return "the output does not depend on the state before"
    }
    if reaction[last] > 1e3 * 1e-4 { return "gradients explode" }
    return nil
  }

  private func distance(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).map { abs($0 - $1) }.max() ?? 0
  }
}

extension Choices {
  /// A number from -1 to 1.
  package mutating func number() -> Double { Double(Int64(bitPattern: next()) >> 10) * 0x1p-53 }
}
