import Execution
import Kernels

/// The rows of words: from the weights into the network's input, and from its gradient back.
struct Embedding {
  /// The matrix [V, E].
  let entry: ParameterEntry

  /// The first float of a word's row; the others follow 16 floats apart.
  private func offset(_ word: Int32) -> Int {
    let word = Int(word)
    return entry.offset &+ (word >> 4) &* entry.columns &* 16 &+ word & 15
  }

  /// Copies the row of each word to the same row of `input`, [rows, E].
  func gather(
    _ words: UnsafePointer<Int32>, rows: Int, from weights: ParameterBuffer, to input: StripView,
    _ team: Team
  ) {
    let (values, columns) = (weights.values.base, entry.columns)
    team.run { index in
      for row in team.share(of: rows, index) {
        let from = values + offset(words[row])
        let to = input.base + row &* 16
        for column in 0..<columns {
          to[(column >> 4) &* input.stripStride &+ column & 15] = from[column &* 16]
        }
      }
    }
  }

  /// Adds each row of `slopes`, [rows, E], to the gradient of its word, rows ascending.
  ///
  /// Threads share the columns, so that a word that comes twice is no thread's concern but one's.
  func scatter(
    _ slopes: StripView, rows: Int, _ words: UnsafePointer<Int32>, to gradients: ParameterBuffer,
    _ team: Team
  ) {
    let (values, columns) = (gradients.values.base, entry.columns)
    team.run { index in
      let share = team.share(of: columns, index)
      for row in 0..<rows {
        let from = slopes.base + row &* 16
        let to = values + offset(words[row])
        for column in share {
          to[column &* 16] += from[(column >> 4) &* slopes.stripStride &+ column & 15]
        }
      }
    }
  }

  /// Sets the gradients of words to zero, as far as they are in `words`.
  ///
  /// With that the rest of a large vocabulary costs nothing: its gradients are zero already.
  func clear(_ words: UnsafePointer<Int32>, rows: Int, in gradients: ParameterBuffer, _ team: Team)
  {
    let (values, columns) = (gradients.values.base, entry.columns)
    team.run { index in
      let share = team.share(of: columns, index)
      for row in 0..<rows {
        let at = values + offset(words[row])
        for column in share { at[column &* 16] = 0 }
      }
    }
  }
}
