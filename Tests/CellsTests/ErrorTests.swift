import Cells
import Glibc
import Kernels
import Support
import Testing

@Suite struct ErrorTests {
  /// A text, the place of its mistake, and a part of the message.
  static let mistakes: [(text: String, line: Int, column: Int, message: String)] = [
    ("", 1, 1, "no equations"),
    ("  # nothing\n\n", 1, 1, "no equations"),
    ("z = sigmoid(linear(x, h))\n\nh' = tanh(z) + sigmod(z)", 3, 16, "did you mean 'sigmoid'?"),
    ("h' = sigmod(linear(x, h))", 1, 6, "'sigmod' is not an operation; did you mean 'sigmoid'?"),
    ("h' = quux(x)", 1, 6, "there are linear, product"),
    ("h' = tanh(torch.nn.functional.relu(linear(x, h)))", 1, 11, "names have no dots; write relu"),
    ("h' = leakyrelu(h)", 1, 6, "did you mean 'leaky_relu'?"),
    ("h' = tanh", 1, 6, "needs brackets: tanh(…)"),
    ("h' = tanh x", 1, 11, "expected an operator or the end of the line, found 'x'"),
    ("h' = tanh(linear(x, h)", 1, 23, "expected ',' or ')'"),
    ("h' = (linear(x, h)", 1, 19, "expected ')' for the '(' at 1:6"),
    ("h' = linear(x, h))", 1, 18, "')' without '('"),
    ("h' = ", 1, 6, "expected a value, found the end of the text"),
    ("h' = 2 * * h", 1, 10, "expected a value, found '*'"),
    ("h' = linear(x, )", 1, 16, "expected a value, found ')'"),
    ("h' linear(x)", 1, 4, "expected '=' after 'h''"),
    ("gru", 1, 1, "'gru' is the name of a stock cell"),
    ("h' = a = linear(x)", 1, 8, "a second '='"),
    ("3 = linear(x)", 1, 1, "starts with the name it defines, not with the number 3"),
    ("c' = linear(x, c)", 1, 1, "h' is not defined; h is the output"),
    ("h = linear(x)", 1, 1, "the next one is written h' = …"),
    ("x = h\nh' = linear(x)", 1, 1, "x is the input"),
    ("h' = linear(x, hh)", 1, 16, "did you mean 'h'?"),
    ("gate = sigmoid(linear(x))\nh' = gat * h", 2, 6, "did you mean 'gate'?"),
    ("h' = linear(x) + q", 1, 18, "make it a state"),
    ("z = linear(x)\nh' = z' * h", 2, 6, "did you mean 'z'?"),
    ("h' = linear(x')", 1, 13, "the input has no next state"),
    ("z = linear(x)\nh' = linear(x, h)", 1, 1, "'z' is not used"),
    ("c' = linear(x)\nh' = c' * h", 1, 1, "the state c is never read"),
    ("z = linear(x)\nz = linear(h)\nh' = z", 2, 1, "defined a second time (first on line 1)"),
    ("c = linear(x)\nc' = c\nh' = c'", 1, 1, "'c' is a state"),
    ("a = b\nb = a\nh' = a + linear(x)", 1, 1, "a needs b needs a"),
    ("h' = h' + x", 1, 1, "h' needs h'"),
    ("tanh = linear(x)\nh' = tanh", 1, 1, "'tanh' is an operation; choose another name"),
    ("h' = blend(x, h)", 1, 6, "blend takes 3 operands, not 2; write blend(gate, a, b)"),
    ("h' = tanh(x, h)", 1, 6, "tanh takes 1 operand, not 2"),
    ("h' = mean()", 1, 6, "mean takes 1 to 64 operands, not 0"),
    ("h' = matrix(h)", 1, 6, "write matrix(M, a)"),
    ("h' = matrix(2, h)", 1, 13, "needs the parameter's name first, found the number 2"),
    ("h' = vector(v, h)", 1, 6, "vector takes a name alone"),
    ("h' = matrix(M, h) + vector(M)", 1, 21, "'M' is a matrix, not a vector"),
    ("h' = vector(M) + matrix(M, h)", 1, 18, "'M' is a vector, not a matrix"),
    ("h' = matrix(M, h, blocks=2) + matrix(M, h)", 1, 31, "has 2 blocks elsewhere, here 1"),
    ("h' = linear(h, blocks=0)", 1, 23, "whole number from 1 to 1024"),
    ("h' = linear(h, blocks=1.5)", 1, 23, "whole number from 1 to 1024"),
    ("h' = linear(blocks=2, h)", 1, 23, "blocks= comes last"),
    ("h' = tanh(h, blocks=2)", 1, 6, "tanh takes no blocks="),
    ("h' = 0.5", 1, 1, "a single number"),
    ("h' = linear(0.5)", 1, 6, "a matrix needs a vector"),
    ("h' = layernorm(2) + h", 1, 6, "it needs a vector"),
    ("h' = 1e999 * h", 1, 6, "too large"),
    ("h' = 1e39 * h", 1, 6, "too large"),
    ("h' = 1.2.3 * h", 1, 6, "'1.2.3' is not a number"),
    ("h' = 2h", 1, 6, "'2h' is not a number"),
    ("h'' = h", 1, 3, "one prime at most"),
    ("h' = x × h", 1, 8, "unexpected '×'; write *"),
    ("h’ = x", 1, 2, "unexpected '’'; write '"),
    ("h' = σ(x)", 1, 6, "write sigmoid"),
    ("h' = x ^ 2", 1, 8, "unexpected '^'; write square(a)"),
    ("h' = x ** 2", 1, 9, "write square(a)"),
    ("h' = x @ h", 1, 8, "unexpected '@'; write product(a)"),
    ("h' = tanh(W_x * x)", 1, 11, "linear(a, b) has a matrix for each"),
    ("h' = x\u{0}", 1, 7, "a zero byte"),
    ("h' = x\u{7}", 1, 7, "a control character (7)"),
    ("h' = (x;h)", 1, 8, "';' inside brackets"),
    ("h' = " + String(repeating: "a", count: 65), 1, 6, "longer than 64 bytes"),
    ("h' = " + String(repeating: "(", count: 49), 1, 54, "more than 48 brackets deep"),
    ("h' = " + String(repeating: "-", count: 60) + "h", 1, 54, "more than 48 brackets deep"),
    ("h' = h" + String(repeating: " + h", count: 200), 1, 804, "more than 200 operations deep"),
  ]

  @Test("a mistake is reported with its place and a remedy", arguments: mistakes)
  func mistake(text: String, line: Int, column: Int, message: String) {
    let failure = #expect(throws: Failure.self) { try Cell(parsing: text) }
    guard let failure else { return }
    #expect(failure.kind == .parse)
    #expect(failure.message.contains(message), "\(failure.message)")
    #expect(failure.line == line && failure.column == column, "\(failure.message)")
    #expect(failure.message.hasPrefix("\(line):\(column): "), "\(failure.message)")
  }

  @Test(
    "sizes that differ where x meets h are refused with the remedy, and nowhere else",
    arguments: [
      ("h' = tanh(x + linear(h))", true), ("h' = matrix(M, h) + matrix(M, x)", true),
      ("h' = tanh(x)", true), ("s' = 0.9 * s + 0.1 * x\nh' = linear(s, h)", false),
      ("s' = 0.9 * s + 0.1 * x\nh' = linear(x, h) + s", true), ("h' = linear(x, h)", false),
    ])
  func equalSizes(text: String, areNeeded: Bool) throws {
    let cell = try Cell(parsing: text)
    #expect(cell.needsEqualSizes == areNeeded)
    #expect(try cell.parameters(inputSize: 5, hiddenSize: 5).allSatisfy { $0.count > 0 })
    guard areNeeded else { return _ = try cell.parameters(inputSize: 4, hiddenSize: 5) }
    let failure = #expect(throws: Failure.self) {
      try cell.parameters(inputSize: 4, hiddenSize: 5)
    }
    #expect(failure?.message.contains("x has 4 and h 5 elements; use equal sizes") == true)
  }

  @Test("a name that is not there comes with the nearest one, whatever the case")
  func nearestName() {
    for (name, nearest) in [("LSTM", "lstm"), ("Gru", "gru"), ("minmal_gru", "minimal_gru")] {
      let failure = #expect(throws: Failure.self) { try Cell.stock(name) }
      #expect(failure?.message.contains("did you mean '\(nearest)'") == true)
    }
  }

  @Test(
    "an arc that is no numbers is refused with the place",
    arguments: [
      ("0 0 tanh 1", 5), ("0 0 99999999999999999999 1", 5), ("?", 1),
    ])
  func arc(text: String, column: Int) {
    let failure = #expect(throws: Failure.self) {
      try Cell(arc: text, order: .paper, averagesAll: false)
    }
    #expect(failure?.kind == .parse && failure?.column == column)
  }

  static let tooMuch: [(String, String)] = [
    ("text", String(repeating: " ", count: CellLimits.bytes + 1)),
    (
      "statements",
      (0...CellLimits.statements).map { "a\($0) = h" }.joined(separator: "\n") + "\nh' = h"
    ),
    (
      "values",
      (0..<90).map { "a\($0) = mean(\(Array(repeating: "h", count: 60).joined(separator: ",")))" }
        .joined(separator: "\n") + "\nh' = h"
    ),
    (
      "states",
      (0..<40).map { "s\($0)' = s\($0)" }.joined(separator: "\n") + "\nh' = s1 + linear(x)"
    ),
  ]

  @Test("more than the limits allow is refused", arguments: tooMuch)
  func limits(what: String, text: String) {
    let failure = #expect(throws: Failure.self) { try Cell(parsing: text) }
    #expect(failure?.kind == .limit, "\(what): \(failure?.message ?? "")")
  }

  @Test("bytes that are not UTF-8 are refused")
  func invalidUTF8() {
    let failure = #expect(throws: Failure.self) { try Cell(parsing: [0x68, 0x27, 0xFF, 0xFE]) }
    #expect(failure?.kind == .parse)
    #expect(failure?.message.contains("UTF-8") == true)
  }

  @Test("the largest texts that are allowed parse within the stack of a small thread")
  func smallStack() {
    let deep =
      "h' = " + String(repeating: "tanh(", count: 46) + "h" + String(repeating: ")", count: 46)
    let long = "h' = h" + String(repeating: " + h", count: 190)
    let chain =
      "a0 = linear(x)\n"
      + (1..<900).map { "a\($0) = tanh(a\($0 - 1))" }.reversed().joined(separator: "\n")
      + "\nh' = a899"
    for text in [deep, long, chain] {
      #expect(onSmallStack { (try? Cell(parsing: text))?.canonical.digest.count } == 2)
    }
  }

  @Test("garbled equations never trap", arguments: 0..<40)
  func garbled(seed: Int) {
    var random = TestRandom(seed: UInt64(seed))
    let sources = StockCell.all.map(\.equations) + (0..<5).map { randomEquations(seed: $0) }
    let letters = Array("xhc'=()+-*/,#;\n 0.5e1zlinearmtxvo\u{0}é×".utf8)
    for _ in 0..<50 {
      var bytes = Array(random.pick(sources).utf8)
      for _ in 0..<Int.random(in: 1...6, using: &random) {
        let place = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<4, using: &random) {
        case 0: bytes[place] = random.pick(letters)
        case 1: bytes.insert(random.pick(letters), at: place)
        case 2: bytes.removeSubrange(place..<min(bytes.count, place + 7))
        default: bytes.append(contentsOf: bytes[place..<min(bytes.count, place + 30)])
        }
        if bytes.isEmpty { bytes = [0x68] }
      }
      do throws(Failure) {
        let cell = try Cell(parsing: bytes)
        let again = try Cell(parsing: cell.equations)
        #expect(again.graph == cell.graph, "seed \(seed):\n\(cell.equations)")
      } catch {
        #expect(!error.message.isEmpty && error.kind != .internal)
      }
    }
  }
}

/// What a thread runs.
private final class Work: @unchecked Sendable {
  let body: @Sendable () -> Int?
  var result: Int?

  init(_ body: @escaping @Sendable () -> Int?) { self.body = body }
}

/// Runs a body on a thread with 512 KB of stack.
private func onSmallStack(_ body: @escaping @Sendable () -> Int?) -> Int? {
  let work = Work(body)
  var attributes = pthread_attr_t()
  pthread_attr_init(&attributes)
  pthread_attr_setstacksize(&attributes, 512 << 10)
  var thread = pthread_t()
  let status = pthread_create(
    &thread, &attributes,
    { pointer in
      guard let pointer else { return nil }
      let work = Unmanaged<Work>.fromOpaque(pointer).takeUnretainedValue()
      work.result = work.body()
      return nil
    }, Unmanaged.passUnretained(work).toOpaque())
  guard status == 0 else { return nil }
  pthread_join(thread, nil)
  return withExtendedLifetime(work) { work.result }
}
