import Synchronization

/// Scored trees in species, by the order of their results alone.
///
/// In a search without pauses a generation is as many results as there are trees in the population: a
/// species that no result of `patience` generations has improved is shamed.
package struct Species: Sendable {
  /// The founder, which all members are compared with.
  package let representative: TreeShape
  /// Places in `Population.members`.
  package var members: [Int]
  /// The best of them at the first rung, where all were: one that rose is ahead of all that are new.
  package var best: Int
  package var isShamed = false
}

/// What a genetic search knows at one moment.
package struct Population: Sendable {
  /// A scored tree, with its place among the results.
  package typealias Member = (tree: NodeTree, result: Int)
  /// What may have offspring.
  package typealias Parent = (tree: NodeTree, proposal: Proposal)

  private let results: [Proposal]
  /// All scored trees, in the order of their results.
  package private(set) var members: [Member] = []
  package private(set) var species: [Species] = []
  /// Places of the members that may be parents, best first, each with its species.
  package private(set) var living: [(member: Int, species: Int)] = []

  /// - Parameters:
  ///   - scored: proposals with their trees in `notes`, and cells that are trees; others are left out.
  ///   - size: trees that may be parents, which is also the length of a generation.
  package init(
    _ scored: [Proposal], size: Int, threshold: Double, patience: Int,
    _ distances: TreeDistances = TreeDistances()
  ) {
    let (patience, size) = (max(1, min(patience, 1000)), max(1, min(size, 100_000)))
    results = scored
    for (result, label) in distances.labels(scored, threshold).enumerated() {
      guard let label else { continue }
      let place = members.count
      members.append((label.tree, result))
      if label.species == species.count {
        species.append(Species(representative: label.shape, members: [place], best: place))
      } else {
        species[label.species].members.append(place)
        let best = members[species[label.species].best].result
        if scored[result].firstLoss < scored[best].firstLoss { species[label.species].best = place }
      }
    }
    for index in species.indices {
      species[index].isShamed = members.count - species[index].best > patience * size
    }
    // Where every species is shamed, they are stepping stones all the same.
    let isOver = species.allSatisfy(\.isShamed)
    let owners = species.enumerated().flatMap { index, species in
      species.members.map { (member: $0, species: index) }
    }
    living = Array(
      owners.filter { isOver || !species[$0.species].isShamed }
        .sorted { [members] a, b in
          Proposal.isBetter(scored[members[a.member].result], scored[members[b.member].result])
        }
        .prefix(size))
  }

  /// The Hall of Shame: what no offspring may be near to.
  package var shame: [TreeShape] { species.filter(\.isShamed).map(\.representative) }

  /// Offspring that each living species is owed, by the ranks of its members.
  ///
  /// Ranks count from the worst up, as losses of different rungs do not compare; a member's is divided by
  /// the size of its species, so that a crowd gets no more than its mean.
  package var quotas: [(species: Int, share: Double)] {
    var sums: [Int: (sum: Double, count: Int)] = [:]
    for (rank, entry) in living.enumerated() {
      sums[entry.species, default: (0, 0)].sum += Double(living.count - rank)
      sums[entry.species, default: (0, 0)].count += 1
    }
    return sums.sorted { $0.key < $1.key }.map { key, value in
      (species: key, share: value.sum / Double(value.count))
    }
  }

  /// A parent of a species by tournament of two, or of all; nil where nothing lives.
  package func parent(of species: Int?, _ choices: inout Choices) -> Parent? {
    let pool = living.filter { species == nil || $0.species == species }
    let place = min(choices.below(pool.count), choices.below(pool.count))
    guard pool.indices.contains(place) else { return nil }
    let member = members[pool[place].member]
    return (member.tree, results[member.result])
  }
}

/// Trees, species and distances worked out before, for any number of populations.
package final class TreeDistances: Sendable {
  private struct Known {
    var distances: [TreeShape: [TreeShape: Double]] = [:]
    var count = 0
    var labels = Labels()
  }
  /// The tree of a proposal, and the place of its species, which is new where it is the next one.
  struct Label {
    var tree: NodeTree
    var shape: TreeShape
    var species: Int
  }
  /// Of the proposals of the last population in their order, to which the next one adds a few: without them a
  /// search of 2,000 trees takes three times as long.
  private struct Labels {
    var threshold = 0.0
    var rows: [(id: Int, label: Label?)] = []
    var representatives: [TreeShape] = []
  }
  /// Distances that are kept; all are dropped when there are more.
  private static let limit = 500_000
  private let known = Mutex(Known())

  package init() {}

  /// The labels of proposals: of each tree the first species whose founder is near; nil for what is no tree.
  func labels(_ proposals: [Proposal], _ threshold: Double) -> [Label?] {
    var kept = known.withLock { $0.labels }
    let isSame =
      kept.threshold == threshold && kept.rows.count <= proposals.count
      && kept.rows.indices.allSatisfy { kept.rows[$0].id == proposals[$0].id }
    if !isSame { kept = Labels(threshold: threshold) }
    for proposal in proposals.dropFirst(kept.rows.count) {
      kept.rows.append((proposal.id, label(proposal, among: &kept.representatives, threshold)))
    }
    known.withLock { $0.labels = kept }
    return kept.rows.map(\.label)
  }

  private func label(
    _ proposal: Proposal, among representatives: inout [TreeShape], _ threshold: Double
  ) -> Label? {
    guard proposal.loss.isFinite,
      // What its notes have, or its cell is.
      let tree = NodeTree(text: proposal.notes) ?? NodeTree(proposal.cell)
    else { return nil }
    let shape = TreeShape(tree)
    if let near = representatives.firstIndex(where: { isNear($0, shape, threshold) }) {
      return Label(tree: tree, shape: shape, species: near)
    }
    representatives.append(shape)
    return Label(tree: tree, shape: shape, species: representatives.count - 1)
  }

  /// Whether two shapes are less than a threshold apart.
  package func isNear(_ a: TreeShape, _ b: TreeShape, _ threshold: Double) -> Bool {
    guard a.leastDistance(b) < threshold else { return false }
    if let found = known.withLock({ $0.distances[a]?[b] }) { return found < threshold }
    let distance = a.distance(b)
    known.withLock {
      if $0.count >= Self.limit { ($0.distances, $0.count) = ([:], 0) }
      $0.distances[a, default: [:]][b] = distance
      $0.count += 1
    }
    return distance < threshold
  }
}
