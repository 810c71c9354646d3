import Execution
import Kernels

/// Applies an optimiser to all weights, with the gradient's norm held below a bound.
///
/// The norm is over all parameters together (Pascanu et al. 2013, algorithm 1). It is summed in
/// blocks of a fixed size, one after another, so that it is the same for any number of threads.
package final class WeightUpdate {
  private let optimizer: any Optimizer
  private let kernels: KernelTable
  /// Sums of squares by block.
  private let squares: Buffer<Double>
  private static let block = 1 << 15

  package init(
    _ optimizer: any Optimizer, floatCount: Int, kernels: KernelTable = .current
  ) throws(Failure) {
    self.optimizer = optimizer
    self.kernels = kernels
    squares = try Buffer(count: (floatCount + Self.block - 1) / Self.block)
  }

  /// The Euclidean norm of all gradients; not finite where one of them is not.
  package func norm(_ gradients: ParameterBuffer, _ team: Team) -> Double {
    let (squares, kernels, values) = (squares, kernels, gradients.values)
    team.run { index in
      for block in team.share(of: squares.count, index) {
        let start = block &* Self.block
        squares.base[block] = kernels.squaredNorm(
          UnsafePointer(values.base + start), min(Self.block, values.count &- start))
      }
    }
    let norm = squares.all.reduce(0, +).squareRoot()
    // Single precision squares numbers between about 1e-19 and 1e19.
    guard norm == .infinity || norm < 1e-12 else { return norm }
    return values.all.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  /// Whether optimisers can take gradients of this norm, which are scaled down to a norm of `clip`.
  ///
  /// Their squares too must be finite in single precision. False for NaN.
  package static func canApply(norm: Double, clip: Double) -> Bool {
    norm.isFinite && min(norm, clip) < 1e18
  }

  /// Changes the weights by gradients of a known norm, scaled down to `clip` where they are larger.
  package func apply(
    _ gradients: ParameterBuffer, norm: Double, clip: Double, to weights: ParameterBuffer,
    number: Int, learningRate: Double, _ team: Team
  ) {
    let step = OptimizerStep(
      weights: weights, gradients: gradients, number: number, learningRate: Float(learningRate),
      gradientScale: norm > clip ? Float(clip / norm) : 1, kernels: kernels)
    let (optimizer, blocks) = (optimizer, squares.count)
    team.run { index in
      let share = team.share(of: blocks, index)
      let start = share.lowerBound &* Self.block
      optimizer.update(
        start..<max(start, min(share.upperBound &* Self.block, gradients.values.count)), step)
    }
    weights.version &+= 1
  }
}

extension Team {
  /// The part of `count` things that falls to a thread: consecutive, near-equal, all of them covered.
  func share(of count: Int, _ index: Int) -> Range<Int> {
    (count &* index / threads)..<(count &* (index &+ 1) / threads)
  }
}
