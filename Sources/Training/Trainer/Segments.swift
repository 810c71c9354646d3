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

  /// Writes the words of a segment and those that follow them, row t * B + b.
  package func read(_ segment: Int, words: Buffer<Int32>, targets: Buffer<Int32>) {
    let length = tokens.count / batch
    for step in 0..<steps {
      for stream in 0..<batch {
        let place = stream &* length &+ segment &* steps &+ step
        words.base[step &* batch &+ stream] = tokens[place]
        targets.base[step &* batch &+ stream] = tokens[place &+ 1]
      }
    }
  }
}
