import Cells
import Execution
import Glibc
import Kernels

/// The architecture parameters of a supernet: numbers whose softmaxes are the scalars of its cell.
///
/// A scalar `NAME_OPTION` is the share of the option OPTION in the choice NAME; the shares of a choice
/// sum to one. The softmax is worked out here once for each update and not in the cell, where it would be
/// computed for every row and element anew.
package struct Relaxation: Sendable {
  package struct Option: Equatable, Sendable {
    /// As the cell has it; the name of the choice with `_none` for what no scalar stands for.
    package var name: String
    /// In the flat buffer, for each layer.
    fileprivate var offsets: [Int]
  }
  /// The options of each choice.
  package let choices: [[Option]]
  /// Before the softmax, choice by choice.
  package var alphas: [[Double]]
  private var first: [[Double]]
  private var second: [[Double]]
  private var updates = 0

  package static let none = "none"
  /// A scalar by this name is the sum of the shares of a choice but for that of none.
  package static let any = "any"
  /// Where these are, for each choice.
  private let sums: [[Int]]

  /// How the numbers learn: Adam with L2 decay.
  package struct Rates: Equatable, Sendable {
    package var learningRate: Double
    package var decay: Double
    package var beta1: Double
    package var beta2 = 0.999

    package init(learningRate: Double, decay: Double, beta1: Double) {
      self.learningRate = learningRate
      self.decay = decay
      self.beta1 = beta1
    }
  }

  /// Numbers near zero, so that all options begin with equal shares.
  ///
  /// - Parameter hasNone: whether every choice has an option more, which adds nothing.
  package init(_ layout: ParameterLayout, hasNone: Bool, seed: UInt64) {
    var choices: [(name: String, options: [Option])] = []
    var sums: [String: [Int]] = [:]
    for entry in layout.entries where entry.role == .scalar {
      // Without the network's prefix, "layers.0.".
      let name = entry.name.split(separator: ".", maxSplits: 2).last.map { String($0) } ?? ""
      let choice = name.lastIndex(of: "_").map { String(name[..<$0]) } ?? ""
      if name == "\(choice)_\(Self.any)" {
        sums[choice, default: []].append(entry.offset)
        continue
      }
      if let place = choices.firstIndex(where: { $0.name == choice }) {
        if let option = choices[place].options.firstIndex(where: { $0.name == name }) {
          choices[place].options[option].offsets.append(entry.offset)
        } else {
          choices[place].options.append(Option(name: name, offsets: [entry.offset]))
        }
      } else {
        choices.append((choice, [Option(name: name, offsets: [entry.offset])]))
      }
    }
    // The layout's order is that of the plan; starting numbers shall not depend on it.
    choices.sort { $0.name < $1.name }
    self.sums = choices.map { sums[$0.name] ?? [] }
    self.choices = choices.map { choice in
      let none = Option(name: "\(choice.name)_\(Self.none)", offsets: [])
      return (hasNone ? [none] : []) + choice.options.sorted { $0.name < $1.name }
    }
    var random = Choices(seed: seed, 0xA1FA)
    alphas = self.choices.map { $0.map { _ in 1e-3 * random.normal() } }
    first = self.choices.map { $0.map { _ in 0 } }
    second = first
  }

  /// The softmax of each choice.
  package var shares: [[Double]] {
    alphas.map { numbers in
      let largest = numbers.max() ?? 0
      let powers = numbers.map { exp($0 - largest) }
      let sum = powers.reduce(0, +)
      return powers.map { $0 / sum }
    }
  }

  /// The shares by name.
  package var measured: [String: Double] {
    var measured: [String: Double] = [:]
    for (options, shares) in zip(choices, shares) {
      for (option, share) in zip(options, shares) { measured[option.name] = share }
    }
    return measured
  }

  /// Sets the scalars of the cell in all layers.
  package func write(to weights: ParameterBuffer) {
    for (choice, shares) in shares.enumerated() {
      var sum = 0.0
      for (option, share) in zip(choices[choice], shares) {
        for offset in option.offsets { weights.values.base[offset] = Float(share) }
        if !option.offsets.isEmpty { sum += share }
      }
      for offset in sums[choice] { weights.values.base[offset] = Float(sum) }
    }
    weights.version &+= 1
  }

  /// The gradient of the numbers, given that of all parameters: by the softmax's derivative,
  /// p_k (g_k - sum_o p_o g_o).
  package func gradient(_ gradients: ParameterBuffer) -> [[Double]] {
    func slope(_ offsets: [Int]) -> Double {
      offsets.reduce(0) { $0 + Double(gradients.values[$1]) }
    }
    return shares.enumerated().map { choice, shares in
      let common = slope(sums[choice])
      let slopes = choices[choice].map { option in
        option.offsets.isEmpty ? 0 : slope(option.offsets) + common
      }
      let mean = zip(shares, slopes).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(shares, slopes).map { $0 * ($1 - mean) }
    }
  }

  /// Takes the scalars out of a gradient, so that the weights' optimiser leaves them alone.
  package func clear(in gradients: ParameterBuffer) {
    for offset in choices.joined().flatMap(\.offsets) + sums.joined() {
      gradients.values.base[offset] = 0
    }
  }

  /// One step of Adam.
  package mutating func step(_ gradient: [[Double]], _ rates: Rates) {
    updates += 1
    let correction1 = 1 - pow(rates.beta1, Double(updates))
    let correction2 = 1 - pow(rates.beta2, Double(updates))
    for choice in alphas.indices {
      for option in alphas[choice].indices {
        let slope = gradient[choice][option] + rates.decay * alphas[choice][option]
        let mean = rates.beta1 * first[choice][option] + (1 - rates.beta1) * slope
        let square = rates.beta2 * second[choice][option] + (1 - rates.beta2) * slope * slope
        first[choice][option] = mean
        second[choice][option] = square
        alphas[choice][option] -=
          rates.learningRate * (mean / correction1) / ((square / correction2).squareRoot() + 1e-8)
      }
    }
  }

  // MARK: - In a snapshot

  /// Every bit of the numbers and of what Adam remembers.
  var text: String {
    let rows = zip(alphas, zip(first, second)).flatMap { numbers, moments in
      zip(numbers, zip(moments.0, moments.1)).map { "\($0) \($1.0) \($1.1)" }
    }
    return ([String(updates)] + rows).joined(separator: "\n")
  }

  /// Takes over what `text` wrote.
  ///
  /// - Throws: `.format` for anything else; nothing is changed then.
  mutating func read(_ text: String) throws(Failure) {
    let rows = text.split(separator: "\n").map { row in
      row.split(separator: " ").compactMap { Double(String($0)) }
    }
    let count = choices.reduce(0) { $0 + $1.count }
    guard rows.count == count + 1, let updates = rows[0].first.flatMap({ Int(exactly: $0) }),
      updates >= 0, rows.dropFirst().allSatisfy({ $0.count == 3 && $0.allSatisfy(\.isFinite) })
    else { throw Failure(.format, "the snapshot's architecture parameters cannot be read") }
    var next = 1
    for choice in alphas.indices {
      for option in alphas[choice].indices {
        alphas[choice][option] = rows[next][0]
        first[choice][option] = rows[next][1]
        second[choice][option] = rows[next][2]
        next += 1
      }
    }
    self.updates = updates
  }
}

extension Choices {
  /// A number of the standard normal distribution (Box and Muller 1958).
  mutating func normal() -> Double {
    let radius = Double(1 + next() >> 11) * 0x1p-53
    let angle = Double(next() >> 11) * 0x1p-53
    return (-2 * log(radius)).squareRoot() * cos(2 * Double.pi * angle)
  }
}
