import Cells
import Kernels
import Search
import Support
import Testing

@Suite("A tree of genetic programming")
struct NodeTreeTests {
  /// Trees of all heights, grown and then changed a few times.
  static func trees(_ count: Int) -> [NodeTree] {
    (0..<count).map { seed in
      var choices = Choices(seed: UInt64(seed), 0x7E57)
      var tree = NodeTree.random(height: 1 + seed % 7, modi: 0.3, &choices)
      for _ in 0..<seed % 5 { tree = tree.inserting(modi: 0.3, &choices) ?? tree }
      return tree
    }
  }

  @Test("1000 random ones are legal, print and read back, and so do their cells")
  func roundTrips() throws {
    var memories = 0
    for (seed, tree) in Self.trees(1000).enumerated() {
      #expect(tree.isLegal, "seed \(seed): \(tree.text)")
      #expect(NodeTree(text: tree.text) == tree, "seed \(seed): \(tree.text)")
      let cell = try tree.cell()
      #expect(try Cell(parsing: cell.equations) == cell, "seed \(seed): \(tree.text)")
      if cell.graph.states.count > 1 { memories += 1 }
    }
    print("\(memories) of 1000 random trees have a memory")
    #expect(memories > 100 && memories < 900)
  }

  @Test("all leaves of a full one are at its height")
  func full() throws {
    for seed in 0..<200 {
      var choices = Choices(seed: UInt64(seed))
      let tree = NodeTree.random(height: 6, modi: 0.3, &choices)
      var depths: [Int] = []
      var open: [Int] = []
      for node in tree.nodes {
        let depth = open.count
        if node.element.arity > 0 {
          open.append(node.element.arity)
          continue
        }
        depths.append(depth)
        while let last = open.indices.last {
          open[last] -= 1
          guard open[last] == 0 else { break }
          open.removeLast()
        }
      }
      #expect(Set(depths) == [6] && tree.height == 6, "seed \(seed): \(tree.text)")
    }
  }

  @Test("is LSTM, written so")
  func lstm() throws {
    let text = "(mul (sigmoid 4) (tanh c=(add (mul (sigmoid 2) c) (mul (sigmoid 1) (tanh 3)))))"
    let tree = try #require(NodeTree(text: text))
    #expect(tree == .lstm && tree.text == text && tree.height == 5)
    #expect(try tree.cell() == Cell.stock("lstm"))
  }

  @Test("has one map for a weighted sum that is read twice, and the memories by their names")
  func shared() throws {
    let tree = try #require(NodeTree(text: "(add (tanh 1) d=(mul (sigmoid 1) (add d 2)))"))
    let expected = try Cell(
      parsing: """
        a = linear(x, h)
        d' = sigmoid(a) * (d + linear(x, h))
        h' = tanh(a) + d'
        """)
    #expect(try tree.cell() == expected)
  }

  @Test(
    "is none of these",
    arguments: [
      "", "(", ")", "9", "0", "c", "(tanh c)", "c=1", "(tanh 1", "(tanh 1))", "(tanh 1) 2",
      "(add 1)",
      "(tanh (tanh 1))", "(sigmoid (relu 1))", "c=(add c=(tanh 1) 2)", "c=(tanh c)", "tanh 1",
      "(add 1 2 3)", "(frog 1)", "(add  1 2)", "(tanh -1)", "e=(tanh 1)", "=", "c=", "((tanh 1))",
      "(add 1 99999999999999999999)",
    ])
  func illegal(text: String) { #expect(NodeTree(text: text) == nil) }

  @Test("is read from a cell where it can be")
  func cells() throws {
    // Weighted sums are numbered as they are read.
    #expect(
      NodeTree(try Cell.stock("lstm"))?.text
        == "(mul (sigmoid 1) (tanh c=(add (mul (sigmoid 2) c) (mul (sigmoid 3) (tanh 4)))))")
    for name in ["gru", "lstm_peephole", "rhn", "mut1"] {
      #expect(NodeTree(try Cell.stock(name)) == nil, "\(name)")
    }
    #expect(NodeTree(try Cell(parsing: "h' = tanh(linear(x) + linear(h))")) == nil)
    var read = 0
    for tree in Self.trees(200) {
      let cell = try tree.cell()
      // Memories that nothing reads are gone, and sharing may be more than a tree can hold.
      guard let again = NodeTree(cell) else { continue }
      read += 1
      #expect(try again.cell() == cell)
    }
    print("\(read) of 200 cells read back as trees")
    #expect(read > 150)
  }

  @Test("has nothing in it that a search space forbids")
  func space() throws {
    var space = SearchSpace()
    space.operations = ["multiply", "tanh"]
    (space.states, space.matrices) = (2, 6)
    for (seed, tree) in Self.trees(200).enumerated() {
      var choices = Choices(seed: UInt64(seed))
      guard let kept = tree.within(space, &choices) else { continue }
      #expect(space.reason(against: try kept.cell()) == nil, "\(tree.text)")
    }
    space.operations = ["tanh"]
    var choices = Choices(seed: 1)
    #expect(NodeTree.lstm.within(space, &choices)?.text == "(tanh 1)")
    #expect(NodeTree.lstm.within(SearchSpace(), &choices) == .lstm)
  }

  @Test("that is broken says so and does not trap")
  func broken() {
    let broken: [[NodeTree.Node]] = [
      [], [.init(.add)], [.init(.base(1)), .init(.base(2))], [.init(.memory(7))],
    ]
    for nodes in broken {
      let tree = NodeTree(nodes)
      #expect(!tree.isLegal)
      #expect(throws: Failure.self) { try tree.cell() }
      var choices = Choices(seed: 1)
      for _ in 0..<20 {
        #expect(tree.inserting(modi: 0.3, &choices)?.isLegal != false)
        #expect(tree.shrinking(&choices)?.isLegal != false)
        #expect(tree.replacing(&choices)?.isLegal != false)
        #expect(tree.crossing(with: .lstm, &choices)?.isLegal != false)
        #expect(NodeTree.lstm.crossing(with: tree, &choices)?.isLegal != false)
      }
      _ = (tree.text, tree.height, TreeShape(tree).distance(TreeShape(.lstm)))
    }
  }

  @Test("stays legal through long chains of every operator")
  func operators() throws {
    var applied = [0, 0, 0, 0]
    for seed in 0..<40 {
      var choices = Choices(seed: UInt64(seed))
      var tree = NodeTree.random(height: 4, modi: 0.3, &choices)
      let other = NodeTree.random(height: 5, modi: 0.3, &choices)
      for step in 0..<100 {
        let operation = (step + choices.below(4)) % 4
        let next =
          switch operation {
          case 0: tree.inserting(modi: 0.3, &choices)
          case 1: tree.shrinking(&choices)
          case 2: tree.replacing(&choices)
          default: tree.crossing(with: other, &choices)
          }
        guard let next else { continue }
        #expect(next.isLegal && next != tree, "seed \(seed): \(next.text) of \(tree.text)")
        switch operation {
        case 0: #expect(next.size > tree.size)
        case 1: #expect(next.size < tree.size)
        case 2: #expect(TreeShape(next) == TreeShape(tree))
        default: break
        }
        applied[operation] += 1
        tree = next
      }
      _ = try tree.cell()
    }
    print("insert, shrink, replace, cross applied \(applied)")
    #expect(applied.allSatisfy { $0 > 200 })
  }

  @Test("ends its growth at the bounds")
  func bounds() {
    var choices = Choices(seed: 3)
    var tree = NodeTree.lstm
    for _ in 0..<2000 { tree = tree.inserting(modi: 0.3, &choices) ?? tree }
    #expect(tree.isLegal && (tree.size > 120 || tree.height == 15), "\(tree.text)")
    #expect(NodeTree.random(height: 99, modi: 0.3, &choices).isLegal)
    #expect(NodeTree.random(height: -5, modi: 0.3, &choices).isLegal)
  }

  @Test("crosses only in the region that both have in common")
  func homologous() throws {
    let own = try #require(NodeTree(text: "(add (tanh 1) (mul 2 3))"))
    let other = try #require(NodeTree(text: "(mul (sigmoid 4) (tanh (add 5 6)))"))
    // The roots, both unary elements and their leaves, and the edge where mul meets tanh.
    #expect(own.commonRegion(with: other).map(\.own) == [0, 1, 2, 3])
    var children: Set<String> = []
    for seed in 0..<100 {
      var choices = Choices(seed: UInt64(seed))
      children.insert(own.crossing(with: other, &choices)?.text ?? "none")
    }
    #expect(
      children == [
        "(add (sigmoid 4) (mul 2 3))", "(add (tanh 4) (mul 2 3))",
        "(add (tanh 1) (tanh (add 5 6)))",
      ])
  }

  @Test("that gets a memory's tie twice or loses it is mended")
  func ties() throws {
    let lstm = NodeTree.lstm
    for seed in 0..<300 {
      var choices = Choices(seed: UInt64(seed))
      guard let child = lstm.shrinking(&choices) else { continue }
      let reads = child.nodes.contains { $0.element == .memory(0) }
      #expect(!reads || child.nodes.count { $0.tie == 0 } == 1, "seed \(seed): \(child.text)")
    }
  }
}
