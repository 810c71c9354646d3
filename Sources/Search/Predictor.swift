import Cells
import Glibc
import Kernels
import Synchronization

/// Guesses the loss of a cell before it is trained, from its graph and the loss of its parent.
///
/// Ridge regression on standardised counts: a few dozen scores do not carry more.
package struct Predictor: Sendable {
  private var standard: Standardization
  private var weights: [Double]
  private var meanLoss: Double
  /// Losses of the proposals that it knows, by id.
  private var losses: [Int: Double]

  /// What the squares of the weights are held down by.
  private static let ridge = 4.0
  /// How many times as far above the median as the best is below it a loss counts, at most: squares of
  /// the loss of one cell that exploded would decide all weights.
  private static let reach = 10.0

  /// - Parameter cells: with their first loss; nil for too few.
  package init?(_ cells: [Proposal]) {
    guard cells.count >= 8 else { return nil }
    let sorted = cells.map(\.firstLoss).sorted()
    let median = sorted[sorted.count / 2]
    let most = median + Self.reach * (median - sorted[0])
    let targets = cells.map { min($0.firstLoss, most) }
    let losses = Dictionary(zip(cells.map(\.id), targets)) { first, _ in first }
    let mean = targets.reduce(0, +) / Double(cells.count)
    let rows = cells.map { cell in
      Self.features(cell.cell) + [losses[cell.parents.first ?? 0] ?? mean]
    }
    standard = Standardization(rows)
    let scaled = rows.map(standard.apply)
    guard let solved = solveRidge(scaled, targets.map { $0 - mean }, ridge: Self.ridge) else {
      return nil
    }
    weights = solved
    meanLoss = mean
    self.losses = losses
  }

  /// The loss that a cell is expected to have after its first rung.
  package func loss(of cell: Cell, parent: Int) -> Double {
    let row = standard.apply(Self.features(cell) + [losses[parent] ?? meanLoss])
    return meanLoss + zip(row, weights).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// Counts of what a cell is made of.
  static func features(_ cell: Cell) -> [Double] {
    let graph = cell.graph
    var counts = [Double](repeating: 0, count: Operation.all.count)
    var matrices = 0.0
    var carries = 0.0
    var depths = [Double](repeating: 0, count: graph.nodes.count)
    func isState(_ node: Int) -> Bool {
      if case .state = graph.nodes[node].kind { true } else { false }
    }
    for (index, node) in graph.nodes.enumerated() {
      depths[index] = node.operands.isEmpty ? 0 : 1 + (node.operands.map { depths[$0] }.max() ?? 0)
      switch node.kind {
      case .operation(let operation):
        if let place = Operation.all.firstIndex(of: operation) { counts[place] += 1 }
        // A previous state that goes on without a matrix: what keeps gradients alive.
        if node.operands.contains(where: isState) { carries += 1 }
      case .affine(let products, _): matrices += Double(products.count)
      default: break
      }
    }
    let deepest = graph.states.map { depths[$0.next] }.max() ?? 0
    return counts.map { log1p($0) } + [
      log1p(matrices), log1p(carries), deepest, Double(graph.states.count),
      log1p(Double(graph.nodes.count)),
    ]
  }
}

extension Proposal {
  /// The loss at the end of its first rung.
  var firstLoss: Double {
    rungLosses.first ?? curve.first { $0.loss.isFinite }?.loss ?? loss
  }
}

/// The predictor of a study as it grows: made anew with every few scores, and handed out only while its
/// guesses are better than the parent's loss, which costs nothing.
final class PredictorCache: Sendable {
  private struct State {
    var known = 0
    var predictor: Predictor?
    /// Guesses made before the score was known.
    var guesses: [Guess] = []
  }
  private struct Guess {
    var predicted: Double
    var parent: Double
    var loss: Double
  }
  private let state = Mutex(State())

  /// Scores between two predictors.
  private static let stride = 8
  /// Guesses of the best fifth that say whether a predictor is worth it.
  private static let fewest = 6

  func current(_ history: History) -> Predictor? {
    let cells = history.cells.filter { $0.firstLoss.isFinite }
    let count = cells.count / Self.stride * Self.stride
    return state.withLock { state in
      if count < state.known { state = State() }
      while state.known < count {
        let next = cells[state.known..<(state.known + Self.stride)]
        if let predictor = state.predictor {
          let losses = Dictionary(cells.prefix(state.known).map { ($0.id, $0.firstLoss) }) { a, _ in
            a
          }
          for cell in next {
            guard let parent = cell.parents.first, let parentLoss = losses[parent] else { continue }
            state.guesses.append(
              Guess(
                predicted: predictor.loss(of: cell.cell, parent: parent), parent: parentLoss,
                loss: cell.firstLoss))
          }
        }
        state.known += Self.stride
        state.predictor = Predictor(Array(cells.prefix(state.known)))
      }
      return Self.isTrusted(state.guesses) ? state.predictor : nil
    }
  }

  /// Whether guesses order the best fifth of what they were made for better than the parents' losses.
  private static func isTrusted(_ guesses: [Guess]) -> Bool {
    let best = guesses.sorted { $0.loss < $1.loss }.prefix(max(fewest, guesses.count / 5))
    guard best.count >= fewest, guesses.count >= 2 * fewest else { return false }
    let guessed = kendallTau(best.map { ($0.predicted, $0.loss) })
    let inherited = kendallTau(best.map { ($0.parent, $0.loss) })
    return guessed > max(0, inherited.isNaN ? 0 : inherited)
  }
}

/// Mean and spread of each feature.
private struct Standardization: Sendable {
  private var means: [Double]
  private var scales: [Double]

  init(_ rows: [[Double]]) {
    let width = rows.first?.count ?? 0
    let count = Double(max(1, rows.count))
    means = (0..<width).map { column in rows.reduce(0) { $0 + $1[column] } / count }
    let means = means
    scales = (0..<width).map { column in
      let variance = rows.reduce(0) { $0 + pow($1[column] - means[column], 2) } / count
      // What never varied says nothing yet.
      return variance > 1e-12 ? 1 / variance.squareRoot() : 0
    }
  }

  func apply(_ row: [Double]) -> [Double] {
    row.indices.map { (row[$0] - means[$0]) * scales[$0] }
  }
}

/// The weights w that make |X w - y|² + ridge |w|² least, by Cholesky's decomposition; nil where it fails.
func solveRidge(_ rows: [[Double]], _ targets: [Double], ridge: Double) -> [Double]? {
  let size = rows.first?.count ?? 0
  guard size > 0, rows.allSatisfy({ $0.count == size }), rows.count == targets.count else {
    return nil
  }
  var matrix = [[Double]](repeating: [Double](repeating: 0, count: size), count: size)
  var right = [Double](repeating: 0, count: size)
  for (row, target) in zip(rows, targets) {
    for i in 0..<size {
      right[i] += row[i] * target
      for j in 0...i { matrix[i][j] += row[i] * row[j] }
    }
  }
  for i in 0..<size {
    matrix[i][i] += ridge
    for j in 0...i {
      var sum = matrix[i][j]
      for k in 0..<j { sum -= matrix[i][k] * matrix[j][k] }
      if i == j {
        guard sum > 0, sum.isFinite else { return nil }
        matrix[i][i] = sum.squareRoot()
      } else {
        matrix[i][j] = sum / matrix[j][j]
      }
    }
  }
  for i in 0..<size {
    for k in 0..<i { right[i] -= matrix[i][k] * right[k] }
    right[i] /= matrix[i][i]
  }
  for i in (0..<size).reversed() {
    for k in (i + 1)..<size { right[i] -= matrix[k][i] * right[k] }
    right[i] /= matrix[i][i]
  }
  return right
}
