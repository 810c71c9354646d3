import Cells
import Kernels
import Search
import Testing
import Training

@Suite("What a child takes over from its parent")
struct InheritanceTests {
  /// Names of the child's parameters with those of the parent.
  private func pairs(_ child: String, _ parent: String) throws -> [String: String] {
    let (child, parent) = (try Cell(parsing: child), try Cell(parsing: parent))
    let names = Inheritance.pairs(of: child, with: parent).map {
      (child.graph.parameters[$0.child].name, parent.graph.parameters[$0.parent].name)
    }
    return Dictionary(uniqueKeysWithValues: names)
  }

  @Test("A cell takes over every weight of itself", arguments: StockCell.all.map(\.name))
  func itself(name: String) throws {
    let cell = try Cell.stock(name)
    let pairs = Inheritance.pairs(of: cell, with: cell)
    let transposed = cell.graph.nodes.flatMap { node -> [Int] in
      guard case .affine(let products, _) = node.kind else { return [] }
      return products.filter(\.isTransposed).map(\.parameter)
    }
    #expect(pairs.allSatisfy { $0.child == $0.parent })
    #expect(pairs.count + Set(transposed).count >= cell.graph.parameters.count)
  }

  @Test("Gates keep their weights when the candidate changes, whatever they are called")
  func changed() throws {
    let parent = "f = sigmoid(linear(x, h))\nn = tanh(linear(x, f * h))\nh' = blend(f, n, h)"
    let child = "a = sigmoid(linear(x, h))\nb = relu(tanh(linear(x, a * h)))\nh' = blend(a, b, h)"
    #expect(
      try pairs(child, parent) == [
        "W[a, x]": "W[f, x]", "W[a, h]": "W[f, h]", "b[a]": "b[f]", "W[b, x]": "W[n, x]",
        "W[b, a * h]": "W[n, f * h]", "b[b]": "b[n]",
      ])
  }

  @Test("A gate that is new has no weights to take over, and takes no other's")
  func added() throws {
    let parent = "f = sigmoid(linear(x, h))\nn = tanh(linear(x, f * h))\nh' = blend(f, n, h)"
    let child = """
      f = sigmoid(linear(x, h))
      o = sigmoid(linear(x, h))
      n = tanh(linear(x, f * h))
      h' = o * blend(f, n, h)
      """
    let found = try pairs(child, parent)
    #expect(found.count == 6)
    #expect(
      found["W[f, x]"] == "W[f, x]" && found["W[f, h]"] == "W[f, h]" && found["b[f]"] == "b[f]")
    #expect(found["W[o, x]"] == nil)
  }

  @Test("What a child learned before its first update is what its parent knew")
  func evaluation() throws {
    let evaluator = try LanguageModelEvaluatorTests.evaluator()
    let cell = try Cell.stock("gru")
    let parent = try evaluator.evaluate(
      LanguageModelEvaluatorTests.task(cell, updates: 29, isLast: false)
    ) { false }
    var task = LanguageModelEvaluatorTests.task(cell, updates: 1, isLast: false)
    let alone = try evaluator.evaluate(task) { false }
    task.inheritance = parent.snapshot
    let child = try evaluator.evaluate(task) { false }
    #expect(alone.loss > parent.loss + 0.05)
    #expect(child.loss < parent.loss + 0.01)
    #expect(child.tokens == alone.tokens)
  }
}
