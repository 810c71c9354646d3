import Kernels

/// A network run over whole sequences in row-major arrays, as other languages hold them.
///
/// Its memory can be used again for other sequences; see `RunPool`.
package final class SequenceRun: @unchecked Sendable {
  package let network: Network
  /// The parameters' gradients, after backward; empty without a tape.
  package let gradients: ParameterBuffer
  /// Floats of the output [T, B, outputSize] and of the states.
  package let outputCount: Int
  package let stateCount: Int
  /// Whether backward is wanted.
  package let keepsTape: Bool

  private let unroll: Unroll
  private let weights: ParameterBuffer
  /// The version of the weights that forward read.
  private var version: UInt64 = 0
  /// Whether backward may run: it writes its gradients over what forward kept.
  private var hasTape = false

  package var steps: Int { unroll.steps }
  package var batch: Int { unroll.batch }

  /// Makes the memory of a run.
  package init(
    _ network: Network, _ weights: ParameterBuffer, steps: Int, batch: Int, keepsTape: Bool,
    kernels: KernelTable = .current
  ) throws(Failure) {
    self.network = network
    self.keepsTape = keepsTape
    gradients = try ParameterBuffer(keepsTape ? weights.layout : ParameterLayout())
    self.weights = weights
    unroll = try Unroll(
      network, weights: weights, gradients: keepsTape ? gradients : nil, steps: steps, batch: batch,
      kernels: kernels)
    outputCount = steps * batch * network.outputSize
    stateCount = batch * network.stateSize
  }

  /// Runs over `input` [T, B, inputSize] from `initialState` a state array, nil for zeros.
  ///
  /// - Parameters:
  ///   - lengths: the steps of each sequence, or nil for T.
  ///   - output: receives the outputs [T, B, outputSize]; behind a sequence's end they are 0.
  package func forward(
    input: UnsafePointer<Float>, initialState: UnsafePointer<Float>?, lengths: [Int]? = nil,
    output: UnsafeMutablePointer<Float>? = nil, threads: Int
  ) throws(Failure) {
    try unroll.prepare(steps: steps, lengths: lengths)
    try withTeam(threads) { team throws(Failure) in
      if let initialState { unroll.loadState(initialState) } else { unroll.zeroState() }
      eachRow(team) { row, index in
        unroll.input.setRow(row, input + index &* network.inputSize)
      }
      try unroll.forward(team)
      (version, hasTape) = (weights.version, keepsTape)
      if let output { copyRows(of: unroll.output, to: output, team) }
    }
  }

  /// Copies the states after each sequence's last step to a state array.
  package func copyFinalState(to destination: UnsafeMutablePointer<Float>) {
    unroll.storeState(destination)
  }

  /// Runs back from the gradients of the outputs [T, B, outputSize] and of the final states
  /// a state array; nil for zeros.
  ///
  /// - Parameter inputGradient: receives the gradient of the input [T, B, inputSize]; behind a
  ///   sequence's end it is 0.
  /// - Throws: `.state` without a tape, for a tape that was run back through, or when the weights changed
  ///   since forward.
  package func backward(
    outputGradient: UnsafePointer<Float>?, finalStateGradient: UnsafePointer<Float>?,
    inputGradient: UnsafeMutablePointer<Float>? = nil, threads: Int
  ) throws(Failure) {
    guard keepsTape else {
      throw Failure(.state, "this run kept no tape; ask forward for one")
    }
    guard weights.version == version else {
      throw Failure(
        .state, "the network's weights changed after forward; run forward again")
    }
    guard hasTape else {
      throw Failure(
        .state,
        "the tape was run back through, which uses up what forward kept; run forward again, or add the "
          + "gradients of several losses before")
    }
    hasTape = false
    try withTeam(threads) { team throws(Failure) in
      eachRow(team) { row, index in
        if let outputGradient {
          unroll.outputGradient.setRow(row, outputGradient + index &* network.outputSize)
        } else {
          unroll.outputGradient.clearRow(row)
        }
      }
      try unroll.backward(team, finalStateGradient: finalStateGradient)
      if let inputGradient { copyRows(of: unroll.inputGradient, to: inputGradient, team) }
    }
  }

  /// Whether the steps of a row-major array [T, B, ...] hold a sequence: false behind its end.
  package func isActive(step: Int, sequence: Int) -> Bool {
    let rows = unroll.rows
    return (0..<rows.active[step]).contains { rows.sequence[$0] == sequence }
  }

  /// Sets the gradients to zero if backward has not run since forward: they are of earlier sequences then.
  package func clearStaleGradients() {
    guard hasTape else { return }
    gradients.values.all.update(repeating: 0)
    gradients.version &+= 1
  }

  /// Copies the gradient of the initial states to a state array.
  package func copyInitialStateGradient(to destination: UnsafeMutablePointer<Float>) {
    unroll.storeInitialStateGradient(destination)
  }

  /// Calls `body` with as many threads as the work is worth: 40 µs for each wake them.
  private func withTeam(
    _ threads: Int, _ body: (Team) throws(Failure) -> Void
  ) throws(Failure) {
    let rows = unroll.batch * unroll.steps
    let worth = 1 + (rows &* weights.values.count) / 1_000_000
    try TeamPool.with(threads: min(max(threads, 1), rows, worth), body)
  }

  private func copyRows(
    of view: StripView, to destination: UnsafeMutablePointer<Float>, _ team: Team
  ) {
    if unroll.rows.total < unroll.steps * unroll.batch {
      destination.update(repeating: 0, count: unroll.steps * unroll.batch * view.columns)
    }
    eachRow(team) { row, index in view.getRow(row, destination + index &* view.columns) }
  }

  /// Calls with each row and the place t * B + b of its step and sequence, on all threads: each has the rows
  /// of its part of the time loops, in the order in which they lie in memory.
  private func eachRow(_ team: Team, _ body: (_ row: Int, _ index: Int) -> Void) {
    let rows = unroll.rows
    let splits = rows.split(team.threads)
    team.run { thread in
      for step in 0..<rows.steps {
        for position in splits[thread].clamped(to: 0..<rows.active[step]) {
          body(rows.row(step, position), step &* rows.batch &+ rows.sequence[position])
        }
      }
    }
  }
}
