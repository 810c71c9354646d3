import Cells
import Execution
import Kernels

/// Terms as a tree network reads them: nodes in levels, children below.
package struct Forest: Sendable {
  package struct Node: Sendable {
    package var symbol: Symbol
    /// Places of its children in `nodes`.
    package var children: [Int]
    /// Whether it is the empty place that is to be filled next.
    package var isNext: Bool
  }
  package private(set) var nodes: [Node] = []
  /// The node of each term.
  package private(set) var roots: [Int] = []
  /// Nodes by height: what a level reads is in those before.
  package private(set) var levels: [[Int]] = []
  private var heights: [Int] = []

  /// - Parameter isUnrolled: whether h_tm1 reads the term's own encoding, in which it reads nothing, as the
  ///   paper unrolls terms by one time step.
  package init(_ terms: [Term], isUnrolled: Bool) {
    for term in terms {
      var next = Growing.place(in: term)?.path
      let before = isUnrolled ? add(term, [], nil, &next) : nil
      roots.append(add(term, [], before, &next))
    }
  }

  private mutating func add(
    _ term: Term, _ path: [Int], _ before: Int?, _ next: inout [Int]?
  ) -> Int {
    var children = term.operands.enumerated().map { place, operand in
      add(operand, path + [place], before, &next)
    }
    if term.symbol == .hidden, let before { children = [before] }
    let height = (children.map { heights[$0] }.max() ?? -1) + 1
    nodes.append(
      Node(symbol: term.symbol, children: children, isNext: next == path && term.symbol == .empty))
    heights.append(height)
    if levels.count == height { levels.append([]) }
    levels[height].append(nodes.count - 1)
    return nodes.count - 1
  }
}

/// A TreeLSTM over terms (Tai, Socher and Manning 2015, arXiv:1503.00075).
///
/// Sums, products and what has one operand are child-sum nodes; gates, differences and quotients, whose
/// operands cannot be exchanged, are N-ary ones. Both are cells like any other: the states that a cell
/// reads are those of the children, and a level of all trees is one step. Used by one thread at a time.
package final class TreeNetwork {
  /// Of h and of c.
  package let hidden: Int
  private let sum: Kind
  private let ordered: Kind
  private var runs: [Key: SequenceRun] = [:]
  /// What the last forward ran, for backward.
  private var tape: [(run: SequenceRun, kind: Kind, nodes: [Int])] = []
  private var forest = Forest([], isUnrolled: false)

  /// Every symbol, and the empty place that is next.
  private static let words = Symbol.allCases.count + 1

  /// One of the two cells, with where it has its children's states.
  private struct Kind {
    var number: Int
    var network: Network
    /// The states that are h and c of each child; a state array holds [B, H] of each state.
    var children: [(h: Int, c: Int)]
  }

  private struct Key: Hashable {
    var kind: Int
    var batch: Int
    /// Of a run that keeps a tape; several are alive at a time then.
    var number: Int?
  }

  static let sumEquations = """
    s   = h + h2
    i   = sigmoid(linear(x, s))
    o   = sigmoid(linear(x, s))
    u   = tanh(linear(x, s))
    f   = linear(x)
    c'  = i * u + sigmoid(f + matrix(F, h)) * c + sigmoid(f + matrix(F, h2)) * c2
    h'  = o * tanh(c')
    h2' = h2
    c2' = c2
    """

  static let orderedEquations = """
    i   = sigmoid(linear(x, h, h2, h3))
    o   = sigmoid(linear(x, h, h2, h3))
    u   = tanh(linear(x, h, h2, h3))
    f1  = sigmoid(linear(x, h, h2, h3))
    f2  = sigmoid(linear(x, h, h2, h3))
    f3  = sigmoid(linear(x, h, h2, h3))
    c'  = i * u + f1 * c + f2 * c2 + f3 * c3
    h'  = o * tanh(c')
    h2' = h2
    c2' = c2
    h3' = h3
    c3' = c3
    """

  /// Adds its weights to a layout.
  package init(hidden: Int, layout: inout ParameterLayout, prefix: String) throws(Failure) {
    func kind(
      _ number: Int, _ equations: String, _ children: Int, _ layout: inout ParameterLayout
    ) throws(Failure) -> Kind {
      let cell = try Cell(parsing: equations)
      let network = try Network(
        cells: [cell], inputSize: Self.words, hiddenSizes: [hidden], layout: &layout,
        prefix: "\(prefix)\(number).")
      let names = cell.graph.states.map(\.name)
      func place(_ name: String) -> Int { names.firstIndex(of: name) ?? 0 }
      return Kind(
        number: number, network: network,
        children: ["", "2", "3"].prefix(children).map { (place("h\($0)"), place("c\($0)")) })
    }
    self.hidden = hidden
    sum = try kind(0, Self.sumEquations, 2, &layout)
    ordered = try kind(1, Self.orderedEquations, 3, &layout)
  }

  package func initialize(_ weights: ParameterBuffer, seed: UInt64) {
    sum.network.initialize(weights, seed: stableHash([seed, 1]))
    ordered.network.initialize(weights, seed: stableHash([seed, 2]))
  }

  /// The encoding h [H] of each term.
  ///
  /// - Parameter weights: always the same buffer.
  package func forward(
    _ forest: Forest, _ weights: ParameterBuffer, keepsTape: Bool
  ) throws(Failure) -> [[Float]] {
    self.forest = forest
    tape = []
    var values = [Float](repeating: 0, count: forest.nodes.count * 2 * hidden)
    for level in forest.levels {
      for kind in [sum, ordered] {
        let nodes = level.filter { isOrdered(forest.nodes[$0].symbol) == (kind.number == 1) }
        guard !nodes.isEmpty else { continue }
        let run = try run(kind, nodes.count, weights, keepsTape: keepsTape)
        try step(run, kind, nodes, &values)
        if keepsTape { tape.append((run, kind, nodes)) }
      }
    }
    return forest.roots.map { root in
      Array(values[root * 2 * hidden..<root * 2 * hidden + hidden])
    }
  }

  private func isOrdered(_ symbol: Symbol) -> Bool { symbol.arity > 1 && !symbol.isCommutative }

  /// Runs with room for the nodes: powers of two, so that there are few of them.
  private func run(
    _ kind: Kind, _ count: Int, _ weights: ParameterBuffer, keepsTape: Bool
  ) throws(Failure) -> SequenceRun {
    var batch = 4
    while batch < count { batch *= 2 }
    let key = Key(kind: kind.number, batch: batch, number: keepsTape ? tape.count : nil)
    if let run = runs[key] { return run }
    let run = try SequenceRun(kind.network, weights, steps: 1, batch: batch, keepsTape: keepsTape)
    runs[key] = run
    return run
  }

  private func step(
    _ run: SequenceRun, _ kind: Kind, _ nodes: [Int], _ values: inout [Float]
  ) throws(Failure) {
    var input = [Float](repeating: 0, count: run.batch * Self.words)
    var states = [Float](repeating: 0, count: run.stateCount)
    for (row, index) in nodes.enumerated() {
      let node = forest.nodes[index]
      input[row * Self.words + word(node)] = 1
      for (child, place) in zip(node.children, kind.children) {
        for k in 0..<hidden {
          states[(place.h * run.batch + row) * hidden + k] = values[child * 2 * hidden + k]
          states[(place.c * run.batch + row) * hidden + k] = values[(child * 2 + 1) * hidden + k]
        }
      }
    }
    try run.forward(input: input, initialState: states, threads: 1)
    states.withUnsafeMutableBufferPointer { states in
      if let base = states.baseAddress { run.copyFinalState(to: base) }
    }
    let own = kind.children[0]
    for (row, index) in nodes.enumerated() {
      for k in 0..<hidden {
        values[index * 2 * hidden + k] = states[(own.h * run.batch + row) * hidden + k]
        values[(index * 2 + 1) * hidden + k] = states[(own.c * run.batch + row) * hidden + k]
      }
    }
  }

  private func word(_ node: Forest.Node) -> Int {
    node.isNext ? Self.words - 1 : node.symbol.number
  }

  /// Adds the gradient of the weights to `gradients`, from those of the encodings [H] of the last
  /// forward, which kept its tape.
  package func backward(
    _ rootGradients: [[Float]], to gradients: ParameterBuffer
  ) throws(Failure) {
    var own = [Float](repeating: 0, count: forest.nodes.count * 2 * hidden)
    for (root, gradient) in zip(forest.roots, rootGradients) {
      for k in 0..<hidden { own[root * 2 * hidden + k] += gradient[k] }
    }
    for (run, kind, nodes) in tape.reversed() {
      let place = kind.children[0]
      var states = [Float](repeating: 0, count: run.stateCount)
      for (row, index) in nodes.enumerated() {
        for k in 0..<hidden {
          states[(place.h * run.batch + row) * hidden + k] = own[index * 2 * hidden + k]
          states[(place.c * run.batch + row) * hidden + k] = own[(index * 2 + 1) * hidden + k]
        }
      }
      try run.backward(outputGradient: nil, finalStateGradient: states, threads: 1)
      states.withUnsafeMutableBufferPointer { states in
        if let base = states.baseAddress { run.copyInitialStateGradient(to: base) }
      }
      for (row, index) in nodes.enumerated() {
        for (child, place) in zip(forest.nodes[index].children, kind.children) {
          for k in 0..<hidden {
            own[child * 2 * hidden + k] += states[(place.h * run.batch + row) * hidden + k]
            own[(child * 2 + 1) * hidden + k] += states[(place.c * run.batch + row) * hidden + k]
          }
        }
      }
      for index in 0..<gradients.values.count {
        gradients.values.base[index] += run.gradients.values[index]
      }
    }
  }
}
