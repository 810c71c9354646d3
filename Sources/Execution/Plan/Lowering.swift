import Cells
import Kernels

/// A formula whose operands are places.
indirect enum Term {
  case slot(Int)
  case constant(Double)
  case apply(Primitive, [Term], k: Double)

  /// Puts terms in the place of a formula's operands, result and gradient.
  init(_ formula: Expression, operands: [Term], result: Term = .slot(0), gradient: Term = .slot(0))
  {
    switch formula {
    case .operand(let index): self = index < operands.count ? operands[index] : .constant(0)
    case .result: self = result
    case .gradient: self = gradient
    case .constant(let value): self = .constant(value)
    case .apply(let primitive, let arguments, let k):
      self = .apply(
        primitive,
        arguments.map { Term($0, operands: operands, result: result, gradient: gradient) }, k: k)
    }
  }

  /// The same value in the form that takes the fewest kernel calls.
  func simplified() -> Term {
    guard case .apply(let primitive, let unsimplified, let k) = self else { return self }
    let arguments = unsimplified.map { $0.simplified() }
    let numbers = arguments.map { if case .constant(let value) = $0 { value } else { Double.nan } }
    switch (primitive, arguments.count) {
    case (.multiply, 2):
      if !numbers[1].isNaN { return .apply(.scale, [arguments[0]], k: numbers[1]).folded() }
      if !numbers[0].isNaN { return .apply(.scale, [arguments[1]], k: numbers[0]).folded() }
    case (.add, 2):
      if !numbers[1].isNaN { return .apply(.offset, [arguments[0]], k: numbers[1]).folded() }
      if !numbers[0].isNaN { return .apply(.offset, [arguments[1]], k: numbers[0]).folded() }
      if case .apply(.multiply, let factors, _) = arguments[1] {
        return .apply(.multiplyAdd, factors + [arguments[0]], k: 0)
      }
      if case .apply(.multiply, let factors, _) = arguments[0] {
        return .apply(.multiplyAdd, factors + [arguments[1]], k: 0)
      }
    case (.subtract, 2):
      if !numbers[1].isNaN { return .apply(.offset, [arguments[0]], k: -numbers[1]).folded() }
    default: break
    }
    return .apply(primitive, arguments, k: k).folded()
  }

  /// The value itself where all arguments are numbers.
  private func folded() -> Term {
    guard case .apply(let primitive, let arguments, let k) = self else { return self }
    var values: [Double] = []
    for argument in arguments {
      guard case .constant(let value) = argument else { return self }
      values.append(value)
    }
    func value(_ index: Int) -> Double { index < values.count ? values[index] : 0 }
    return .constant(primitive.evaluate(value(0), value(1), value(2), k))
  }
}

extension PlanBuilder {
  /// Adds an instruction to the chain at the end of `phase`, or begins a chain there.
  mutating func emit(
    _ instruction: Instruction, columns: Int, to phase: Phase
  ) {
    if let last = plan[phase].last, last.kind == .chain, last.columns == columns,
      last.first + last.count == plan.instructions.count
    {
      plan[phase][plan[phase].count - 1].count += 1
    } else {
      plan[phase].append(
        Stage(
          kind: .chain, first: plan.instructions.count, count: 1, strips: columns.strips,
          columns: columns))
    }
    plan.instructions.append(instruction)
  }

  /// Emits what computes the term into a place, or adds it to what is there.
  mutating func emit(
    _ term: Term, into destination: Int, accumulates: Bool = false, columns: Int,
    to phase: Phase
  ) {
    var temporaries: [Int] = []
    let d = Int32(destination)
    func instruction(_ primitive: Primitive, _ arguments: [Int], _ k: Double = 0) -> Instruction {
      func operand(_ index: Int) -> Int32 {
        index < arguments.count ? Int32(arguments[index]) : 0
      }
      return Instruction(
        kernel: Int(primitive.rawValue), d: d, a: operand(0), b: operand(1), c: operand(2),
        k: Float(k))
    }
    switch term.simplified() {
    case .slot(let source):
      emit(
        instruction(accumulates ? .accumulate : .copy, [source]), columns: columns, to: phase)
    case .constant(let value):
      if accumulates {
        emit(
          instruction(.accumulate, [constantSlot(Float(value))]), columns: columns, to: phase)
      } else {
        emit(instruction(.fill, [], value), columns: columns, to: phase)
      }
    case .apply(let primitive, let arguments, let k):
      if accumulates, let adding = primitive.accumulating {
        let places = arguments.map {
          place($0, columns: columns, to: phase, temporaries: &temporaries)
        }
        emit(instruction(adding, places, k), columns: columns, to: phase)
      } else if accumulates {
        let sum = place(
          .apply(primitive, arguments, k: k), columns: columns, to: phase,
          temporaries: &temporaries)
        emit(instruction(.accumulate, [sum]), columns: columns, to: phase)
      } else {
        let places = arguments.map {
          place($0, columns: columns, to: phase, temporaries: &temporaries)
        }
        emit(instruction(primitive, places, k), columns: columns, to: phase)
      }
    }
    for tile in temporaries { tiles.giveBack(tile) }
  }

  /// The place of a term's value: its own, or a scratch tile that it is computed into.
  private mutating func place(
    _ term: Term, columns: Int, to phase: Phase,
    temporaries: inout [Int]
  ) -> Int {
    switch term {
    case .slot(let slot): return slot
    case .constant(let value): return constantSlot(Float(value))
    case .apply:
      let tile = tiles.take()
      temporaries.append(tile)
      let made = slot(.tile, index: tile, columns: columns)
      emit(term, into: made, columns: columns, to: phase)
      return made
    }
  }
}

extension Primitive {
  /// The primitive that adds the same value to its destination, where the kernels have one.
  var accumulating: Primitive? {
    switch self {
    case .copy: .accumulate
    case .multiply: .accumulateProduct
    case .scale: .accumulateScaled
    case .tanhGradient: .accumulateTanhGradient
    case .sigmoidGradient: .accumulateSigmoidGradient
    case .reluGradient: .accumulateReluGradient
    default: nil
    }
  }
}
