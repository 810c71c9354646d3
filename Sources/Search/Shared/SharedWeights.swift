import Cells
import Execution
import Kernels
import Training

/// The weights that the models of all arcs share, with what the optimiser remembers of each.
///
/// An array is made when the first arc needs it. Used by one thread at a time.
package final class SharedWeights {
  /// One array in the order of memory of a `ParameterBuffer`.
  package struct Slot {
    package var values: [Float]
    package var memory: [[Float]]
    /// Updates that it had, which the optimiser corrects its means by.
    package var updates = 0
  }
  package private(set) var slots: [String: Slot] = [:]
  private let seed: UInt64

  package init(seed: UInt64) { self.seed = seed }

  /// A model of an arc that has the shared weights for the time of one update or one score.
  package func model(of arc: Arc, _ shape: ModelShape) throws(Failure) -> LanguageModel {
    let model = try LanguageModel(shape, seed: seed)
    for entry in model.weights.layout.entries {
      let name = Self.name(of: entry, arc)
      if let slot = slots[name], slot.values.count == entry.floatCount {
        let start = model.weights.values.base + entry.offset
        for (index, value) in slot.values.enumerated() { start[index] = value }
      } else if entry.role == .weight, name != entry.name {
        // Arrays of the same place in other arcs would else begin alike.
        let own = stableHash([seed] + name.utf8.map { UInt64($0) })
        let span = 1 / Float(shape.hiddenSize).squareRoot()
        model.weights.randomize(entry, Philox(seed: own, purpose: 0x7368_6172), span: span)
      }
    }
    model.weights.version &+= 1
    return model
  }

  /// Changes the weights of an arc's model by the gradients, and keeps them.
  package func update(
    _ model: LanguageModel, of arc: Arc, _ gradients: ParameterBuffer, norm: Double, clip: Double,
    learningRate: Double, optimizer type: any Optimizer.Type
  ) throws(Failure) {
    let optimizer = try type.init(model.weights.layout)
    for entry in model.weights.layout.entries {
      let name = Self.name(of: entry, arc)
      let range = entry.offset..<entry.offset + entry.floatCount
      var updates = 1
      if let slot = slots[name], slot.values.count == entry.floatCount {
        updates = slot.updates + 1
        for (memory, kept) in zip(optimizer.memory, slot.memory) {
          for (index, value) in kept.enumerated() {
            memory.values.values.base[entry.offset + index] = value
          }
        }
      }
      optimizer.update(
        range,
        OptimizerStep(
          weights: model.weights, gradients: gradients, number: updates,
          learningRate: Float(learningRate),
          gradientScale: norm > clip ? Float(clip / norm) : 1, kernels: .current))
      slots[name] = Slot(
        values: Self.read(model.weights, entry),
        memory: optimizer.memory.map { Self.read($0.values, entry) }, updates: updates)
    }
  }

  private static func read(_ buffer: ParameterBuffer, _ entry: ParameterEntry) -> [Float] {
    Array(UnsafeBufferPointer(start: buffer.values.base + entry.offset, count: entry.floatCount))
  }

  /// What an entry of a model's layout is called here.
  private static func name(of entry: ParameterEntry, _ arc: Arc) -> String {
    // Without the network's prefix, "layers.0.".
    let parts = entry.name.split(separator: ".", maxSplits: 2)
    guard parts.count == 3, parts[0] == "layers" else { return entry.name }
    let shared = arc.sharedName(String(parts[2]))
    return shared == parts[2] ? entry.name : "layers.\(parts[1]).\(shared)"
  }

  // MARK: - Files

  /// Adds all arrays to a file.
  func write(to file: inout SafeTensors) throws(Failure) {
    for (name, slot) in slots.sorted(by: { $0.key < $1.key }) {
      let count = slot.values.count
      file.add(
        "shared \(slot.updates) \(name)", shape: [1 + slot.memory.count, count],
        values: try Self.buffer([slot.values] + slot.memory))
    }
  }

  private static func buffer(_ rows: [[Float]]) throws(Failure) -> Buffer<Float> {
    let all = rows.flatMap { $0 }
    let buffer = try Buffer<Float>(count: all.count)
    for (index, value) in all.enumerated() { buffer[index] = value }
    return buffer
  }

  /// Takes the arrays of a file.
  func read(from file: SafeTensors) throws(Failure) {
    for tensor in file.tensors where tensor.name.hasPrefix("shared ") {
      let parts = tensor.name.split(separator: " ", maxSplits: 2)
      guard parts.count == 3, let updates = Int(parts[1]), tensor.shape.count == 2,
        tensor.shape[0] >= 1
      else {
        throw Failure(.format, "the shared weights have a tensor '\(tensor.name.prefix(64))'")
      }
      let count = tensor.shape[1]
      let rows = (0..<tensor.shape[0]).map { row in
        Array(tensor.values.all[row * count..<(row + 1) * count])
      }
      slots[String(parts[2])] = Slot(
        values: rows[0], memory: Array(rows.dropFirst()), updates: updates)
    }
  }
}
