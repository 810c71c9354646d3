import Kernels

extension Cell {
  /// Reads DARTS's genotype as text: `Genotype(recurrent=[('sigmoid', 0), …], concat=range(1, 9))`, the
  /// bare list `[('sigmoid', 0), …]`, or the list in JSON.
  ///
  /// - Throws: `.parse` with line and column, `.invalidArgument` for steps that make no cell.
  package init(genotypeText text: String) throws(Failure) {
    try CellLimits.check("the genotype", bytes: text.utf8.count)
    var reader = GenotypeReader(text: text)
    let (steps, outputs) = try reader.read()
    try self.init(highway: steps, outputs: outputs)
  }

  /// Reads an arc of ENAS or NAO: `f0 p1 f1 p2 f2 …` or, without the first activation, `p1 f1 …`,
  /// separated by spaces or commas.
  ///
  /// - Parameters:
  ///   - activations: which activation each number means; see `ArcOrder`.
  ///   - averagesAll: h' is the mean of all nodes but the first (enas_lm, NAO), not of those that no
  ///     node reads (the paper).
  /// - Throws: `.parse` for a word that is no number, with its place; `.invalidArgument` for numbers that make
  ///   no cell.
  package init(arc text: String, order: ArcOrder, averagesAll: Bool) throws(Failure) {
    try CellLimits.check("the arc", bytes: text.utf8.count)
    var numbers: [Int] = []
    for word in text.split(whereSeparator: { " ,\n\t".contains($0) }) {
      guard let number = Int(word) else {
        let column = text.distance(from: text.startIndex, to: word.startIndex) + 1
        throw Failure(
          .parse,
          "1:\(column): '\(word.prefix(40))' in an arc is no predecessor or activation; write it like "
            + "0 0 0 1 1 2", line: 1, column: column)
      }
      numbers.append(number)
    }
    // With an odd count the first number is the activation of node 0; here that is always tanh.
    if numbers.count % 2 == 1 {
      guard numbers[0] == 0 else {
        throw .invalid("the arc's first activation is \(numbers[0]); only 0, tanh, is supported")
      }
      numbers.removeFirst()
    }
    var steps: [HighwayStep] = []
    for start in stride(from: 0, to: numbers.count, by: 2) {
      guard order.activations.indices.contains(numbers[start + 1]) else {
        throw .invalid("the arc's activation \(numbers[start + 1]) is not from 0 to 3")
      }
      steps.append(HighwayStep(order.activations[numbers[start + 1]], numbers[start]))
    }
    let read = Set(steps.map(\.predecessor))
    let loose = Array((1...max(1, steps.count)).filter { !read.contains($0) })
    try self.init(highway: steps, outputs: averagesAll ? nil : loose)
  }
}

/// What the activation numbers of an arc mean: the public programs disagree.
package enum ArcOrder: String, CaseIterable, Sendable {
  /// 0 tanh, 1 relu, 2 identity, 3 sigmoid (the paper's first program).
  case paper
  /// 0 tanh, 1 relu, 2 sigmoid, 3 identity (enas_lm and NAO).
  case enasLM = "enas_lm"

  var activations: [String] {
    switch self {
    case .paper: ["tanh", "relu", "identity", "sigmoid"]
    case .enasLM: ["tanh", "relu", "sigmoid", "identity"]
    }
  }
}

/// Reads the text forms of a genotype.
private struct GenotypeReader {
  private let bytes: [UInt8]
  private var position = 0

  init(text: String) { bytes = Array(text.utf8) }

  mutating func read() throws(Failure) -> (steps: [HighwayStep], outputs: [Int]?) {
    let isNamed = accept("Genotype")
    if isNamed {
      try expect("(")
      try expect("recurrent")
      try expect("=")
    }
    let steps = try self.steps()
    var outputs: [Int]?
    if isNamed {
      if accept(",") {
        try expect("concat")
        try expect("=")
        outputs = try self.outputs()
        _ = accept(",")
      }
      try expect(")")
    }
    skipSpace()
    guard position == bytes.count else { throw failure("text after the end of the genotype") }
    return (steps, outputs)
  }

  private mutating func steps() throws(Failure) -> [HighwayStep] {
    try expect("[")
    var steps: [HighwayStep] = []
    while !accept("]") {
      if !steps.isEmpty {
        try expect(",")
        if accept("]") { break }
      }
      guard accept("(") || accept("[") else { throw failure("expected a pair such as ('tanh', 0)") }
      let name = try word()
      try expect(",")
      steps.append(HighwayStep(name, try number()))
      guard accept(")") || accept("]") else { throw failure("expected ')'") }
      guard steps.count <= HighwayStep.limit else {
        throw failure("more than \(HighwayStep.limit) steps")
      }
    }
    return steps
  }

  /// `range(a, b)` or a list of numbers.
  private mutating func outputs() throws(Failure) -> [Int] {
    if accept("range") {
      try expect("(")
      let first = try number()
      try expect(",")
      let end = try number()
      try expect(")")
      guard first < end, end <= HighwayStep.limit + 1 else {
        throw failure("range(\(first), \(end)) names no nodes")
      }
      return Array(first..<end)
    }
    guard accept("[") || accept("(") else { throw failure("expected range(…) or a list") }
    var numbers = [try number()]
    while accept(","), !accept("]") { numbers.append(try number()) }
    guard accept("]") || accept(")") || bytes[position - 1] == UInt8(ascii: "]") else {
      throw failure("expected ']'")
    }
    return numbers
  }

  // MARK: - Words

  private func failure(_ message: String) -> Failure {
    let before = bytes[..<position]
    let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
    let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
    let column = 1 + before[start...].count { $0 & 0xC0 != 0x80 }
    return Place(line: line, column: column).failure(message)
  }

  private mutating func skipSpace() {
    while position < bytes.count, " \t\r\n".utf8.contains(bytes[position]) { position += 1 }
  }

  private mutating func accept(_ text: String) -> Bool {
    skipSpace()
    guard bytes[position...].starts(with: text.utf8) else { return false }
    position += text.utf8.count
    return true
  }

  private mutating func expect(_ text: String) throws(Failure) {
    guard accept(text) else { throw failure("expected '\(text)'") }
  }

  private mutating func word() throws(Failure) -> String {
    skipSpace()
    guard position < bytes.count, "'\"".utf8.contains(bytes[position]) else {
      throw failure("expected an operation in quotes")
    }
    let quote = bytes[position]
    guard let end = bytes[(position + 1)...].firstIndex(of: quote) else {
      throw failure("a quote without its end")
    }
    defer { position = end + 1 }
    return String(decoding: bytes[(position + 1)..<end], as: UTF8.self)
  }

  private mutating func number() throws(Failure) -> Int {
    skipSpace()
    let start = position
    while position < bytes.count, "0123456789".utf8.contains(bytes[position]) { position += 1 }
    guard let number = Int(String(decoding: bytes[start..<position], as: UTF8.self)), number < 1000
    else {
      position = start
      throw failure("expected a node number")
    }
    return number
  }
}
