import Cells
import Testing

@Suite struct EqualityTests {
  /// Writings of one function.
  static let equal: [(String, String)] = [
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(h, x))"),
    ("h' = tanh(linear(x, h))", "a = linear(x, h); h' = identity(tanh(a))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x) + product(h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(product(x) + product(h) + vector(b))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(matrix(A, x) + matrix(B, h) + vector(b))"),
    ("h' = tanh(linear(x, h))", "h' = 1 * tanh(linear(x, h)) + 0"),
    ("h' = tanh(linear(x, h))", "h' = --tanh(linear(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = 1 - (1 - tanh(linear(x, h)))"),
    ("h' = tanh(linear(x, h))", "h' = -tanh(-linear(x, h))"),
    ("h' = tanh(linear(x, h))", "a = linear(x, h); h' = 2 * sigmoid(2 * a) - 1"),
    ("h' = relu(linear(x, h))", "h' = relu(relu(linear(x, h)))"),
    ("h' = relu(linear(x, h))", "h' = max(0, linear(x, h))"),
    ("h' = relu(linear(x, h))", "h' = abs(relu(linear(x, h)))"),
    ("h' = relu(linear(x, h))", "h' = -min(-linear(x, h), tanh(1 - 1))"),
    ("h' = exp(linear(x, h))", "h' = relu(exp(linear(x, h)))"),
    (
      "z = sigmoid(linear(x, h)); n = tanh(linear(x, h)); h' = blend(z, h, n)",
      "n = tanh(linear(x, h)); z = sigmoid(linear(x, h)); h' = n + z * (h - n)"
    ),
    (
      "z = sigmoid(linear(x, h)); n = tanh(linear(x, h)); h' = blend(z, h, n)",
      "z = sigmoid(linear(x, h)); h' = z * h + tanh(linear(h, x)) * (1 - z)"
    ),
    ("h' = mean(h, linear(h), h * linear(x))", "h' = (h * linear(x) + h + linear(h)) / 3"),
    ("h' = silu(linear(x, h))", "a = linear(x, h); h' = sigmoid(a) * a"),
    ("h' = square(linear(x, h))", "a = linear(x, h); h' = a * a"),
    ("h' = linear(x, h) + linear(x, h)", "h' = linear(h, x) + linear(x, h)"),
    (
      "c' = c + linear(x); d' = tanh(d * c); h' = d' + c'",
      "q' = tanh(q * b); b' = linear(x) + b; h' = b' + q'"
    ),
    ("h' = 0.5 * h + linear(x)", "h' = h / 2 + linear(x)"),
    ("h' = linear(x) + h * (0.1 + 0.2)", "h' = linear(x) + 0.3 * h"),
    ("h' = linear(x) + h / 3", "h' = linear(x) + (1 / 3) * h"),
  ]

  /// Pairs that look alike and are not.
  static let different: [(String, String)] = [
    ("h' = tanh(linear(x, h))", "h' = tanh(product(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x) + linear(h))"),
    ("h' = tanh(linear(x, h))", "h' = sigmoid(linear(x, h))"),
    ("h' = tanh(linear(x, h))", "h' = tanh(linear(x, h)) + 0.001"),
    ("a = sigmoid(linear(x)); h' = a * a * h", "h' = sigmoid(linear(x)) * sigmoid(linear(x)) * h"),
    (
      "h' = matrix(A, h) + matrix(A, tanh(h)) + linear(x)",
      "h' = matrix(A, h) + matrix(B, tanh(h)) + linear(x)"
    ),
    ("h' = matrix(A, h) + linear(x)", "h' = transposed(A, h) + linear(x)"),
    ("h' = linear(h) + linear(x)", "h' = linear(h, blocks=2) + linear(x)"),
    ("h' = vector(v) * h + linear(x)", "h' = scalar(v) * h + linear(x)"),
    ("h' = linear(x, h) * 0.5", "h' = linear(x, h) * 0.25"),
    ("h' = linear(x) / h", "h' = h / linear(x)"),
    (
      "h' = blend(sigmoid(linear(x)), h, linear(x))", "h' = blend(sigmoid(linear(x)), linear(x), h)"
    ),
    ("c' = c + linear(x); h' = c' * h", "c' = c + linear(x); h' = c * h"),
    ("h' = layernorm(linear(x, h))", "h' = linear(x, h)"),
    ("h' = leaky_relu(linear(x, h))", "h' = relu(linear(x, h))"),
    (
      "f = sigmoid(linear(x)); i = sigmoid(linear(x)); h' = f * h + i",
      "f = sigmoid(linear(x)); h' = f * h + f"
    ),
  ]

  @Test("two writings of one function are equal, with equal hash and fingerprint", arguments: equal)
  func equalWritings(a: String, b: String) throws {
    let (first, second) = (try Cell(parsing: a), try Cell(parsing: b))
    #expect(first == second)
    #expect(first.hashValue == second.hashValue)
    #expect(first.fingerprint == second.fingerprint)
    let map = try #require(first.matching(second))
    #expect(Set(map.keys) == Set(first.graph.parameters.map(\.name)))
    #expect(Set(map.values) == Set(second.graph.parameters.map(\.name)))
  }

  @Test("cells that compute different functions are not equal", arguments: different)
  func differentFunctions(a: String, b: String) throws {
    let (first, second) = (try Cell(parsing: a), try Cell(parsing: b))
    #expect(first != second)
    #expect(first.fingerprint != second.fingerprint)
    #expect(first.matching(second) == nil)
  }

  @Test("no two stock cells are equal")
  func stockCellsDiffer() throws {
    let cells = try StockCell.all.map { try Cell.stock($0.name) }
    #expect(Set(cells.map(\.canonical.text)).count == cells.count)
    #expect(Set(cells.map(\.fingerprint)).count == cells.count)
  }
}
