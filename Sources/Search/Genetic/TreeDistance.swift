/// The outline of a tree, which its species depends on: elements by their arguments, without labels.
package struct TreeShape: Hashable, Sendable {
  /// Arguments of each node, in preorder.
  package let arities: [UInt8]
  private let children: [(first: Int, second: Int)]
  /// Nodes on the longest way from the root to a leaf.
  package let depth: Int

  package init(_ tree: NodeTree) {
    arities = tree.nodes.map { UInt8($0.element.arity) }
    // What is no tree is a single leaf to others.
    children = tree.children ?? [(first: Int, second: Int)](repeating: (-1, -1), count: tree.size)
    depth = tree.height + 1
  }

  package static func == (a: TreeShape, b: TreeShape) -> Bool { a.arities == b.arities }
  package func hash(into hasher: inout Hasher) { hasher.combine(arities) }

  /// The structural distance, the least over all exchanges of arguments in either tree.
  ///
  /// By Trujillo et al. 2015 at b = 0.5 it is
  /// 1/2 (N - 2 nS) / (N - 2) + 1/2 (D - 2 dS) / (D - 2): N and D are the sizes and depths of both
  /// trees added, nS and dS those of what they share from the root. Elements with as many arguments
  /// are shared with all arguments, others without. 0 for mirror images, below 1.
  package func distance(_ other: TreeShape) -> Double {
    Self.least(shared(0, other, 0), self, other)
  }

  /// A bound that the distance cannot be below, in no time: the smaller tree within the larger one.
  package func leastDistance(_ other: TreeShape) -> Double {
    Self.value(
      size: min(arities.count, other.arities.count), depth: min(depth, other.depth), self, other)
  }

  /// For each depth k + 1, how many nodes can be shared at most where the shared tree is that deep or
  /// deeper; below zero where none can be.
  ///
  /// Which exchange is best depends on all levels below: size and depth pull apart. But the best size at
  /// each depth follows from those of the arguments, so that the 2^n exchanges are never listed. A pair
  /// of nodes is met once, as its parents' pair is.
  private typealias Profile = SIMD16<Int16>

  private static let leaf: Profile = {
    var profile = Profile(repeating: -10_000)
    profile[0] = 1
    return profile
  }()

  private func shared(_ own: Int, _ other: TreeShape, _ theirs: Int) -> Profile {
    guard arities.indices.contains(own), other.arities.indices.contains(theirs),
      arities[own] == other.arities[theirs], children[own].first >= 0,
      other.children[theirs].first >= 0
    else { return Self.leaf }
    let (mine, yours) = (children[own], other.children[theirs])
    let straight = shared(mine.first, other, yours.first)
    guard mine.second >= 0, yours.second >= 0 else { return Self.under(straight, 0) }
    let one = Self.both(straight, shared(mine.second, other, yours.second))
    let two = Self.both(
      shared(mine.first, other, yours.second), shared(mine.second, other, yours.first))
    return one.replacing(with: two, where: two .> one)
  }

  /// Of an element over one shared argument, or over one that reaches the depth and another of any.
  private static func under(_ argument: Profile, _ rest: Int16) -> Profile {
    var result = Profile(repeating: 1 &+ rest)
    result[0] = result[0] &+ argument[0]
    for level in 1..<Profile.scalarCount {
      result[level] = result[level] &+ argument[level &- 1]
    }
    return result
  }

  private static func both(_ a: Profile, _ b: Profile) -> Profile {
    let (first, second) = (under(a, b[0]), under(b, a[0]))
    return first.replacing(with: second, where: second .> first)
  }

  private static func least(_ profile: Profile, _ a: TreeShape, _ b: TreeShape) -> Double {
    var least = 1.0
    for level in 0..<Profile.scalarCount where profile[level] > 0 {
      least = min(least, value(size: Int(profile[level]), depth: level + 1, a, b))
    }
    return least
  }

  private static func value(size: Int, depth: Int, _ a: TreeShape, _ b: TreeShape) -> Double {
    func part(_ total: Int, _ shared: Int) -> Double {
      total <= 2 ? 0 : Double(total - 2 * shared) / Double(total - 2)
    }
    return 0.5 * part(a.arities.count + b.arities.count, size) + 0.5
      * part(a.depth + b.depth, depth)
  }
}
