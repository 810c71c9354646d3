import Cells
import Search
import Support
import Testing

@Suite("A species")
struct SpeciesTests {
  /// A tree without labels, for the slow distance.
  private indirect enum Outline {
    case leaf
    case unary(Outline)
    case binary(Outline, Outline)

    init(_ tree: NodeTree, _ place: inout Int) {
      let arity = tree.nodes[place].element.arity
      place += 1
      switch arity {
      case 0: self = .leaf
      case 1: self = .unary(Outline(tree, &place))
      default:
        let first = Outline(tree, &place)
        self = .binary(first, Outline(tree, &place))
      }
    }

    init(_ tree: NodeTree) {
      var place = 0
      self.init(tree, &place)
    }

    var size: Int {
      switch self {
      case .leaf: 1
      case .unary(let a): 1 + a.size
      case .binary(let a, let b): 1 + a.size + b.size
      }
    }
    var depth: Int {
      switch self {
      case .leaf: 1
      case .unary(let a): 1 + a.depth
      case .binary(let a, let b): 1 + max(a.depth, b.depth)
      }
    }
    /// All of the 2^n trees that exchanges of arguments make.
    var rotations: [Outline] {
      switch self {
      case .leaf: [.leaf]
      case .unary(let a): a.rotations.map { .unary($0) }
      case .binary(let a, let b):
        a.rotations.flatMap { a in b.rotations.flatMap { [.binary(a, $0), .binary($0, a)] } }
      }
    }
    /// What both share from the root as they stand.
    func shared(_ other: Outline) -> Outline {
      switch (self, other) {
      case (.unary(let a), .unary(let c)): .unary(a.shared(c))
      case (.binary(let a, let b), .binary(let c, let d)): .binary(a.shared(c), b.shared(d))
      default: .leaf
      }
    }
    func slowDistance(_ other: Outline) -> Double {
      rotations.map { rotation in
        let shared = rotation.shared(other)
        func part(_ total: Int, _ shared: Int) -> Double {
          total <= 2 ? 0 : Double(total - 2 * shared) / Double(total - 2)
        }
        return 0.5 * part(size + other.size, shared.size)
          + 0.5 * part(depth + other.depth, shared.depth)
      }.min() ?? .nan
    }
  }

  /// The same tree with random arguments exchanged.
  private func mirrored(_ tree: NodeTree, _ choices: inout Choices) -> NodeTree {
    func turn(_ place: Int) -> [NodeTree.Node] {
      let node = tree.nodes[place]
      guard node.element.arity > 0 else { return [node] }
      let first = place + 1
      guard node.element.arity == 2 else { return [node] + turn(first) }
      let second = tree.end(of: first)
      return choices.chance(0.5)
        ? [node] + turn(second) + turn(first) : [node] + turn(first) + turn(second)
    }
    return NodeTree(turn(0))
  }

  private func distance(_ a: NodeTree, _ b: NodeTree) -> Double {
    TreeShape(a).distance(TreeShape(b))
  }

  @Test("is told by a distance that is the least over all listed rotations")
  func brute() {
    var compared = 0
    var differing = 0
    let trees = NodeTreeTests.trees(60).filter { tree in
      tree.nodes.count { $0.element.arity == 2 } <= 7
    }
    for a in trees {
      for b in trees {
        let slow = Outline(a).slowDistance(Outline(b))
        let fast = distance(a, b)
        #expect(abs(fast - slow) < 1e-12, "\(a.text) and \(b.text): \(fast), listed \(slow)")
        #expect(TreeShape(a).leastDistance(TreeShape(b)) <= fast + 1e-12)
        compared += 1
        if fast > 0 { differing += 1 }
      }
    }
    print("\(compared) pairs compared, \(differing) of them apart")
    #expect(compared > 400 && differing > 200)
  }

  @Test("is told by a distance that is symmetric, 0 for mirror images and from 0 to 1")
  func symmetric() {
    let trees = NodeTreeTests.trees(60)
    for (seed, a) in trees.enumerated() {
      var choices = Choices(seed: UInt64(seed))
      let image = mirrored(a, &choices)
      #expect(distance(a, image) == 0, "seed \(seed): \(a.text) and \(image.text)")
      for b in trees {
        let there = distance(a, b)
        #expect(there == distance(b, a) && there >= 0 && there <= 1)
        #expect(abs(there - distance(image, b)) < 1e-12)
      }
    }
  }

  @Test("is told by a distance that grows with mutations")
  func grows() {
    var means: [Double] = []
    for mutations in [1, 3, 9, 27] {
      var sum = 0.0
      for seed in 0..<100 {
        var choices = Choices(seed: UInt64(seed))
        let tree = NodeTree.random(height: 4, modi: 0.3, &choices)
        var other = tree
        for _ in 0..<mutations { other = other.inserting(modi: 0.3, &choices) ?? other }
        sum += distance(tree, other)
      }
      means.append(sum / 100)
    }
    print("distances after 1, 3, 9, 27 insertions: \(means)")
    #expect(means == means.sorted() && means[0] > 0.01 && means[3] > 2 * means[0])
  }

  /// Results of trees with losses, in order.
  private func results(_ trees: [(text: String, loss: Double)]) throws -> [Proposal] {
    try trees.enumerated().map { index, entry in
      let tree = try #require(NodeTree(text: entry.text))
      var proposal = Proposal(
        id: index + 1, seed: 1, strategy: "evolution", cell: try tree.cell(), notes: entry.text)
      proposal.state = .scored
      proposal.loss = entry.loss
      return proposal
    }
  }

  @Test("is shamed when four generations of results have not improved its best")
  func shamed() throws {
    let small = "(tanh 1)"
    // Fillers of another species, better each time.
    let large = NodeTree.lstm.text
    func population(_ between: Int) throws -> Population {
      let fillers = (0..<between).map { (text: large, loss: 5 - Double($0) * 0.01) }
      return Population(
        try results([(text: small, loss: 3)] + fillers), size: 5, threshold: 0.3, patience: 4)
    }
    #expect(try population(19).shame.isEmpty)
    let later = try population(20)
    #expect(later.shame == [TreeShape(try #require(NodeTree(text: small)))])
    #expect(later.living.allSatisfy { later.members[$0.member].tree == .lstm })
    // An improvement in between brings it back.
    let again = try results(
      [(text: small, loss: 3)] + (0..<15).map { (text: large, loss: 5 - Double($0) * 0.01) }
        + [(text: "(relu 2)", loss: 2)]
        + (0..<8).map { (text: large, loss: 4 - Double($0) * 0.01) })
    #expect(Population(again, size: 5, threshold: 0.3, patience: 4).shame.isEmpty)
    // A member that rose a rung does not stand in the way of new ones that are better where it was.
    var risen = again
    (risen[0].rung, risen[0].loss) = (1, 1)
    risen[0].curve = [CurvePoint(updates: 1, loss: 3), CurvePoint(updates: 3, loss: 1)]
    #expect(Population(risen, size: 5, threshold: 0.3, patience: 4).shame.isEmpty)
    // When all are shamed they are parents all the same.
    let worse = try results((0..<40).map { (text: small, loss: 3 + Double($0)) })
    let over = Population(worse, size: 5, threshold: 0.3, patience: 4)
    #expect(over.shame.count == 1 && over.living.count == 5)
  }

  @Test("is the same whether or not an earlier population left its labels")
  func keptLabels() throws {
    let all = try results(
      NodeTreeTests.trees(60).enumerated().map { (text: $1.text, loss: 3 + Double($0 % 7)) })
    let distances = TreeDistances()
    // Longer, shorter, other results, another threshold.
    let others = Array(all.reversed())
    for (scored, threshold) in [
      (Array(all.prefix(30)), 0.3), (all, 0.3), (Array(all.prefix(40)), 0.3), (others, 0.3),
      (others, 0.1), (all, 0.1),
    ] {
      let fresh = Population(scored, size: 20, threshold: threshold, patience: 4)
      let kept = Population(scored, size: 20, threshold: threshold, patience: 4, distances)
      #expect(kept.species.map(\.members) == fresh.species.map(\.members))
      #expect(kept.species.map(\.best) == fresh.species.map(\.best))
      #expect(kept.members.map(\.tree) == fresh.members.map(\.tree))
      #expect(kept.living.map(\.member) == fresh.living.map(\.member))
      #expect(fresh.species.count > 2)
    }
  }

  @Test("has offspring by the mean fitness of its members, not by their number")
  func quotas() throws {
    let crowd = (0..<9).map { (text: NodeTree.lstm.text, loss: 1.1 + Double($0)) }
    let population = Population(
      try results([(text: "(tanh 1)", loss: 1)] + crowd), size: 100, threshold: 0.3, patience: 4)
    #expect(population.species.count == 2)
    let shares = population.quotas.map(\.share)
    // Ranks from the worst up: 10 for the one, 9 to 1 for the crowd.
    #expect(shares == [10, 5])
  }

  @Test("in the Hall of Shame has no offspring near it")
  func outside() {
    let trees = NodeTreeTests.trees(20)
    let shame = trees.map { TreeShape($0) }
    let (settings, distances) = (GeneticSettings.scaled, TreeDistances())
    var escaped = 0
    for seed in 0..<100 {
      var choices = Choices(seed: UInt64(seed))
      guard
        let child = Evolution.leaving(
          shame, trees[seed % trees.count], settings, distances, &choices)
      else { continue }
      escaped += 1
      #expect(child.isLegal)
      #expect(shame.allSatisfy { $0.distance(TreeShape(child)) >= 0.3 }, "seed \(seed)")
    }
    print("\(escaped) of 100 came out of the Hall of Shame")
    #expect(escaped > 80)
  }
}
