import Cells
import Kernels

/// Sequences of vectors with what is to be said of them, borrowed from the caller.
package struct SequenceData {
  /// All time steps, one sequence after another [sum of the lengths, inputSize].
  package let inputs: UnsafePointer<Float>
  package let inputSize: Int
  /// Time steps of each sequence.
  package let lengths: [Int]
  package let targets: Targets?
  /// The first time step of each sequence, and their number behind.
  let starts: [Int]

  package var count: Int { lengths.count }
  package var stepCount: Int { starts[lengths.count] }

  /// - Throws: `.invalidArgument` for no sequence or one without time steps, `.limit` for too many.
  package init(
    inputs: UnsafePointer<Float>, inputSize: Int, lengths: [Int], targets: Targets?
  ) throws(Failure) {
    guard !lengths.isEmpty else { throw .invalid("there are no sequences; pass at least one") }
    var starts = [0]
    for (index, length) in lengths.enumerated() {
      guard (1...Limits.steps).contains(length) else {
        throw .invalid(
          "sequence \(index) has \(length) time steps; use 1 to \(Limits.steps)")
      }
      starts.append(starts[index] + length)
    }
    guard starts[lengths.count] <= Limits.bufferBytes / 4 / max(inputSize, 1) else {
      throw Failure(.limit, "\(starts[lengths.count]) time steps are more than an array can hold")
    }
    self.inputs = inputs
    self.inputSize = inputSize
    self.lengths = lengths
    self.targets = targets
    self.starts = starts
  }

  /// Of all inputs, lengths and targets.
  func digest(_ shape: SequenceShape) -> UInt64 {
    var words = [UInt64(inputSize)] + lengths.map { UInt64($0) }
    func add(_ values: UnsafePointer<Float>, _ count: Int) {
      var hash: UInt64 = 0xCBF2_9CE4_8422_2325
      for index in 0..<count {
        hash = (hash ^ UInt64(values[index].bitPattern)) &* 0x0000_0100_0000_01B3
      }
      words.append(hash)
    }
    add(inputs, stepCount * inputSize)
    let rows = shape.isPerStep ? stepCount : count
    switch targets {
    case .classes(let classes): words += (0..<rows).map { UInt64(bitPattern: Int64(classes[$0])) }
    case .values(let values), .labels(let values): add(values, rows * shape.outputSize)
    case nil: break
    }
    return stableHash(words)
  }

  /// - Throws: `.invalidArgument` where inputs or targets do not fit a model.
  func check(_ shape: SequenceShape, needsTargets: Bool) throws(Failure) {
    guard inputSize == shape.inputSize else {
      throw .invalid("the inputs have \(inputSize) elements, the model's \(shape.inputSize)")
    }
    if let place = firstNotFinite(inputs, stepCount * inputSize) {
      throw .invalid(
        "input \(place % inputSize) of time step \(place / inputSize) of all is "
          + "\(inputs[place]); pass finite numbers")
    }
    let rows = shape.isPerStep ? stepCount : count
    switch (targets, shape.kind) {
    case (nil, _) where !needsTargets: return
    case (.classes(let classes), .classes):
      for row in 0..<rows where !(0..<Int32(shape.outputSize)).contains(classes[row]) {
        throw .invalid(
          "class \(row) is \(classes[row]); the model has classes 0 to \(shape.outputSize - 1)")
      }
    case (.values(let values), .values):
      if let place = firstNotFinite(values, rows * shape.outputSize) {
        throw .invalid("value \(place) is \(values[place]); pass finite numbers")
      }
    case (.labels(let values), .labels):
      for place in 0..<rows * shape.outputSize where !(0...1).contains(values[place]) {
        throw .invalid("label \(place) is \(values[place]); labels are 0 to 1")
      }
    default:
      throw .invalid("the model learns \(shape.kind.rawValue); pass these as targets")
    }
  }

  private func firstNotFinite(_ values: UnsafePointer<Float>, _ count: Int) -> Int? {
    areFinite(values, count: count) ? nil : (0..<count).first { !values[$0].isFinite }
  }
}
