import Cells
import Kernels

/// Pieces of work that wait for whoever is free: more even out the threads, fewer hand out less.
private let piecesPerThread = 6

/// A network unrolled over T steps of B sequences: its memory, forward, and backward through time.
///
/// Threads split the batch, and after the time loop the rows of all steps and the strips of the weight
/// gradients; results are the same bits for any number of threads. Nothing is allocated from one run to
/// the next. One caller at a time.
package final class Unroll: @unchecked Sendable {
  package let network: Network
  /// The most steps, and the batch, that there is memory for.
  package let steps: Int
  package let batch: Int
  /// Which rows hold which sequence and step; see `prepare`.
  package private(set) var rows: Rows
  /// Masks to draw in the next forward; nil for none, as in evaluation.
  package var dropout: Dropout?
  /// Penalties on the last outputs, whose gradient backward adds; nil for none.
  package var activityPenalty: ActivityPenalty?

  private let weights: ParameterBuffer
  /// What is left of the weights where some are dropped.
  private var droppedWeights: WeightDropout?
  private let gradients: ParameterBuffer?
  private let kernels: KernelTable
  /// One for each part of the network.
  let layers: [LayerRun]
  /// One for each layer; nil where the output of the one is the input of the next as it is.
  private let junctions: [Junction?]
  private let inputMemory: StripMemory
  /// Gradients of each layer's input, and behind them of the last output.
  private var boundaries: [StripMemory] = []
  private var masks: [DropoutMemory] = []
  /// At which boundaries the last forward drew masks.
  private var isDropped: [Bool]
  private var scratch: [[Scratch]] = []
  /// The weights that the last forward used.
  private var runWeights: UnsafeMutablePointer<Float>

  /// Makes the memory for `steps` x `batch`, prepared for sequences of full length.
  ///
  /// - Parameters:
  ///   - gradients: receives the parameters' gradients; nil for forward alone, which needs little
  ///     memory.
  ///   - masksRecurrence: whether dropout of recurrent states is to come.
  ///   - drawsZoneout: whether the states that zoneout keeps are drawn, as in training; else they are
  ///     the mean.
  /// - Throws: `.invalidArgument` for sizes that are not positive, `.limit` and `.outOfMemory`.
  package init(
    _ network: Network, weights: ParameterBuffer, gradients: ParameterBuffer?, steps: Int,
    batch: Int, masksRecurrence: Bool = false, drawsZoneout: Bool = false,
    kernels: KernelTable = .current
  ) throws(Failure) {
    guard (1...Limits.steps).contains(steps), (1...Limits.batch).contains(batch) else {
      throw .invalid(
        "\(steps) steps of \(batch) sequences are out of range; use 1 to \(Limits.steps) steps and "
          + "1 to \(Limits.batch) sequences")
    }
    self.network = network
    self.weights = weights
    runWeights = weights.values.base
    self.gradients = gradients
    self.steps = steps
    self.batch = batch
    self.kernels = kernels
    let blocks = RowBlocks(batch: batch)
    rows = try Rows(steps: steps, blocks, lengths: nil)
    let capacity = steps * batch
    inputMemory = try StripMemory(rows: capacity, columns: network.inputSize)
    var layers: [LayerRun] = []
    let drawsZoneout = drawsZoneout && network.wiring.zoneout > 0
    for (index, part) in network.parts.enumerated() {
      var graph = part.cell.graph
      var (planned, schedule) = (network.graphs[index], network.schedules[index])
      if masksRecurrence || drawsZoneout {
        if masksRecurrence { graph = graph.withMaskedStates() }
        if !drawsZoneout { graph = graph.withZoneout(network.wiring.zoneout) }
        planned = try PlanGraph(graph, inputSize: part.inputSize, hiddenSize: part.hiddenSize)
        schedule = Schedule(planned)
      }
      let plan = PlanBuilder(
        states: graph.states, planned, schedule, inputSize: part.inputSize,
        hiddenSize: part.hiddenSize, places: network.parameters[index], keepsTape: gradients != nil
      ).build()
      let layer = try LayerRun(
        plan, stateCount: part.cell.graph.states.count, blocks, capacity: capacity)
      if drawsZoneout {
        layer.zoneout = try ZoneoutRun(plan, blocks, capacity: capacity)
      }
      layers.append(layer)
    }
    junctions = try network.cells.indices.map { layer throws(Failure) in
      guard network.wiring.isBidirectional || network.isResidual(layer: layer) else { return nil }
      return try Junction(network, layer: layer, capacity: capacity, keepsTape: gradients != nil)
    }
    self.layers = layers
    isDropped = Array(repeating: false, count: network.cells.count + 1)
    if gradients != nil {
      for boundary in 0...network.cells.count {
        boundaries.append(
          try StripMemory(rows: capacity, columns: network.inputSize(layer: boundary)))
      }
    }
    try prepareMemory(threads: 1)
  }

  /// Prepares for other lengths: `lengths[b]` steps of sequence b, at most `steps`.
  ///
  /// The initial states stay with their sequences.
  package func prepare(steps: Int, lengths: [Int]?) throws(Failure) {
    guard (1...self.steps).contains(steps) else {
      throw .invalid("\(steps) steps are out of range; there is memory for 1 to \(self.steps)")
    }
    // Most runs are like the one before.
    if lengths == nil, rows.steps == steps, rows.total == steps * batch { return }
    let new = try Rows(steps: steps, rows.blocks, lengths: lengths)
    if new.sequence != rows.sequence {
      let state = try Buffer<Float>(count: batch * network.stateSize)
      withExtendedLifetime(state) {
        storeInitialState(state.base)
        rows = new
        loadState(state.base)
      }
    }
    rows = new
  }

  // MARK: Values

  /// x, to be written before forward [rows.total, inputSize].
  package var input: StripView { inputMemory.view }
  /// The last layer's h after forward [rows.total, outputSize].
  package var output: StripView {
    isDropped[layerCount] ? masks[layerCount].values.view : wholeOutput
  }
  /// The same before dropout.
  private var wholeOutput: StripView { value(layerCount) }
  private var layerCount: Int { network.cells.count }

  /// What enters a layer before dropout or, for the number of layers, leaves the last one.
  private func value(_ boundary: Int) -> StripView {
    guard boundary > 0 else { return input }
    return junctions[boundary - 1]?.output.view ?? layers[boundary - 1].output
  }

  /// To be written before backward [rows.total, outputSize]; only where gradients are wanted.
  package var outputGradient: StripView { boundaries.last?.view ?? inputMemory.view }
  /// The gradient of x after backward [rows.total, inputSize].
  package var inputGradient: StripView { boundaries.first?.view ?? inputMemory.view }

  // MARK: Running

  /// Runs all layers over all steps.
  ///
  /// - Throws: `.outOfMemory` when more threads or the first dropout need memory that is not there.
  package func forward(_ team: Team) throws(Failure) {
    try prepareMemory(threads: team.threads)
    for boundary in isDropped.indices { isDropped[boundary] = rate(boundary) > 0 }
    let weights = try effectiveWeights(team)
    bind(weights)
    drawRecurrentMasks()
    if layers.contains(where: { $0.packedVersion != weights.version }) {
      team.run { thread in
        for layer in layers {
          layer.pack(weights.values.base, kernels, thread: thread, threads: team.threads)
        }
      }
      for layer in layers { layer.packedVersion = weights.version }
    }
    for layer in 0..<layerCount { forward(layer: layer, team) }
    if isDropped[layerCount] {
      eachBlock(Workers(team)) { range, _ in drop(layerCount, range) }
    }
  }

  /// Runs a layer, in both directions where it has them.
  private func forward(layer: Int, _ team: Team) {
    let junction = junctions[layer]
    if let junction {
      if isDropped[layer] { eachBlock(Workers(team)) { range, _ in drop(layer, range) } }
      if junction.reverse != nil {
        let input = layers[layer * network.wiring.directions].input
        eachStep(team) { junction.reverseInput(input, rows, $0) }
      }
    }
    let parts = parts(of: layer)
    eachPart(parts, team) { forward(part: $0, drops: isDropped[layer] && junction == nil, $1) }
    guard let junction else { return }
    let (first, last) = (layers[parts.lowerBound], layers[parts.upperBound - 1])
    let reverse = parts.count > 1 ? last.output : nil
    eachStep(team) { junction.join(first.output, reverse, input: first.input, rows, $0) }
  }

  /// Runs a layer in one direction.
  ///
  /// - Parameter drops: whether its input is to be dropped on the way.
  private func forward(part: Int, drops: Bool, _ workers: Workers) {
    let run = layers[part]
    let layer = network.parts[part].layer
    for level in run.plan.hoisted.indices {
      let drops = drops && level == 0
      guard drops || !run.plan.hoisted[level].isEmpty else { continue }
      eachBlock(workers) { range, thread in
        if drops { drop(layer, range) }
        self.run(part, thread) { $0.forwardHoisted(rows, level: level, range) }
      }
    }
    drawZoneout(part, workers)
    eachShare(workers, part) { $0.forward(rows, $1) }
  }

  /// The parts of a layer.
  private func parts(of layer: Int) -> Range<Int> {
    let count = network.wiring.directions
    return layer * count..<(layer + 1) * count
  }

  /// Runs back through all steps of the last forward.
  ///
  /// Reads `outputGradient`, writes `inputGradient` and the network's part of the gradients, which it
  /// replaces.
  /// - Parameter finalStateGradient: a state array, or nil for zeros.
  package func backward(
    _ team: Team, finalStateGradient: UnsafePointer<Float>? = nil
  ) throws(Failure) {
    guard let gradients else {
      throw Failure(.state, "this run was made without gradients; make it with them")
    }
    try prepareMemory(threads: team.threads)
    loadFinalGradient(finalStateGradient)
    if let penalty = activityPenalty, penalty.activation > 0 {
      penalty.addActivation(rows, output, to: outputGradient, kernels, team)
    }
    if isDropped[layerCount] {
      eachBlock(Workers(team)) { range, _ in dropGradient(layerCount, range) }
    }
    if let penalty = activityPenalty, penalty.temporal > 0 {
      penalty.addTemporal(rows, wholeOutput, to: outputGradient, kernels, team)
    }
    for layer in (0..<layerCount).reversed() { backward(layer: layer, gradients, team) }
    if dropout?.weight ?? 0 > 0 { droppedWeights?.mask(gradients, team) }
    gradients.version &+= 1
  }

  /// Runs back through a layer, whose directions each add to the gradient of its input.
  private func backward(layer: Int, _ gradients: ParameterBuffer, _ team: Team) {
    let junction = junctions[layer]
    if let junction, junction.reverse != nil {
      eachStep(team) { junction.split(boundaries[layer + 1].view, rows, $0) }
    }
    // Zoneout changes the gradient of the output that goes on to a residual layer's input.
    let isCopied = network.isResidual(layer: layer) && network.wiring.zoneout > 0
    if isCopied, let junction {
      eachStep(team) { steps in junction.keepOutputGradient(boundaries[layer + 1].view, rows, steps)
      }
    }
    // The direction that ran last first: more of what it kept is still in the cache.
    eachPart(parts(of: layer).reversed(), team) {
      backward(part: $0, drops: isDropped[layer] && junction == nil, gradients, $1)
    }
    if let junction {
      let whole = isCopied ? junction.output.view : boundaries[layer + 1].view
      eachStep(team) {
        junction.addInputGradient(to: boundaries[layer].view, of: whole, rows, $0)
      }
      if isDropped[layer] { eachBlock(Workers(team)) { range, _ in dropGradient(layer, range) } }
    }
  }

  /// Runs back through a layer in one direction.
  ///
  /// - Parameter drops: whether the gradient of its input is to be dropped on the way.
  private func backward(
    part: Int, drops: Bool, _ gradients: ParameterBuffer, _ workers: Workers
  ) {
    let run = layers[part]
    let layer = network.parts[part].layer
    eachShare(workers, part) { $0.backward(rows, $1) }
    for level in run.plan.backwardHoisted.indices.reversed() {
      eachBlock(workers) { range, thread in
        self.run(part, thread) { $0.backwardHoisted(rows, level: level, range) }
        if drops && level == 0 { dropGradient(layer, range) }
      }
    }
    let shares = workers.threads == 1 ? 1 : workers.threads &* piecesPerThread
    for pass in 0..<run.gradientPasses {
      workers.forEach(shares) { share, _ in
        run.sumGradients(
          rows, into: gradients.values.base, kernels, pass: pass, share: share, of: shares)
      }
    }
    for entry in run.plan.blockDiagonal { gradients.clearPadding(entry) }
  }

  /// One step on the caller's thread, for streams: no allocation, no lock.
  func step() {
    for (index, layer) in layers.enumerated() {
      if layer.packedVersion != weights.version {
        layer.pack(weights.values.base, kernels, thread: 0, threads: 1)
        layer.packedVersion = weights.version
      }
      run(index, 0) { runner in
        for level in layer.plan.hoisted.indices {
          runner.forwardHoisted(rows, level: level, 0..<batch)
        }
        runner.forward(rows, 0..<batch)
      }
      // Streams have one direction, so that a part is a layer.
      junctions[index]?.join(layer.output, nil, input: layer.input, rows, 0..<1)
    }
  }

  private func run(
    _ layer: Int, _ thread: Int, crew: Crew? = nil, _ body: (StageRunner) -> Void
  ) {
    StageRunner.with(
      layers[layer], kernels, runWeights, scratch[thread][layer], crew: crew, body)
  }

  /// Calls with the parts of a layer: at the same time where there is a thread for each, which then finds
  /// what it needs in its own cache, else one after another with all threads.
  private func eachPart(
    _ parts: some RandomAccessCollection<Int>, _ team: Team, _ body: (Int, Workers) -> Void
  ) {
    guard parts.count > 1, parts.count == team.threads else {
      return parts.forEach { body($0, Workers(team)) }
    }
    let parts = Array(parts)
    team.shares { share, thread in body(parts[share], Workers(team, alone: thread)) }
  }

  /// Calls on all threads with what each does of a time loop: all steps of its own sequences, or its
  /// strips of every step where the sequences are too few.
  private func eachShare(
    _ workers: Workers, _ part: Int, _ body: (StageRunner, _ positions: Range<Int>) -> Void
  ) {
    let (team, threads) = (workers.team, workers.threads)
    if threads > 1, layers[part].plan.sharesStrips(batch: batch, threads: threads) {
      team.together { thread in
        run(part, thread, crew: Crew(team: team, thread: thread)) { body($0, 0..<batch) }
      }
    } else {
      let splits = rows.split(threads)
      workers.shares { share, thread in run(part, thread) { body($0, splits[share]) } }
    }
  }

  /// Calls with the rows of all steps, block by block.
  private func eachBlock(
    _ workers: Workers, _ body: (_ range: Range<Int>, _ thread: Int) -> Void
  ) {
    // Whole tiles of every instruction set.
    let tiles = rows.total / (48 &* workers.threads &* piecesPerThread)
    let size = workers.threads == 1 ? rows.total : 48 &* min(max(tiles, 1), 2)
    workers.forEach((rows.total &+ size &- 1) / max(size, 1)) { index, thread in
      body(index &* size..<min((index &+ 1) &* size, rows.total), thread)
    }
  }

  /// Calls with all time steps, some for each thread.
  private func eachStep(_ team: Team, _ body: (_ steps: Range<Int>) -> Void) {
    team.run { thread in
      body(rows.steps * thread / team.threads..<rows.steps * (thread + 1) / team.threads)
    }
  }

  private func prepareMemory(threads: Int) throws(Failure) {
    while scratch.count < threads {
      scratch.append(
        try layers.map { layer throws(Failure) in
          try Scratch(layer.plan, blocks: rows.blocks.positions.count)
        })
    }
    if isDropped.indices.contains(where: { rate($0) > 0 }), masks.isEmpty {
      masks = try (0...layerCount).map { boundary throws(Failure) in
        try DropoutMemory(rows: steps * batch, columns: network.inputSize(layer: boundary))
      }
    }
  }

  /// The probability of being dropped at a boundary in the next forward.
  private func rate(_ boundary: Int) -> Double {
    dropout?.rate(boundary: boundary, layers: layerCount) ?? 0
  }

  /// The weights, or what dropout leaves of them.
  private func effectiveWeights(_ team: Team) throws(Failure) -> ParameterBuffer {
    guard let dropout, dropout.weight > 0 else { return weights }
    if droppedWeights == nil { droppedWeights = try WeightDropout(network, weights.layout) }
    guard let dropped = droppedWeights else { return weights }
    dropped.draw(weights, rate: dropout.weight, seed: dropout.seed, kernels, team)
    return dropped.values
  }

  /// Ties each layer's input to the output below, or to what dropout leaves of it.
  func bind(_ weights: ParameterBuffer? = nil) {
    let weights = weights ?? self.weights
    runWeights = weights.values.base
    for (index, run) in layers.enumerated() {
      let layer = network.parts[index].layer
      let reverse = network.parts[index].isReversed ? junctions[layer]?.reverse : nil
      run.input =
        reverse?.input.view ?? (isDropped[layer] ? masks[layer].values.view : value(layer))
      if !boundaries.isEmpty {
        run.inputGradient = reverse?.inputGradient.view ?? boundaries[layer].view
        run.outputGradient =
          reverse?.outputGradient.view ?? junctions[layer]?.reverse?.forwardOutputGradient.view
          ?? boundaries[layer + 1].view
      }
      run.bind(weights.values.base)
    }
  }

  /// Sets the states that hold masks: to ones where nothing is dropped.
  private func drawRecurrentMasks() {
    for (index, layer) in layers.enumerated() {
      for state in layer.plan.states.indices.dropFirst(layer.stateCount) {
        let view = layer.stateView(state)
        if let dropout, dropout.recurrent > 0 {
          dropout.drawRecurrent(view, layer: index &* 64 &+ state, rows, kernels)
        } else {
          for strip in 0..<view.columns.strips {
            (view.base + strip &* view.stripStride).update(repeating: 1, count: batch &* 16)
          }
        }
      }
    }
  }

  /// Draws which states a part keeps; without dropout none, but for the mean that is planned.
  private func drawZoneout(_ index: Int, _ workers: Workers) {
    guard let zoneout = layers[index].zoneout else { return }
    let dropout = dropout ?? Dropout(rate: 0, seed: 0)
    eachBlock(workers) { range, _ in
      zoneout.draw(
        dropout, rate: network.wiring.zoneout, layer: index, rows, range, kernels)
    }
  }

  private func drop(_ boundary: Int, _ range: Range<Int>) {
    guard isDropped[boundary], let dropout else { return }
    let memory = masks[boundary]
    dropout.draw(
      memory.mask.view, boundary: boundary, rate: rate(boundary), rows, range, kernels)
    memory.apply(
      value(boundary), to: memory.values.view, range, kernels)
  }

  private func dropGradient(_ boundary: Int, _ range: Range<Int>) {
    let view = boundaries[boundary].view
    masks[boundary].apply(view, to: view, range, kernels)
  }
}
