import Glibc
import Kernels

/// How the learning rate changes in the course of a training.
///
/// First it rises in a line over the warm-up, then it follows the epochs or a cosine.
package struct Schedule: Sendable, Hashable {
  package enum Shape: String, Sendable, CaseIterable {
    /// Less by `decay` for each `decayEvery` epochs after the first `decayAfter` (Zaremba et al. 2014,
    /// arXiv:1409.2329, section 4.1).
    case step
    /// Half a cosine from the whole rate to `finalFactor` of it (Loshchilov and Hutter 2017,
    /// arXiv:1608.03983, equation 5, without restarts).
    case cosine
  }

  package var shape = Shape.step
  package var decay = 1.0
  package var decayAfter = 1
  package var decayEvery = 1
  /// Updates over which the rate rises from near 0.
  package var warmup = 0
  /// What the cosine ends at.
  package var finalFactor = 0.0

  package init() {}

  /// What the learning rate is multiplied with in an epoch, from 1, after so many updates of `total`.
  package func factor(epoch: Int, update: Int, of total: Int) -> Double {
    let rise = update < warmup ? Double(update + 1) / Double(warmup) : 1
    switch shape {
    case .step:
      return rise * pow(decay, Double((max(0, epoch - decayAfter) + decayEvery - 1) / decayEvery))
    case .cosine:
      guard update >= warmup else { return rise }
      let done = Double(update - warmup) / Double(max(1, total - warmup))
      return finalFactor + (1 - finalFactor) * (1 + cos(.pi * min(1, done))) / 2
    }
  }

  func check() throws(Failure) {
    guard decay >= 0, decay.isFinite else {
      throw .invalid("decay \(decay) is not a number from 0 up")
    }
    guard finalFactor >= 0, finalFactor <= 1 else {
      throw .invalid("final_factor \(finalFactor) is not from 0 to 1")
    }
    for (name, value, low) in [
      ("decay_after", decayAfter, 0), ("decay_every", decayEvery, 1), ("warmup", warmup, 0),
    ] where value < low || value > 1 << 40 {
      throw .invalid("\(name) \(value) is not from \(low) to \(1 << 40)")
    }
  }
}
