import Execution
import Kernels

/// The training text as B parallel streams, cut into segments of T steps.
///
/// As in the reader of Zaremba et al. 2014 (arXiv:1409.2329): stream b is the b-th of B equal parts
/// of the text, whose remainder is left out; an epoch has (n / B - 1) / T segments.
package struct Segments {
  let tokens: UnsafeBufferPointer<Int32>
  let batch: Int
  let steps: Int

  /// Of an epoch.
  package var count: Int { (tokens.count / batch - 1) / steps }

  /// - Throws: `.invalidArgument` for a text that has no whole segment.
  package init(_ tokens: UnsafeBufferPointer<Int32>, batch: Int, steps: Int) throws(Failure) {
    self.tokens = tokens
    self.batch = batch
    self.steps = steps
    guard tokens.count / batch > steps else {
      throw .invalid(
        "the training text has \(tokens.count) tokens, too few for batch \(batch) and truncation "
          + "\(steps), which need \(batch * (steps + 1)); use smaller ones, or more text")
    }
  }

  /// All segments of an epoch, by their time steps.
  package var all: [Range<Int>] { (0..<count).map { $0 * steps..<($0 + 1) * steps } }

  /// The most steps of a random segment.
  package var longestRandom: Int { min(steps + Self.slack, tokens.count / batch - 1) }
  private static let slack = 20
  private static let shortest = 5

  /// Segments of random lengths for an epoch: about T, normally distributed with deviation 5, one in twenty
  /// about T / 2 (Merity and others 2018, arXiv:1708.02182, section 5).
  package func random(seed: UInt64) -> [Range<Int>] {
    let random = Philox(seed: seed, purpose: 0x6375_7473)
    let end = tokens.count / batch - 1
    var cuts: [Range<Int>] = []
    var start = 0
    while start < end {
      let index = UInt64(cuts.count)
      let middle = Double(random.uniform(2 * index)) < 0.95 ? Double(steps) : Double(steps) / 2
      // Pairs of normal numbers share words with no uniform number of the other half.
      let length = middle + 5 * Double(random.normal(2 * index + (1 << 40)))
      let least = min(Self.shortest, steps)
      let count = min(max(Int(length.rounded()), least), longestRandom, end - start)
      cuts.append(start..<start + count)
      start += count
    }
    return cuts
  }

  /// Writes the words of some time steps and those that follow them, in the rows of a run.
  package func read(_ range: Range<Int>, to run: ModelRun) {
    let length = tokens.count / batch
    for (step, time) in range.enumerated() {
      for stream in 0..<batch {
        let place = stream &* length &+ time
        let row = run.unroll.rows.row(step, stream)
        run.words.base[row] = tokens[place]
        run.targets.base[row] = tokens[place &+ 1]
      }
    }
  }

  /// Writes the words of a segment and those that follow them.
  package func read(_ segment: Int, to run: ModelRun) {
    read(segment * steps..<(segment + 1) * steps, to: run)
  }
}
