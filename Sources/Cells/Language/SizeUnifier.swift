import Kernels

/// Finds which vectors have the input's size and which the hidden state's.
///
/// A union-find over size variables: values that meet element by element share one variable, `x` and
/// `h` bind theirs, and what is bound by nothing takes the hidden size. Where the two meet, e.g. in
/// `x + linear(h)`, all sizes are the hidden one, and the cell runs where the input has it too.
struct SizeUnifier {
  private var parent: [Int] = []
  private var binding: [Size?] = []
  private var areEqual = false

  mutating func variable(_ size: Size? = nil) -> Int {
    parent.append(parent.count)
    binding.append(size)
    return parent.count - 1
  }

  private func root(_ variable: Int) -> Int {
    var variable = variable
    while parent[variable] != variable { variable = parent[variable] }
    return variable
  }

  /// Makes two variables one.
  mutating func unify(_ a: Int, _ b: Int) {
    let (a, b) = (root(a), root(b))
    if a == b { return }
    if let first = binding[a], let second = binding[b], first != second { areEqual = true }
    // The older stays root, so that paths stay short in practice and results never depend on order.
    let (kept, dropped) = a < b ? (a, b) : (b, a)
    parent[dropped] = kept
    binding[kept] = binding[kept] ?? binding[dropped]
  }

  func size(_ variable: Int) -> Size { areEqual ? .hidden : binding[root(variable)] ?? .hidden }
}
