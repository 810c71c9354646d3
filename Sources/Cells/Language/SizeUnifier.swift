import Kernels

/// Finds which vectors have the input's size and which the hidden state's.
///
/// A union-find over size variables: values that meet element by element share one variable, `x` and
/// `h` bind theirs, and what is bound by nothing takes the hidden size.
struct SizeUnifier {
  private var parent: [Int] = []
  private var binding: [Size?] = []

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

  /// Makes two variables one; false when one is the input's size and the other the hidden size.
  mutating func unify(_ a: Int, _ b: Int) -> Bool {
    let (a, b) = (root(a), root(b))
    if a == b { return true }
    if let first = binding[a], let second = binding[b], first != second { return false }
    // The older stays root, so that paths stay short in practice and results never depend on order.
    let (kept, dropped) = a < b ? (a, b) : (b, a)
    parent[dropped] = kept
    binding[kept] = binding[kept] ?? binding[dropped]
    return true
  }

  func size(_ variable: Int) -> Size { binding[root(variable)] ?? .hidden }
}
