import Cells
import Glibc
import Kernels

/// Cells in layers: each layer's output h is the next one's input.
///
/// Immutable, and without weights: these live in a `ParameterBuffer` of the layout that the network was added to.
package final class Network: Sendable {
  /// One cell for each layer.
  package let cells: [Cell]
  /// Elements of an input.
  package let inputSize: Int
  /// Elements of each layer's h.
  package let hiddenSizes: [Int]
  /// How the layers are joined.
  package let wiring: Wiring
  /// The layers' cells with their direction: one part for each layer, or two where both are run.
  package let parts: [NetworkPart]
  /// The states of all parts, in the order in which a state array holds their [B, size].
  package let states: [NetworkState]
  /// The learned arrays of each part, in the order of its cell's parameters.
  package let parameters: [[ParameterEntry]]
  /// What the plans of each part begin with.
  let graphs: [PlanGraph]
  let schedules: [Schedule]

  /// Elements of the last layer's output: its h, or those of both directions.
  package var outputSize: Int { hiddenSizes[hiddenSizes.count - 1] * wiring.directions }
  /// Floats of all states of one sequence.
  package var stateSize: Int { states.reduce(0) { $0 + $1.size } }

  /// Adds the learned arrays of all layers to a layout, as `layers.0.W[f, x]` and so on.
  ///
  /// Arrays that are used together lie together, so that their products can be one.
  /// - Throws: `.invalidArgument` for no layers, unequal counts, or sizes that are out of range or that
  ///   a cell's blocks do not divide; `.limit` for a network that is too large.
  package init(
    cells: [Cell], inputSize: Int, hiddenSizes: [Int], wiring: Wiring = Wiring(),
    layout: inout ParameterLayout, prefix: String = "layers."
  ) throws(Failure) {
    try wiring.check()
    guard (1...Limits.layers).contains(cells.count) else {
      throw .invalid("\(cells.count) layers are out of range; use 1 to \(Limits.layers)")
    }
    guard cells.count == hiddenSizes.count else {
      throw .invalid(
        "\(hiddenSizes.count) hidden sizes for \(cells.count) layers; pass one for each layer")
    }
    self.cells = cells
    self.inputSize = inputSize
    self.hiddenSizes = hiddenSizes
    self.wiring = wiring
    var parts: [NetworkPart] = []
    var states: [NetworkState] = []
    var parameters: [[ParameterEntry]] = []
    var graphs: [PlanGraph] = []
    var schedules: [Schedule] = []
    var offset = 0
    for (layer, cell) in cells.enumerated() {
      let input = layer == 0 ? inputSize : hiddenSizes[layer - 1] * wiring.directions
      let hidden = hiddenSizes[layer]
      for direction in 0..<wiring.directions {
        let part = NetworkPart(
          cell: cell, layer: layer, isReversed: direction == 1, inputSize: input,
          hiddenSize: hidden)
        // Checks the sizes, so it comes before the graph.
        let shapes = try cell.parameters(inputSize: input, hiddenSize: hidden)
        let graph = try PlanGraph(
          cell.graph.withZoneout(wiring.zoneout), inputSize: input, hiddenSize: hidden)
        let schedule = Schedule(graph)
        parameters.append(
          try Network.add(
            shapes, cell.graph, to: &layout, prefix: prefix + part.name,
            order: PlanBuilder.parameterOrder(graph, schedule, count: shapes.count)))
        parts.append(part)
        graphs.append(graph)
        schedules.append(schedule)
        for state in cell.graph.states {
          let size = state.size.count(inputSize: input, hiddenSize: hidden)
          states.append(
            NetworkState(
              name: state.name, layer: layer, isReversed: part.isReversed, size: size,
              offset: offset))
          offset += size
        }
      }
    }
    self.parts = parts
    self.states = states
    self.parameters = parameters
    self.graphs = graphs
    self.schedules = schedules
  }

  /// Whether a layer's input is added to its output.
  func isResidual(layer: Int) -> Bool {
    wiring.isResidual && inputSize(layer: layer) == inputSize(layer: layer + 1)
  }

  /// Elements of what enters a layer or, for the number of layers, leaves the last one.
  package func inputSize(layer boundary: Int) -> Int {
    boundary == 0 ? inputSize : hiddenSizes[boundary - 1] * wiring.directions
  }

  private static func add(
    _ parameters: [CellParameter], _ graph: Graph, to layout: inout ParameterLayout,
    prefix: String, order: [Int]
  ) throws(Failure) -> [ParameterEntry] {
    var entries = [ParameterEntry?](repeating: nil, count: parameters.count)
    for index in order {
      let parameter = parameters[index]
      let made: Int
      switch graph.parameters[index].shape {
      case .matrix:
        made = try layout.addMatrix(
          prefix + parameter.name, rows: parameter.shape[0],
          columns: parameter.shape[1] * parameter.blocks, blocks: parameter.blocks)
      case .vector:
        made = try layout.addVector(
          prefix + parameter.name, count: parameter.shape[0],
          role: parameter.isBias ? .bias : .vector)
      case .scalar:
        made = try layout.addVector(prefix + parameter.name, count: 1, role: .scalar)
      }
      entries[index] = layout.entries[made]
    }
    return entries.compactMap { $0 }
  }

  /// Sets the network's weights to random numbers, the same for a seed and any number of threads.
  package func initialize(
    _ weights: ParameterBuffer, seed: UInt64, _ initialization: Initialization = Initialization(),
    threads: Int = 1
  ) {
    var first: UInt64 = 0
    var fills: [UniformFill] = []
    let random = Philox(seed: seed, purpose: 0x696E_6974)
    for (part, entries) in zip(parts, parameters) {
      let suggested = part.cell.suggestedInitial
      let standard = 1 / Double(part.hiddenSize).squareRoot()
      let chrono = initialization.chrono == nil ? [:] : part.cell.chronoBiases
      let recurrent = part.cell.graph.recurrentMatrices
      let suggestion = initialization.range == nil ? part.cell.suggestedRecurrent : nil
      let start = initialization.recurrent ?? suggestion ?? .uniform
      for (index, (parameter, entry)) in zip(part.cell.graph.parameters, entries).enumerated() {
        if let sign = chrono[parameter.name] {
          weights.write(
            entry, from: initialization.chronoBiases(entry.count, sign: sign, seed, part))
          first &+= 1 << 40
          continue
        }
        if entry.role == .weight, start != .uniform,
          entry.blocks == 1, entry.rows == entry.columns, recurrent.contains(index)
        {
          weights.write(entry, from: start.matrix(entry.rows, random, first))
          first &+= 1 << 40
          continue
        }
        let value = initialization.value(
          suggested: suggested[parameter.name], isBias: parameter.isBias)
        let span = Float(initialization.range ?? standard)
        if value != nil || (initialization.range == nil && entry.role == .bias) {
          weights.write(entry, from: Array(repeating: Float(value ?? 0), count: entry.count))
        } else if entry.blocks == 1 {
          fills.append(weights.uniformFill(entry, random, first: first, low: nil, span: span))
        } else {
          weights.randomize(entry, random, first: first, span: span)
        }
        // Each array has numbers of its own, however large the others are.
        first &+= 1 << 40
      }
    }
    Network.run(fills, threads: threads)
    weights.version &+= 1
  }

  /// Runs fills in pieces, which are shared out from both ends.
  ///
  /// Fresh memory comes in pages of 2 MB, and two threads that touch the same one would both clear it. With 2 threads NASCell's 640,000 weights
  /// take 0.6 ms instead of 1.4.
  private static func run(_ fills: [UniformFill], threads: Int) {
    let strips = 8
    let pieces = fills.flatMap { fill in
      stride(from: 0, to: fill.rows, by: 16 * strips).map { row in
        var piece = fill
        piece.rows = min(16 * strips, fill.rows - row)
        piece.destination += row * fill.columns
        piece.first &+= UInt64(row * fill.columns)
        return piece
      }
    }
    let fill = KernelTable.current.fillUniform
    func runPiece(_ index: Int, _ thread: Int) {
      var piece = pieces[index % 2 == 0 ? index / 2 : pieces.count - 1 - index / 2]
      fill(&piece)
    }
    // Waking a thread takes longer than a hundred pieces of a small network.
    let count = fills.reduce(0) { $0 + $1.rows * $1.columns }
    let team = count < 100_000 ? 1 : threads
    do {
      try TeamPool.with(threads: team) { $0.forEach(pieces.count, runPiece) }
    } catch {
      // The system gives no more threads.
      for index in pieces.indices { runPiece(index, 0) }
    }
  }
}

/// How the layers of a network are joined.
package struct Wiring: Hashable, Sendable {
  /// Whether each layer runs in both directions, with its two outputs one behind the other (Schuster and
  /// Paliwal 1997, "Bidirectional recurrent neural networks").
  package var isBidirectional = false
  /// Whether a layer's input is added to its output where both have the same size.
  package var isResidual = false
  /// The probability with which an element of a state keeps its last value in training; otherwise states
  /// are the mean of both (Krueger and others 2017, arXiv:1606.01305, equations 2 to 4).
  package var zoneout = 0.0

  package init(isBidirectional: Bool = false, isResidual: Bool = false, zoneout: Double = 0) {
    self.isBidirectional = isBidirectional
    self.isResidual = isResidual
    self.zoneout = zoneout
  }

  package var directions: Int { isBidirectional ? 2 : 1 }

  func check() throws(Failure) {
    guard zoneout >= 0, zoneout < 1 else {
      throw .invalid("zoneout \(zoneout) is not from 0 to below 1")
    }
  }
}

/// A layer's cell in one direction.
package struct NetworkPart: Sendable {
  package let cell: Cell
  package let layer: Int
  /// Whether it runs from the last time step to the first.
  package let isReversed: Bool
  package let inputSize: Int
  package let hiddenSize: Int

  /// What the names of its learned arrays begin with: `0.` or `0.reverse.`.
  package var name: String { isReversed ? "\(layer).reverse." : "\(layer)." }
}

/// A vector that a network carries from one time step to the next.
package struct NetworkState: Hashable, Sendable {
  package let name: String
  package let layer: Int
  /// Whether it goes from the last time step to the first.
  package let isReversed: Bool
  package let size: Int
  /// Elements of the states before it: in a state array it starts at B * offset.
  package let offset: Int
}
