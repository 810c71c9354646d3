import Kernels

/// Sequences that are fed one time step at a time.
///
/// A step allocates nothing and takes no lock, and gives the same bits as a run without a tape over the
/// whole sequence. One caller at a time; streams of one network may run at the same time.
package final class Stream: @unchecked Sendable {
  private let unroll: Unroll

  /// - Parameter batch: sequences that are fed together.
  package init(
    _ network: Network, weights: ParameterBuffer, batch: Int, kernels: KernelTable = .current
  ) throws(Failure) {
    guard !network.wiring.isBidirectional else {
      throw .invalid(
        "a bidirectional network cannot be fed step by step, as it begins at the end; run it over the "
          + "whole sequence")
    }
    unroll = try Unroll(
      network, weights: weights, gradients: nil, steps: 1, batch: batch, kernels: kernels)
    unroll.bind()
  }

  /// Floats of an input [B, inputSize], of an output [B, outputSize], of the states.
  package var inputCount: Int { unroll.batch * unroll.network.inputSize }
  package var outputCount: Int { unroll.batch * unroll.network.outputSize }
  package var stateCount: Int { unroll.batch * unroll.network.stateSize }

  /// Feeds one input [B, inputSize] and writes the output [B, outputSize].
  package func step(input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>) {
    let network = unroll.network
    for row in 0..<unroll.batch { unroll.input.setRow(row, input + row &* network.inputSize) }
    flushingDenormals { unroll.step() }
    for row in 0..<unroll.batch {
      unroll.output.getRow(row, output + row &* network.outputSize)
    }
    unroll.carryState()
  }

  /// Copies the states to a state array.
  package func readState(into destination: UnsafeMutablePointer<Float>) {
    unroll.storeInitialState(destination)
  }

  /// Sets the states from a state array.
  package func writeState(from source: UnsafePointer<Float>) { unroll.loadState(source) }

  /// Sets the states to zero, as at the start.
  package func clearState() { unroll.zeroState() }
}
