import Cells
import Kernels
import Testing

@Suite struct ImportTests {
  static let dartsV2: [(operation: String, predecessor: Int)] = [
    ("sigmoid", 0), ("relu", 1), ("relu", 1), ("identity", 1), ("tanh", 2), ("sigmoid", 5),
    ("tanh", 3), ("relu", 5),
  ]
  static let dartsV2Text = """
    Genotype(recurrent=[('sigmoid', 0), ('relu', 1), ('relu', 1), ('identity', 1), ('tanh', 2),
      ('sigmoid', 5), ('tanh', 3), ('relu', 5)], concat=range(1, 9))
    """

  @Test("a genotype as a list, as text and as JSON gives the stock cell")
  func genotype() throws {
    let stock = try Cell.stock("darts_v2")
    let cell = try Cell(genotype: Self.dartsV2)
    #expect(cell == stock)
    #expect(cell.equations == stock.equations)
    #expect(try Cell(genotypeText: Self.dartsV2Text) == stock)
    let json =
      "["
      + Self.dartsV2.map { "[\"\($0.operation)\", \($0.predecessor)]" }.joined(separator: ",") + "]"
    #expect(try Cell(genotypeText: json) == stock)
  }

  @Test("the arcs of ENAS give its stock cell and DARTS's in either order of activations")
  func arcs() throws {
    let enas = try Cell(
      arc: "0 0 0 1 1 2 1 2 0 2 0 5 1 1 0 6 1 8 1 8 1 8 1", order: .paper, averagesAll: false)
    #expect(enas.states == ["h"])
    let darts = try Cell(arc: "0 2 1 1 1 1 1 3 2 0 5 2 3 0 5 1", order: .enasLM, averagesAll: true)
    #expect(darts == (try Cell.stock("darts_v2")))
  }

  @Test("a recipe gives the stock elman cell")
  func recipe() throws {
    let cell = try Cell(
      recipe: """
        {"f": {"op": "linear", "input": ["x", "h_prev_0"]},
         "h_new_0": {"op": "activation_tanh", "input": ["f"]}}
        """)
    #expect(cell == (try Cell.stock("elman")))
  }

  @Test("a recipe with several states, out of order and with dead nodes keeps what matters")
  func recipeOfSeveralStates() throws {
    let cell = try Cell(
      recipe: """
        {"h_new_0": {"op": "blend", "input": ["a", "d", "h_new_1"]},
         "dead": {"op": "activation_leaky_relu", "input": ["a"]},
         "a_l": {"op": "linear", "input": ["h_prev_0", "x"]},
         "a": {"op": "activation_sigm", "input": ["a_l"]},
         "h_l": {"op": "linear", "input": ["x", "a"]},
         "h_new_1": {"op": "activation_sigm", "input": ["h_l"]},
         "b_l": {"op": "linear", "input": ["a", "h_new_1"]},
         "b": {"op": "activation_tanh", "input": ["b_l"]},
         "d": {"op": "blend", "input": ["h_prev_1", "h_prev_0", "b"]}}
        """)
    let written = try Cell(
      parsing: """
        a  = sigmoid(linear(x, h))
        k' = sigmoid(linear(x, a))
        h' = blend(a, blend(k, h, tanh(linear(a, k'))), k')
        """)
    #expect(cell == written)
    #expect(cell.states == ["h", "h1"])
  }

  static let badRecipes: [(String, String)] = [
    ("{}", "object with a member"),
    ("[1]", "object with a member"),
    (#"{"h_new_0": {"op": "linear"}}"#, "needs \"op\""),
    (#"{"h_new_0": {"op": "linear", "input": [3]}}"#, "names as input"),
    (#"{"h_new_0": {"op": "linear", "input": []}}"#, "names as input"),
    (#"{"a": {"op": "linear", "input": ["x"]}}"#, "no h_new_0"),
    (#"{"h_new_0": {"op": "linear", "input": ["xx"]}}"#, "did you mean 'x'"),
    (#"{"h_new_0": {"op": "activation_tan", "input": ["x"]}}"#, "unknown op"),
    (#"{"h_new_0": {"op": "blend", "input": ["x"]}}"#, "blend takes"),
    (#"{"h_new_0": {"op": "linear", "input": ["h_prev_1"]}}"#, "no h_new_1"),
    (
      #"{"h_new_0": {"op": "sum", "input": ["a", "x"]}, "a": {"op": "linear", "input": ["h_new_0"]}}"#,
      "circle"
    ),
    (#"{"h_new_0": {"op": "linear", "input": ["x"]}, }"#, "1:47"),
  ]

  @Test("a bad recipe says what is wrong", arguments: badRecipes)
  func badRecipe(text: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try Cell(recipe: text) }
    #expect(failure?.message.contains(expected) == true, "\(failure?.message ?? "")")
  }

  static let badGenotypes: [(String, String)] = [
    ("", "1:1"), ("[]", "0 steps"), ("[('tanh', 0)", "expected ','"),
    ("[('tanh', 1)]", "nodes 0 to 0"),
    ("[('tanj', 0)]", "did you mean 'tanh'"), ("[('tanh' 0)]", "1:10: expected ','"),
    ("[('tanh', 0)] x", "after the end"), ("[('tanh, 0)]", "without its end"),
    ("Genotype(recurrent=[('tanh', 0)], concat=range(1, 9999999999999999999))", "node number"),
    ("Genotype(recurrent=[('tanh', 0)], concat=range(1, 9))", "averages nodes"),
    ("Genotype(recurrent=[('tanh', 0)], concat=[", "node number"),
  ]

  @Test("a bad genotype says what is wrong", arguments: badGenotypes)
  func badGenotype(text: String, expected: String) {
    let failure = #expect(throws: Failure.self) { try Cell(genotypeText: text) }
    #expect(failure?.message.contains(expected) == true, "\(failure?.message ?? "")")
  }

  @Test(
    "a genotype written out reads back as the same cell",
    arguments: ["darts_v1", "darts_v2", "enas"])
  func genotypeRoundTrip(name: String) throws {
    let cell = try Cell.stock(name)
    #expect(try Cell(genotypeText: try cell.genotypeText()) == cell)
    #expect(throws: Failure.self) { try Cell.stock("lstm").genotypeText() }
    #expect(throws: Failure.self) { try Cell.stock("lstm_cifg").genotypeText() }
  }

  @Test("the genotype of DARTS's second cell is written as published")
  func genotypeText() throws {
    let text = try Cell.stock("darts_v2").genotypeText()
    let words = { (text: String) in text.filter { !" \n".contains($0) } }
    #expect(words(text) == words(Self.dartsV2Text))
  }

  @Test(
    "a recipe written out reads back as an equal cell, or says what it cannot hold",
    arguments: StockCell.all.map(\.name))
  func recipeRoundTrip(name: String) throws {
    let cell = try Cell.stock(name)
    do throws(Failure) {
      #expect(try Cell(recipe: try cell.recipe().text) == cell)
    } catch {
      #expect(error.message.hasPrefix("a recipe has no"), "\(error.message)")
      #expect(!["elman", "lstm", "lstm_cifg", "gru", "minimal_gru", "ugrnn", "rhn"].contains(name))
    }
  }
}
