import Cells
import Execution
import Kernels

/// A training as one safetensors file: the model, what the optimiser remembers, the carried state, the
/// best weights, and the counters.
///
/// Training that goes on from one gives the same bits as training that was never interrupted.
extension Trainer {
  /// The training up to now, as the bytes of a file.
  package func checkpoint() throws(Failure) -> [UInt8] {
    let file = try tensors().contents()
    return withExtendedLifetime(file) { Array(file.all) }
  }

  /// Goes on from what `checkpoint` gave.
  ///
  /// - Throws: `.format` for bytes that are no checkpoint; `.state` for one of another model, corpus,
  ///   optimiser, batch or truncation. Nothing is changed then.
  package func restore(_ bytes: [UInt8]) throws(Failure) {
    try restore(SafeTensors(parsing: bytes))
  }

  /// Writes a checkpoint to a file, which is never seen half-written.
  package func saveCheckpoint(to path: String) throws(Failure) { try tensors().write(to: path) }

  /// Goes on from a file.
  ///
  /// - Throws: `.io`, and what `restore` throws.
  package func loadCheckpoint(from path: String) throws(Failure) {
    let file = try SafeTensors(reading: path)
    do throws(Failure) {
      try restore(file)
    } catch {
      throw Failure(error.kind, "'\(path.shown)': \(error.message)")
    }
  }

  private func tensors() throws(Failure) -> SafeTensors {
    var file = try model.tensors()
    file.metadata["training"] = description.text
    let count = [model.weights.layout.parameterCount]
    for (name, values) in optimizer.memory {
      file.add("optimizer.\(name)", shape: count, values: try values.rowMajor())
    }
    if let best, counters.bestLoss < .infinity {
      file.add("best", shape: count, values: try best.rowMajor())
    }
    if let average {
      file.metadata["average"] = average.description.text
      if let mean = average.mean {
        file.add("average", shape: count, values: try mean.rowMajor())
      }
    }
    if task.carriedBatch > 0 { file.add("state", shape: stateShape, values: try carriedState()) }
    return file
  }

  /// What must agree to go on, and the counters; fractions as texts, which keep every bit.
  private var description: JSON {
    .object(
      agreements.map { JSON.Member($0.name, .string($0.value)) } + [
        JSON.Member("updates", .integer(counters.updates)),
        JSON.Member("epochs", .integer(counters.epochs)),
        JSON.Member("epoch_updates", .integer(counters.epochUpdates)),
        JSON.Member("epoch_loss", .string("\(counters.epochLoss.sum)")),
        JSON.Member("epoch_terms", .integer(counters.epochLoss.terms)),
        JSON.Member("best_loss", .string("\(counters.bestLoss)")),
        JSON.Member("stale_epochs", .integer(counters.staleEpochs)),
      ])
  }

  private var agreements: [(name: String, value: String)] {
    [("optimizer", options.optimizer)] + task.agreements
  }

  /// Of the carried state in a file.
  private var stateShape: [Int] { [task.carriedBatch, model.network.stateSize] }

  private func restore(_ file: SafeTensors) throws(Failure) {
    let stored = try type(of: model).init(file)
    guard stored.isSame(as: model) else {
      throw Failure(
        .state,
        "the checkpoint is of a model with other cells, sizes or tokens; resume with the "
          + "model that was trained")
    }
    let description = try file.json("training")
    for (name, value) in agreements {
      let other = description[name]?.string ?? ""
      guard other == value else {
        throw Failure(
          .state,
          "the checkpoint was trained with \(name) \(other.prefix(64)), not \(value); resume "
            + "with that, or begin anew")
      }
    }
    guard let updates = description["updates"]?.integer, Limits.counts.contains(updates),
      let epochs = description["epochs"]?.integer, (0...updates).contains(epochs),
      let epochUpdates = description["epoch_updates"]?.integer,
      (0...updates).contains(epochUpdates),
      let terms = description["epoch_terms"]?.integer, Limits.counts.contains(terms),
      let staleEpochs = description["stale_epochs"]?.integer, Limits.counts.contains(staleEpochs),
      let epochLoss = description["epoch_loss"]?.string.flatMap({ Double($0) }),
      let bestLoss = description["best_loss"]?.string.flatMap({ Double($0) })
    else { throw Failure(.format, "the checkpoint's counters cannot be read") }
    // Everything is there before anything is changed.
    let count = [model.weights.layout.parameterCount]
    var memories: [(ParameterBuffer, SafeTensors.Tensor)] = []
    for (name, values) in optimizer.memory {
      memories.append((values, try file.tensor("optimizer.\(name)", shape: count)))
    }
    let bestWeights = file["best"] == nil ? nil : try file.tensor("best", shape: count)
    let state = task.carriedBatch == 0 ? nil : try file.tensor("state", shape: stateShape)
    let mean = file["average"] == nil ? nil : try file.tensor("average", shape: count)
    if let average { try average.restore(try file.json("average")) }

    model.weights.copy(from: stored.weights)
    model.history = stored.history
    model.updates = stored.updates
    model.tokens = stored.tokens
    for (values, tensor) in memories { values.setRowMajor(tensor.values) }
    counters = Counters(
      updates: updates, epochs: epochs, epochUpdates: epochUpdates,
      epochLoss: UpdateLoss(sum: epochLoss, terms: terms), bestLoss: bestLoss,
      staleEpochs: staleEpochs)
    if let bestWeights {
      best?.setRowMajor(bestWeights.values)
    } else {
      counters.bestLoss = .infinity
    }
    if let mean { average?.buffer.setRowMajor(mean.values) }
    if let state {
      task.loadState(state.values.base)
      restoredState = state.values
    }
  }

  /// The state at the end of the last update [B, stateSize]; zeros where an epoch begins.
  private func carriedState() throws(Failure) -> Buffer<Float> {
    if let restoredState { return restoredState }
    let state = try Buffer<Float>(count: task.carriedBatch * model.network.stateSize)
    if counters.epochUpdates != 0 { task.storeState(state.base) }
    return state
  }
}

extension Corpus {
  /// The digest in 16 hexadecimal digits.
  package var digestText: String {
    let digits = String(digest, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}

extension ParameterBuffer {
  /// All entries one after another, row-major, without padding.
  fileprivate func rowMajor() throws(Failure) -> Buffer<Float> {
    let flat = try Buffer<Float>(count: layout.parameterCount)
    var start = 0
    for entry in layout.entries {
      read(entry, into: flat.base + start)
      start += entry.count
    }
    return flat
  }

  fileprivate func setRowMajor(_ flat: Buffer<Float>) {
    var start = 0
    for entry in layout.entries {
      write(entry, from: flat.base + start)
      start += entry.count
    }
  }
}
