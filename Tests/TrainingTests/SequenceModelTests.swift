import Cells
import Execution
import Kernels
import Support
import Testing
import Training

/// Sequences of different lengths with targets of one kind, in memory of their own.
private final class Sequences {
  let inputs: Buffer<Float>
  let lengths: [Int]
  let classes: Buffer<Int32>
  let numbers: Buffer<Float>
  let kind: TargetKind

  init(_ kind: TargetKind, perStep: Bool, count: Int = 23, seed: UInt64 = 1) throws {
    var random = TestRandom(seed: seed)
    self.kind = kind
    lengths = (0..<count).map { _ in Int.random(in: 1...8, using: &random) }
    let steps = lengths.reduce(0, +)
    inputs = try Buffer(count: 2 * steps)
    for (index, value) in random.numbers(2 * steps, 1).enumerated() { inputs[index] = Float(value) }
    let rows = perStep ? steps : count
    classes = try Buffer(count: rows)
    numbers = try Buffer(count: 3 * rows)
    for row in 0..<rows { classes[row] = Int32.random(in: 0..<3, using: &random) }
    for (index, value) in random.numbers(3 * rows, 1).enumerated() {
      numbers[index] = kind == .labels ? (value > 0 ? 1 : 0) : Float(value)
    }
  }

  func data() throws -> SequenceData {
    let targets: Targets =
      switch kind {
      case .classes: .classes(classes.base)
      case .values: .values(numbers.base)
      case .labels: .labels(numbers.base)
      }
    return try SequenceData(
      inputs: inputs.base, inputSize: 2, lengths: lengths, targets: targets)
  }
}

@Suite("Models of sequences")
struct SequenceModelTests {
  static func make(
    _ kind: TargetKind, perStep: Bool = false, wiring: Wiring = Wiring(), seed: UInt64 = 2
  ) throws -> SequenceModel {
    try SequenceModel(
      SequenceShape(
        cells: [try Cell.stock("lstm"), try Cell.stock("gru")], hiddenSizes: [7, 7], inputSize: 2,
        kind: kind, outputSize: 3, isPerStep: perStep, wiring: wiring),
      seed: seed)
  }

  static var options: TrainingOptions {
    var options = TrainingOptions()
    options.batch = 5
    options.epochs = 3
    options.learningRate = 0.01
    options.dropout = 0.1
    options.recurrentDropout = 0.1
    options.averaging = .moving(decay: 0.8)
    options.seed = 4
    return options
  }

  static func bits(_ model: SequenceModel) -> [UInt32] {
    model.weights.values.array.map(\.bitPattern)
  }

  @Test("A gradient is that of the loss, along random directions", arguments: TargetKind.allCases)
  func gradients(kind: TargetKind) throws {
    for perStep in [false, true] {
      for wiring in [Wiring(), Wiring(isBidirectional: true, isResidual: true)] {
        let sequences = try Sequences(kind, perStep: perStep)
        let model = try Self.make(kind, perStep: perStep, wiring: wiring)
        let before = model.weights.values.array
        // One step of plain descent on all sequences at once is the gradient.
        var options = TrainingOptions()
        options.optimizer = "sgd"
        options.batch = 23
        options.learningRate = 1
        options.clip = .infinity
        options.threads = 2
        try model.fit(try sequences.data(), valid: nil, options)
        let slopes = zip(before, model.weights.values.array).map { Double($0 - $1) }
        var random = TestRandom(seed: 5)
        let direction = random.numbers(before.count, 1)
        func loss(_ by: Double) throws -> Double {
          for entry in model.weights.layout.entries {
            for n in 0..<entry.rows {
              for k in 0..<entry.columns {
                let place = entry.place(n, k)
                model.weights.values[place] = before[place] + Float(by * direction[place])
              }
            }
          }
          model.weights.version &+= 1
          return try model.loss(try sequences.data(), threads: 1)
        }
        let measured = (try loss(2e-3) - loss(-2e-3)) / 4e-3
        let expected = zip(slopes, direction).reduce(0) { $0 + $1.0 * $1.1 }
        #expect(abs(measured - expected) < 2e-3 * max(1, abs(expected)), "\(kind) \(perStep)")
      }
    }
  }

  @Test(
    "An interrupted training ends with the same bits, for any number of threads", arguments: 1...3)
  func resume(threads: Int) throws {
    let sequences = try Sequences(.values, perStep: true)
    let (whole, options) = (try Self.make(.values, perStep: true), Self.options)
    let trainer = try Trainer(whole, try sequences.data(), valid: try sequences.data(), options)
    try trainer.train()
    try trainer.finish()
    #expect(trainer.updates == 15)
    for stop in [0, 1, 5, 7] {
      let first = try Self.make(.values, perStep: true)
      let before = try Trainer(first, try sequences.data(), valid: try sequences.data(), options)
      try before.train(updates: stop)
      var changed = options
      changed.threads = threads
      let second = try Self.make(.values, perStep: true, seed: 9)
      let after = try Trainer(second, try sequences.data(), valid: try sequences.data(), changed)
      try after.restore(try before.checkpoint())
      try after.train()
      try after.finish()
      #expect(Self.bits(second) == Self.bits(whole), "stop \(stop)")
      #expect(second.history.map(\.validLoss) == whole.history.map(\.validLoss))
    }
    let other = try Sequences(.values, perStep: true, seed: 3)
    let wrong = try Trainer(
      try Self.make(.values, perStep: true), try other.data(), valid: nil, options)
    let failure = #expect(throws: Failure.self) { try wrong.restore(try trainer.checkpoint()) }
    #expect(failure?.kind == .state)
  }

  @Test("Each epoch takes all sequences once, in an order of its own unless that is kept")
  func order() throws {
    let sequences = try Sequences(.classes, perStep: false)
    var options = Self.options
    options.epochs = 1
    let shuffled = try Self.make(.classes)
    try shuffled.fit(try sequences.data(), valid: nil, options)
    #expect(shuffled.tokens == sequences.lengths.reduce(0, +))
    options.shuffles = false
    let kept = try Self.make(.classes)
    try kept.fit(try sequences.data(), valid: nil, options)
    #expect(Self.bits(kept) != Self.bits(shuffled))
  }
}
