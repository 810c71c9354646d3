/// Places for the vertices of an acyclic graph in horizontal layers, operands below what uses them.
///
/// The four steps of Sugiyama, Tagawa and Toda 1981, "Methods for visual understanding of hierarchical
/// system structures": layers by longest path, points where long edges cross a layer, fewer crossings
/// by barycenters, and horizontal places (`BlockPlacement`).
struct LayeredLayout {
  /// Horizontal centre of each vertex.
  private(set) var x: [Double]
  /// Layer of each vertex, from 0 at the bottom.
  private(set) var layer: [Int]
  /// Horizontal places of an edge at the layers between its ends.
  private(set) var bends: [[Double]]
  private(set) var width = 0.0
  private(set) var layerCount = 1

  /// Space between neighbours, and beside points of long edges.
  private static let gap = 18.0
  private static let pointGap = 12.0
  /// Above so many points long edges are drawn straight, so that a huge cell takes bounded time.
  private static let pointLimit = 4000

  private var order: [[Int]] = []
  /// The place of each vertex and point in its layer.
  private var position: [Int] = []
  private var widths: [Double]
  /// Neighbours below and above of vertices and points.
  private var below: [[Int]]
  private var above: [[Int]]

  /// - Parameters:
  ///   - edges: from a vertex to one behind it.
  ///   - bottom: vertices without operands that stand in the lowest layer.
  ///   - top: vertices that stand in the highest layer.
  ///   - widths: of the vertices.
  init(
    edges: [(from: Int, to: Int)], bottom: Set<Int>, top: [Int], widths vertexWidths: [Double]
  ) {
    let count = vertexWidths.count
    widths = vertexWidths
    let layer = Self.layers(edges, count: count, bottom: bottom, top: top)
    self.layer = layer
    x = []
    bends = []
    layerCount = (layer.max() ?? 0) + 1
    below = Array(repeating: [], count: count)
    above = below
    var points: [[Int]] = []
    let spans = edges.reduce(0) { $0 + layer[$1.to] - layer[$1.from] - 1 }
    for edge in edges {
      var chain: [Int] = []
      if spans <= Self.pointLimit {
        for between in stride(from: layer[edge.from] + 1, to: layer[edge.to], by: 1) {
          chain.append(self.layer.count)
          self.layer.append(between)
          widths.append(4)
          below.append([])
          above.append([])
        }
      }
      let path = [edge.from] + chain + [edge.to]
      for (low, high) in zip(path, path.dropFirst())
      where self.layer[high] == self.layer[low] + 1 {
        above[low].append(high)
        below[high].append(low)
      }
      points.append(chain)
    }
    order = Array(repeating: [], count: layerCount)
    for index in self.layer.indices { order[self.layer[index]].append(index) }
    position = Array(repeating: 0, count: self.layer.count)
    for index in order.indices { number(index) }
    reduceCrossings()
    let gaps = widths.indices.map { $0 < count ? Self.gap : Self.pointGap }
    x =
      BlockPlacement(
        order: order, below: below, above: above, widths: widths, gaps: gaps, firstPoint: count
      ).x
    width = x.indices.map { x[$0] + widths[$0] / 2 }.max() ?? 0
    bends = points.map { chain in chain.map { x[$0] } }
    x.removeLast(x.count - count)
    self.layer.removeLast(self.layer.count - count)
  }

  /// Longest paths from the leaves; a leaf that only one reads moves up to just below it, unless it is
  /// pinned to the bottom.
  private static func layers(
    _ edges: [(from: Int, to: Int)], count: Int, bottom: Set<Int>, top: [Int]
  ) -> [Int] {
    var layer = [Int](repeating: 0, count: count)
    var readers = [[Int]](repeating: [], count: count)
    var isLeaf = [Bool](repeating: true, count: count)
    for edge in edges.sorted(by: { ($0.to, $0.from) < ($1.to, $1.from) }) {
      layer[edge.to] = max(layer[edge.to], layer[edge.from] + 1)
      readers[edge.from].append(edge.to)
      isLeaf[edge.to] = false
    }
    let highest = layer.max() ?? 0
    for vertex in top { layer[vertex] = highest }
    for vertex in 0..<count where isLeaf[vertex] && !bottom.contains(vertex) {
      if let reader = readers[vertex].first, readers[vertex].count == 1 {
        layer[vertex] = layer[reader] - 1
      }
    }
    return layer
  }

  // MARK: Crossings

  private mutating func reduceCrossings() {
    var best = order
    var least = (crossings(), spread())
    for sweep in 0..<24 {
      let isUp = sweep % 2 == 0
      let sequence = isUp ? Array(1..<layerCount) : Array((0..<(layerCount - 1)).reversed())
      for index in sequence { sort(index, by: isUp ? below : above) }
      let cost = (crossings(), spread())
      if cost < least { (best, least) = (order, cost) }
    }
    order = best
  }

  /// How far neighbours are apart, in places from the middle of their layers: decides between orders
  /// with as many crossings.
  private func spread() -> Int {
    var middle = position
    for members in order {
      for vertex in members { middle[vertex] = 2 * middle[vertex] - members.count }
    }
    return above.indices.reduce(0) { sum, vertex in
      above[vertex].reduce(sum) { $0 + abs(middle[$1] - middle[vertex]) }
    }
  }

  /// Sorts a layer by the mean place of each member's neighbours in the layer before.
  private mutating func sort(_ index: Int, by neighbours: [[Int]]) {
    let keys = order[index].enumerated().map { place, vertex in
      let near = neighbours[vertex]
      let mean =
        near.isEmpty
        ? Double(place) : near.reduce(0.0) { $0 + Double(position[$1]) } / Double(near.count)
      return (mean, place, vertex)
    }
    order[index] = keys.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
    number(index)
  }

  /// Notes the places of a layer's members.
  private mutating func number(_ index: Int) {
    for (place, vertex) in order[index].enumerated() { position[vertex] = place }
  }

  /// Crossings between neighbouring layers: inversions, counted with a Fenwick tree.
  private func crossings() -> Int {
    var count = 0
    for members in order {
      let targets = members.flatMap { above[$0].map { position[$0] }.sorted() }
      var tree = [Int](repeating: 0, count: (targets.max() ?? 0) + 2)
      for (seen, target) in targets.enumerated() {
        var notAbove = 0
        var index = target + 1
        while index > 0 {
          notAbove += tree[index]
          index -= index & -index
        }
        count += seen - notAbove
        index = target + 1
        while index < tree.count {
          tree[index] += 1
          index += index & -index
        }
      }
    }
    return count
  }
}
