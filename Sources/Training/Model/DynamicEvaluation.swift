import Cells
import Execution
import Kernels

/// How a model learns from the text that it is measured on.
package struct DynamicEvaluation: Sendable {
  /// Of the gradient steps.
  package var learningRate: Double
  /// The part of the way back to the trained weights that is gone at each step.
  package var decay = 0.0
  /// Tokens of a segment, after each of which there is a step.
  package var truncation = 20
  /// Largest norm of a gradient.
  package var clip = 5.0

  package init(learningRate: Double) { self.learningRate = learningRate }
}

extension LanguageModel {
  /// The mean loss of predicting each token from those before it, where the weights follow the text.
  ///
  /// Dynamic evaluation (Krause et al. 2018, arXiv:1709.07432, section 4, by plain gradient descent): each
  /// segment is predicted first and then learned from. The model's weights are as before when it is done.
  /// - Throws: as `loss`; `.invalidArgument` for options out of range; `.diverged`.
  package func loss(
    _ tokens: UnsafeBufferPointer<Int32>, following rule: DynamicEvaluation, threads: Int
  ) throws(Failure) -> Double {
    try check(tokens)
    guard rule.learningRate >= 0, rule.learningRate.isFinite else {
      throw .invalid("learning_rate \(rule.learningRate) is not a number from 0 up")
    }
    guard (0...1).contains(rule.decay) else {
      throw .invalid("decay \(rule.decay) is not from 0 to 1")
    }
    guard (1...Limits.steps).contains(rule.truncation), rule.clip > 0 else {
      throw .invalid("truncation \(rule.truncation) or clip \(rule.clip) is not positive")
    }
    let team = try Team(threads: threads)
    let gradients = try ParameterBuffer(weights.layout)
    let start = try ParameterBuffer(weights.layout)
    start.copy(from: weights)
    defer { weights.copy(from: start) }
    let update = try WeightUpdate(
      try SGD(weights.layout), floatCount: gradients.values.count)
    let predictions = tokens.count - 1
    let steps = min(rule.truncation, predictions)
    let run = try ModelRun(
      self, gradients: gradients, steps: steps, batch: 1, kernels: .current)
    run.unroll.zeroState()
    var (sum, done, number) = (0.0, 0, 0)
    while done < predictions {
      let count = min(steps, predictions - done)
      run.forgetWords(team)
      try run.unroll.prepare(steps: count, lengths: nil)
      for step in 0..<count {
        run.words[step] = tokens[done + step]
        run.targets[step] = tokens[done + step + 1]
      }
      let loss = try run.lossesAndGradient(scale: 1 / Float(count), team)
      let norm = update.norm(gradients, team)
      guard loss.isFinite, norm.isFinite else {
        throw Failure(
          .diverged, "dynamic evaluation diverged at token \(done); use a smaller learning rate")
      }
      sum += loss
      done += count
      number += 1
      update.apply(
        gradients, norm: norm, clip: rule.clip, to: weights, number: number,
        learningRate: rule.learningRate, team)
      if rule.decay > 0 { pull(towards: start, by: Float(rule.decay)) }
      run.unroll.carryState()
    }
    return sum / Double(predictions)
  }

  /// w += part * (start - w).
  private func pull(towards start: ParameterBuffer, by part: Float) {
    let (own, target) = (weights.values, start.values)
    for index in 0..<own.count { own.base[index] += part * (target.base[index] - own.base[index]) }
    weights.version &+= 1
  }
}
