import Synchronization

/// Scored trees in species, by the order of their results alone.
///
/// In a search without pauses a generation is as many results as there are trees in the population: a
/// species that no result of `patience` generations has improved is shamed.
package struct Species: Sendable {
  package struct Member: Sendable {
    package var proposal: Proposal
    package var tree: NodeTree
    package var shape: TreeShape
  }

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
  /// All scored trees, in the order of their results.
  package private(set) var members: [Species.Member] = []
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
    for proposal in scored where proposal.loss.isFinite {
      guard let tree = distances.tree(of: proposal) else { continue }
      let shape = distances.shape(tree)
      let place = members.count
      members.append(Species.Member(proposal: proposal, tree: tree, shape: shape))
      if let own = species.firstIndex(where: {
        distances.isNear($0.representative, shape, threshold)
      }) {
        species[own].members.append(place)
        if proposal.firstLoss < members[species[own].best].proposal.firstLoss {
          species[own].best = place
        }
      } else {
        species.append(
          Species(representative: shape, members: [place], best: place))
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
        .sorted { Proposal.isBetter(members[$0.member].proposal, members[$1.member].proposal) }
        .prefix(size))
  }

  /// The Hall of Shame: what no offspring may be near to.
  package var shame: [TreeShape] { species.filter(\.isShamed).map(\.representative) }

  /// Offspring that each living species is owed, by the fitness that its members share.
  ///
  /// Fitness is the rank from the worst up, as losses of different rungs do not compare; a member's
  /// is divided by the size of its species, so that a crowd gets no more than its mean.
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
  package func parent(of species: Int?, _ choices: inout Choices) -> Species.Member? {
    let pool = living.filter { species == nil || $0.species == species }
    let place = min(choices.below(pool.count), choices.below(pool.count))
    return pool.indices.contains(place) ? members[pool[place].member] : nil
  }
}

/// Trees read and distances worked out before, for any number of populations.
package final class TreeDistances: Sendable {
  private struct Known {
    var trees: [String: NodeTree?] = [:]
    var shapes: [NodeTree: TreeShape] = [:]
    var distances: [TreeShape: [TreeShape: Double]] = [:]
    var count = 0
  }
  /// Distances that are kept; all are dropped when there are more.
  private static let limit = 500_000
  private let known = Mutex(Known())

  package init() {}

  /// The tree that a proposal's notes have, or that its cell is.
  func tree(of proposal: Proposal) -> NodeTree? {
    let key = proposal.notes + "\n" + proposal.digest
    if let found = known.withLock({ $0.trees[key] }) { return found }
    let tree = NodeTree(text: proposal.notes) ?? NodeTree(proposal.cell)
    known.withLock { $0.trees[key] = .some(tree) }
    return tree
  }

  func shape(_ tree: NodeTree) -> TreeShape {
    if let found = known.withLock({ $0.shapes[tree] }) { return found }
    let shape = TreeShape(tree)
    known.withLock { $0.shapes[tree] = shape }
    return shape
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
