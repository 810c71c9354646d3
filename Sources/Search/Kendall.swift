/// Kendall's tau-b of two scores for the same things: 1 for the same order, -1 for the opposite.
///
/// NaN when fewer than two things, or all equal in one score.
package func kendallTau(_ pairs: [(Double, Double)]) -> Double {
  var concordance = 0
  var untiedFirst = 0
  var untiedSecond = 0
  for i in pairs.indices {
    for j in 0..<i {
      let first = sign(pairs[i].0 - pairs[j].0)
      let second = sign(pairs[i].1 - pairs[j].1)
      concordance += first * second
      untiedFirst += first * first
      untiedSecond += second * second
    }
  }
  return Double(concordance) / (Double(untiedFirst) * Double(untiedSecond)).squareRoot()
}

private func sign(_ value: Double) -> Int { value > 0 ? 1 : value < 0 ? -1 : 0 }
