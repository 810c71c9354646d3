import Kernels

/// How often each operator is applied, and to what.
package struct GeneticSettings: Sendable {
  /// The chance that an offspring has two parents; the others are mutated, once.
  package var crossover = 0.6
  /// How a mutation is drawn.
  ///
  /// The paper names two rates; replacement has the rest.
  package var insert = 0.6
  package var shrink = 0.3
  package var replace = 0.1
  /// The chance that an element that is added is tied to a memory.
  package var modi = 0.3
  /// Trees nearer than this are of one species.
  package var threshold = 0.3
  /// Generations without a better cell after which a species is shamed.
  package var patience = 4
  /// Of trees that begin.
  package var heights = 6...6
  /// Trees of which generations are made; nil to grow with the search.
  package var population: Int? = 100
  /// Known cells that begin, in text.
  package var founders: [String] = []

  /// What the paper ran: 30 generations of 100.
  package static let paper = GeneticSettings()
  /// For any budget: the paper's rates, small trees among the first ones, LSTM and Elman's cell too.
  package static let scaled: GeneticSettings = {
    var settings = GeneticSettings()
    settings.heights = 3...6
    settings.population = nil
    settings.founders = [NodeTree.lstm.text, "(tanh 1)"]
    return settings
  }()

  /// Trees of a generation after so many proposals.
  ///
  /// Where the budget is not known it is 100 * sqrt(proposals / 3000), which gives the paper's 100 at the
  /// paper's 3000, 32 at 300 and never less than 20.
  package func generation(after proposals: Int) -> Int {
    if let population { return max(2, population) }
    let root = (Double(max(0, proposals)) / 3000).squareRoot()
    return Int((100 * root).rounded().clamped(to: 20...100))
  }
}

extension Comparable {
  func clamped(to range: ClosedRange<Self>) -> Self {
    min(max(self, range.lowerBound), range.upperBound)
  }
}

extension NodeTree {
  // MARK: Random trees

  /// A full tree: all leaves at the same height, no nonlinearity on another.
  package static func random(height: Int, modi: Double, _ choices: inout Choices) -> NodeTree {
    let height = min(max(1, height), maxHeight)
    var tree = NodeTree([])
    for _ in 0..<100 {
      tree = NodeTree([])
      // Memories that may be read are those that will be tied.
      let ties = memories.indices.filter { _ in choices.chance(modi) }
      tree.grow(height: height, under: nil, ties, &choices)
      for tie in ties { tree.tie(tie, &choices) }
      if tree.isLegal { return tree }
    }
    return NodeTree([Node(.tanh), Node(.base(1))])
  }

  private mutating func grow(
    height: Int, under parent: Element?, _ ties: [Int], _ choices: inout Choices
  ) {
    guard nodes.count <= Self.maxSize else { return }
    guard height > 0 else {
      nodes.append(Node(Self.leaf(ties, &choices)))
      return
    }
    let isUnary = parent?.arity != 1 && choices.below(5) < Element.nonlinear.count
    let pool = isUnary ? Element.nonlinear : Element.binary
    let element = pool[choices.below(pool.count)]
    nodes.append(Node(element))
    for _ in 0..<element.arity { grow(height: height - 1, under: element, ties, &choices) }
  }

  private static func leaf(_ readable: [Int], _ choices: inout Choices) -> Element {
    let draw = choices.below(baseCount + readable.count)
    return draw < baseCount ? .base(1 + draw) : .memory(readable[draw - baseCount])
  }

  /// Ties a memory to some element that has arguments and no tie.
  private mutating func tie(_ memory: Int, _ choices: inout Choices) {
    let free = nodes.indices.filter { nodes[$0].element.arity > 0 && nodes[$0].tie == nil }
    if let place = choices.pick(free) { nodes[place].tie = memory }
  }

  /// Keeps the first tie of each memory, and ties those that are read without one.
  mutating func settle(_ choices: inout Choices) {
    for memory in Self.memories.indices {
      let ties = nodes.indices.filter { nodes[$0].tie == memory }
      for place in ties.dropFirst() { nodes[place].tie = nil }
      if ties.isEmpty, nodes.contains(where: { $0.element == .memory(memory) }) {
        tie(memory, &choices)
      }
    }
  }

  // MARK: Mutations
  //
  // Each gives nil where it applies nowhere or what it drew is not legal.

  /// Replaces an element by another of as many arguments.
  package func replacing(_ choices: inout Choices) -> NodeTree? {
    var tree = self
    let place = choices.below(nodes.count)
    guard nodes.indices.contains(place) else { return nil }
    let old = nodes[place].element
    let pool: [Element] =
      switch old.arity {
      case 2: Element.binary
      case 1: Element.nonlinear
      default: (1...Self.baseCount).map { .base($0) } + Self.memories.indices.map { .memory($0) }
      }
    guard let new = choices.pick(pool.filter { $0 != old }) else { return nil }
    tree.nodes[place].element = new
    tree.settle(&choices)
    return tree.isLegal ? tree : nil
  }

  /// Puts a new element somewhere, whose argument is what stood there; a second argument is a new
  /// leaf, or a nonlinear function of one.
  package func inserting(modi: Double, _ choices: inout Choices) -> NodeTree? {
    let place = choices.below(nodes.count)
    guard nodes.indices.contains(place) else { return nil }
    let end = end(of: place)
    let parent = parents[place]
    let mayBeUnary =
      nodes[place].element.arity != 1 && (parent < 0 || nodes[parent].element.arity != 1)
    let pool = Element.binary + (mayBeUnary ? Element.nonlinear : [])
    guard let element = choices.pick(pool) else { return nil }
    var tree = self
    var added = Node(element)
    if choices.chance(modi) { added.tie = choices.below(Self.memories.count) }
    if let tie = added.tie {
      // The tie moves here from wherever it was.
      for other in tree.nodes.indices where tree.nodes[other].tie == tie {
        tree.nodes[other].tie = nil
      }
    }
    var branch: [Node] = []
    if element.arity == 2 {
      var leaf = Self.leaf(Array(Self.memories.indices), &choices)
      // A memory that nothing reads would be no memory.
      if let tie = added.tie, !nodes.contains(where: { $0.element == .memory(tie) }) {
        leaf = .memory(tie)
      }
      if case .base = leaf, choices.chance(0.5), let function = choices.pick(Element.nonlinear) {
        branch.append(Node(function))
      }
      branch.append(Node(leaf))
    }
    if choices.chance(0.5) {
      tree.nodes.insert(contentsOf: branch, at: end)
      tree.nodes.insert(added, at: place)
    } else {
      tree.nodes.insert(contentsOf: [added] + branch, at: place)
    }
    tree.settle(&choices)
    return tree.isLegal ? tree : nil
  }

  /// Replaces an element by one of its arguments, which takes over its tie where it can.
  package func shrinking(_ choices: inout Choices) -> NodeTree? {
    guard let children,
      let place = choices.pick(nodes.indices.filter { nodes[$0].element.arity > 0 })
    else { return nil }
    let own = children[place]
    let kept = own.second >= 0 && choices.chance(0.5) ? own.second : own.first
    var branch = Array(nodes[kept..<end(of: kept)])
    if branch[0].tie == nil, branch[0].element.arity > 0 { branch[0].tie = nodes[place].tie }
    var tree = self
    tree.nodes.replaceSubrange(place..<end(of: place), with: branch)
    tree.settle(&choices)
    return tree.isLegal ? tree : nil
  }

  // MARK: Crossover

  /// Pairs of places that are the same way from both roots, over elements of as many arguments: the
  /// region that both trees have in common, with its edge.
  package func commonRegion(with other: NodeTree) -> [(own: Int, other: Int)] {
    guard let mine = children, let theirs = other.children else { return [] }
    var region: [(own: Int, other: Int)] = []
    var open = [(own: 0, other: 0)]
    while let pair = open.popLast() {
      region.append(pair)
      let arity = nodes[pair.own].element.arity
      guard arity == other.nodes[pair.other].element.arity else { continue }
      if arity > 1 { open.append((mine[pair.own].second, theirs[pair.other].second)) }
      if arity > 0 { open.append((mine[pair.own].first, theirs[pair.other].first)) }
    }
    return region
  }

  /// Homologous one-point crossover, of Francone and others 1999.
  ///
  /// A subtree of the common region is replaced by that of the donor at the same place.
  package func crossing(with donor: NodeTree, _ choices: inout Choices) -> NodeTree? {
    let parents = parents
    let points = commonRegion(with: donor).filter { point in
      guard parents[point.own] >= 0 else { return false }
      let isUnary = nodes[parents[point.own]].element.arity == 1
      guard !isUnary || donor.nodes[point.other].element.arity != 1 else { return false }
      return nodes[point.own..<end(of: point.own)]
        != donor.nodes[point.other..<donor.end(of: point.other)]
    }
    guard let point = choices.pick(points) else { return nil }
    var tree = self
    tree.nodes.replaceSubrange(
      point.own..<end(of: point.own),
      with: donor.nodes[point.other..<donor.end(of: point.other)])
    tree.settle(&choices)
    return tree.isLegal && tree != self ? tree : nil
  }
}
