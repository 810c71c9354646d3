import Cells
import Kernels

/// Genetic programming of trees in species, after Rawal and Miikkulainen 2018, arXiv:1803.04439.
///
/// Random full trees begin. Then species, told apart by the outlines of their trees, have offspring as
/// the ranks that their members share say; species that do not improve go to the Hall of Shame, and
/// whatever is born near one of those is changed on until it is near none. Nothing waits for the end of
/// a generation, which is a number of results (`GeneticSettings.generation`).
package struct Evolution: Strategy {
  package static let name = "evolution"
  package static let summary =
    "genetic programming of trees in species, with a hall of shame for those that do not improve"
  package static let predictsCurves = true
  package static let mixesLayers = true
  package static let takesStarts = true

  private let settings: GeneticSettings
  private let distances = TreeDistances()

  package static func sizes(_ preset: Preset) -> String? {
    switch preset {
    case .scaled:
      "generations of 100 sqrt(n / 3000) trees after n proposals, 20 to 100; heights 3 to 6; begins with "
        + "LSTM and Elman's cell"
    case .paper: "generations of 100 trees of height 6"
    }
  }

  package init(_ preset: Preset) { self.init(preset == .paper ? GeneticSettings.paper : .scaled) }

  package init(_ settings: GeneticSettings) { self.settings = settings }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    let size = settings.generation(after: history.accepted)
    let start = history.settings.space.start.count
    if history.accepted < max(settings.generation(after: 0), start) {
      return try beginning(history, &choices)
    }
    let population = Population(
      history.cells, size: size, threshold: settings.threshold, patience: settings.patience,
      distances)
    let quotas = population.quotas
    let species = quotas.isEmpty ? nil : quotas[choices.weighted(quotas.map(\.share))].species
    guard let parent = population.parent(of: species, &choices) else {
      return try beginning(history, &choices)
    }
    var parents = [parent.proposal.id]
    var child = parent.tree
    if choices.chance(settings.crossover) {
      // A species of one has no other parent of its own.
      let kin = population.parent(of: species, &choices)
      let mate = kin?.proposal.id == parent.proposal.id ? population.parent(of: nil, &choices) : kin
      if let mate, mate.proposal.id != parent.proposal.id,
        let crossed = child.crossing(with: mate.tree, &choices)
      {
        child = crossed
        parents.append(mate.proposal.id)
      }
    }
    let layers = history.settings.mixedLayers
    if layers > 1, choices.chance(Self.reassembled) {
      return try assembled(parent, of: population, layers: layers, &choices)
    }
    if child == parent.tree { child = Self.mutated(child, settings, &choices) }
    guard
      let outside = Self.leaving(population.shame, child, settings, distances, &choices)?
        .within(history.settings.space, &choices)
    else { throw Failure(.state, "the offspring stayed near a species that does not improve") }
    return Candidate(
      try outside.cell(), upper: parent.proposal.upper, parents: parents, notes: outside.text,
      remarks: [.species: Double(population.species.count { !$0.isShamed })])
  }

  /// How many children in a study of mixed layers have the cells of trees that are there, anew in their
  /// layers.
  private static let reassembled = 0.5

  /// The layers of a parent, one of which gets the cell of another tree of the population: the second level of
  /// the paper, which puts networks together from different nodes.
  private func assembled(
    _ parent: Population.Parent, of population: Population, layers: Int, _ choices: inout Choices
  ) throws(Failure) -> Candidate {
    guard let donor = population.parent(of: nil, &choices) else {
      throw Failure(.state, "no tree lives to take a layer's cell from")
    }
    let own = parent.proposal
    var cells = [own.cell] + own.upper
    while cells.count < layers { cells.append(own.cell) }
    let layer = choices.below(layers)
    let given = ([donor.proposal.cell] + donor.proposal.upper)
    cells[layer] = choices.pick(given) ?? donor.proposal.cell
    return Candidate(
      cells[0], upper: Array(cells.dropFirst()), parents: [own.id, donor.proposal.id],
      notes: layer == 0 ? NodeTree(cells[0])?.text ?? "" : own.notes)
  }

  /// One of the cells that the search begins with, or a random one.
  private func beginning(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate {
    let space = history.settings.space
    if space.start.indices.contains(history.accepted) {
      let cell = try Cell(parsing: space.start[history.accepted])
      if !history.has(cell) { return Candidate(cell, notes: NodeTree(cell)?.text ?? "") }
    } else if space.start.isEmpty, settings.founders.indices.contains(history.accepted),
      let founder = NodeTree(text: settings.founders[history.accepted])
    {
      let cell = try founder.cell()
      if !history.has(cell), space.reason(against: cell) == nil {
        return Candidate(cell, notes: founder.text)
      }
    }
    let heights = settings.heights
    // A weighted sum is a step of depth itself.
    let height = min(
      heights.lowerBound + choices.below(heights.count), max(1, (space.depth ?? 99) - 1))
    guard
      let tree = NodeTree.random(height: height, modi: settings.modi, &choices)
        .within(space, &choices)
    else { throw Failure(.state, "nothing of the random tree is in the search space") }
    return Candidate(try tree.cell(), notes: tree.text)
  }

  /// Mutated once: inserted into, shrunk or replaced in, each as often as its rate says.
  static func mutated(
    _ tree: NodeTree, _ settings: GeneticSettings, _ choices: inout Choices
  ) -> NodeTree {
    for _ in 0..<20 {
      let child =
        switch choices.weighted([settings.insert, settings.shrink, settings.replace]) {
        case 0: tree.inserting(modi: settings.modi, &choices)
        case 1: tree.shrinking(&choices)
        default: tree.replacing(&choices)
        }
      if let child { return child }
    }
    return tree
  }

  /// A tree mutated on until it is near nothing in the Hall of Shame; nil when it does not come out.
  package static func leaving(
    _ shame: [TreeShape], _ tree: NodeTree, _ settings: GeneticSettings,
    _ distances: TreeDistances, _ choices: inout Choices
  ) -> NodeTree? {
    var tree = tree
    for _ in 0..<60 {
      let shape = TreeShape(tree)
      if !shame.contains(where: { distances.isNear($0, shape, settings.threshold) }) { return tree }
      tree = mutated(tree, settings, &choices)
    }
    return nil
  }
}
