import CRNNCell
import Execution
import Kernels

/// A forward run over whole sequences, kept for its gradients.
final class TapeObject: Handled {
  static let noun = "tape"
  static let tag: UInt64 = 0x726E_6E74_6170_6504

  let run: SequenceRun
  let parameters: BorrowedParameters
  private let pool: RunPool

  init(_ run: SequenceRun, _ pool: RunPool) throws(Failure) {
    self.run = run
    self.pool = pool
    parameters = try BorrowedParameters(run.gradients)
  }

  deinit { pool.give(run) }
}

/// Sequences that are fed one time step at a time.
final class StreamObject: Handled {
  static let noun = "stream"
  static let tag: UInt64 = 0x726E_6E73_7472_6D05

  let stream: Stream

  init(_ stream: Stream) { self.stream = stream }
}

@_cdecl("rnncell_network_forward") @implementation
public func rnncell_network_forward(
  _ output: UnsafeMutablePointer<Float>?, _ finalState: UnsafeMutablePointer<Float>?,
  _ tape: UnsafeMutablePointer<OpaquePointer?>?, _ network: OpaquePointer?,
  _ input: UnsafePointer<Float>?, _ steps: Int64, _ batch: Int64,
  _ lengths: UnsafePointer<Int64>?, _ initialState: UnsafePointer<Float>?, _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    tape?.pointee = nil
    let object = try Handle.object(network, as: NetworkObject.self)
    let network = object.network
    let steps = try positive(steps, "steps", limit: Limits.steps)
    let batch = try positive(batch, "batch", limit: Limits.batch)
    let size = try product(steps, batch, network.inputSize, of: "the input")
    _ = try product(steps, batch, network.outputSize, of: "the output")
    let input = try finite(input, count: size, "input") { index in
      let (step, sequence) = (index / network.inputSize).quotientAndRemainder(dividingBy: batch)
      return lengths.map { step < $0[sequence] } ?? true
    }
    let initialState = try finiteIfAny(
      initialState, count: try product(batch, object.stateSize, of: "the state"), "initial_state")
    let threads = try threadCount(threads)
    let run = try object.runs.take(
      network, object.weights, steps: steps, batch: batch, keepsTape: tape != nil)
    try run.forward(
      input: input, initialState: initialState,
      lengths: lengths.map { pointer in (0..<batch).map { Int(pointer[$0]) } }, output: output,
      threads: threads)
    if let finalState { run.copyFinalState(to: finalState) }
    if let tape {
      tape.pointee = try Handle.make(try TapeObject(run, object.runs))
    } else {
      object.runs.give(run)
    }
  }
}

@_cdecl("rnncell_tape_backward") @implementation
public func rnncell_tape_backward(
  _ inputGradient: UnsafeMutablePointer<Float>?,
  _ initialStateGradient: UnsafeMutablePointer<Float>?, _ tape: OpaquePointer?,
  _ outputGradient: UnsafePointer<Float>?, _ finalStateGradient: UnsafePointer<Float>?,
  _ threads: Int64
) -> Int32 {
  status { () throws(Failure) in
    let run = try Handle.object(tape, as: TapeObject.self).run
    let threads = try threadCount(threads)
    try run.backward(
      outputGradient: try finiteIfAny(
        outputGradient, count: run.outputCount, "output_gradient"
      ) { index in
        let (step, sequence) = (index / run.network.outputSize)
          .quotientAndRemainder(dividingBy: run.batch)
        return run.isActive(step: step, sequence: sequence)
      },
      finalStateGradient: try finiteIfAny(
        finalStateGradient, count: run.stateCount, "final_state_gradient"),
      inputGradient: inputGradient, threads: threads)
    if let initialStateGradient { run.copyInitialStateGradient(to: initialStateGradient) }
  }
}

@_cdecl("rnncell_tape_gradients") @implementation
public func rnncell_tape_gradients(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ tape: OpaquePointer?
) -> Int32 {
  lend(out) { () throws(Failure) in
    let object = try Handle.object(tape, as: TapeObject.self)
    object.run.clearStaleGradients()
    return object.parameters.handle
  }
}

@_cdecl("rnncell_tape_free") @implementation
public func rnncell_tape_free(_ tape: OpaquePointer?) { Handle.free(tape, as: TapeObject.self) }

@_cdecl("rnncell_stream_create") @implementation
public func rnncell_stream_create(
  _ out: UnsafeMutablePointer<OpaquePointer?>?, _ network: OpaquePointer?, _ batch: Int64
) -> Int32 {
  make(out) { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    let batch = try positive(batch, "batch", limit: Limits.batch)
    return StreamObject(try Stream(object.network, weights: object.weights, batch: batch))
  }
}

@_cdecl("rnncell_stream_step") @implementation
public func rnncell_stream_step(
  _ output: UnsafeMutablePointer<Float>?, _ stream: OpaquePointer?, _ input: UnsafePointer<Float>?
) -> Int32 {
  status { () throws(Failure) in
    let output = try array(output, "output")
    let stream = try Handle.object(stream, as: StreamObject.self).stream
    stream.step(input: try finite(input, count: stream.inputCount, "input"), output: output)
  }
}

@_cdecl("rnncell_stream_read_state") @implementation
public func rnncell_stream_read_state(
  _ state: UnsafeMutablePointer<Float>?, _ count: Int64, _ stream: OpaquePointer?
) -> Int32 {
  status { () throws(Failure) in
    let state = try array(state, "state")
    let stream = try Handle.object(stream, as: StreamObject.self).stream
    try check(count, stream)
    stream.readState(into: state)
  }
}

@_cdecl("rnncell_stream_write_state") @implementation
public func rnncell_stream_write_state(
  _ stream: OpaquePointer?, _ state: UnsafePointer<Float>?, _ count: Int64
) -> Int32 {
  status { () throws(Failure) in
    let stream = try Handle.object(stream, as: StreamObject.self).stream
    if state == nil, count == 0 { return stream.clearState() }
    try check(count, stream)
    stream.writeState(from: try finite(state, count: stream.stateCount, "state"))
  }
}

@_cdecl("rnncell_stream_free") @implementation
public func rnncell_stream_free(_ stream: OpaquePointer?) {
  Handle.free(stream, as: StreamObject.self)
}

private func check(_ count: Int64, _ stream: Stream) throws(Failure) {
  guard count == stream.stateCount else {
    throw .invalid("the state has \(stream.stateCount) floats, not \(count)")
  }
}
