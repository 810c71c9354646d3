/// Places for the vertices of an acyclic graph in horizontal layers, operands below what uses them.
///
/// The four steps of Sugiyama, Tagawa and Toda 1981, "Methods for visual understanding of hierarchical
/// system structures": layers by longest path, points where long edges cross a layer, fewer crossings
/// by barycenters, and horizontal places that pull neighbours above each other.
struct LayeredLayout {
  /// Horizontal centre of each vertex.
  private(set) var x: [Double]
  /// Layer of each vertex, from 0 at the bottom.
  private(set) var layer: [Int]
  /// Horizontal places of an edge at the layers between its ends.
  private(set) var bends: [[Double]]
  private(set) var width = 0.0
  private(set) var layerCount = 1

  /// Space between neighbours.
  private static let gap = 18.0
  /// Above so many points long edges are drawn straight, so that a huge cell takes bounded time.
  private static let pointLimit = 4000

  private var order: [[Int]] = []
  private var widths: [Double]
  /// Neighbours below and above of vertices and points.
  private var below: [[Int]]
  private var above: [[Int]]

  /// - Parameters:
  ///   - edges: from a vertex to one behind it.
  ///   - top: vertices that stand in the highest layer.
  ///   - widths: of the vertices.
  init(edges: [(from: Int, to: Int)], top: [Int], widths vertexWidths: [Double]) {
    let count = vertexWidths.count
    widths = vertexWidths
    let layer = Self.layers(edges, count: count, top: top)
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
      for (low, high) in zip(path, path.dropFirst()) {
        above[low].append(high)
        below[high].append(low)
      }
      points.append(chain)
    }
    x = Array(repeating: 0, count: self.layer.count)
    order = Array(repeating: [], count: layerCount)
    for index in x.indices { order[self.layer[index]].append(index) }
    reduceCrossings()
    placeHorizontally()
    bends = points.map { chain in chain.map { x[$0] } }
    x.removeLast(x.count - count)
    self.layer.removeLast(self.layer.count - count)
  }

  /// Longest paths from the leaves; leaves move up to just below the first that reads them.
  private static func layers(
    _ edges: [(from: Int, to: Int)], count: Int, top: [Int]
  ) -> [Int] {
    var layer = [Int](repeating: 0, count: count)
    for edge in edges.sorted(by: { $0.to < $1.to }) {
      layer[edge.to] = max(layer[edge.to], layer[edge.from] + 1)
    }
    let highest = layer.max() ?? 0
    for vertex in top { layer[vertex] = highest }
    var firstUser = [Int](repeating: .max, count: count)
    for edge in edges { firstUser[edge.from] = min(firstUser[edge.from], layer[edge.to]) }
    let hasOperands = Set(edges.map(\.to))
    // The first vertex is the input and stays at the bottom; so do states, which many read.
    var readers = [Int](repeating: 0, count: count)
    for edge in edges { readers[edge.from] += 1 }
    for vertex in 1..<max(count, 1)
    where !hasOperands.contains(vertex) && readers[vertex] == 1 && firstUser[vertex] != .max {
      layer[vertex] = firstUser[vertex] - 1
    }
    return layer
  }

  // MARK: Crossings

  private mutating func reduceCrossings() {
    var best = order
    var fewest = crossings()
    for sweep in 0..<12 where fewest > 0 {
      let isUp = sweep % 2 == 0
      let sequence = isUp ? Array(1..<layerCount) : Array((0..<(layerCount - 1)).reversed())
      for index in sequence { sort(index, by: isUp ? below : above) }
      let count = crossings()
      if count < fewest { (best, fewest) = (order, count) }
    }
    order = best
  }

  /// Sorts a layer by the mean place of each member's neighbours in the layer before.
  private mutating func sort(_ index: Int, by neighbours: [[Int]]) {
    let places = self.places()
    let keys = order[index].enumerated().map { place, vertex in
      let near = neighbours[vertex]
      let mean =
        near.isEmpty
        ? Double(place) : near.reduce(0.0) { $0 + Double(places[$1]) } / Double(near.count)
      return (mean, place, vertex)
    }
    order[index] = keys.sorted { ($0.0, $0.1) < ($1.0, $1.1) }.map(\.2)
  }

  private func places() -> [Int] {
    var places = [Int](repeating: 0, count: layer.count)
    for members in order { for (place, vertex) in members.enumerated() { places[vertex] = place } }
    return places
  }

  /// Crossings between neighbouring layers: inversions, counted with a Fenwick tree.
  private func crossings() -> Int {
    let places = self.places()
    var count = 0
    for members in order {
      let targets = members.flatMap { above[$0].map { places[$0] }.sorted() }
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

  // MARK: Horizontal places

  private mutating func placeHorizontally() {
    for members in order {
      var right = 0.0
      for vertex in members {
        x[vertex] = right + widths[vertex] / 2
        right += widths[vertex] + Self.gap
      }
    }
    for sweep in 0..<24 {
      let isUp = sweep % 2 == 0
      for index in isUp ? Array(0..<layerCount) : Array((0..<layerCount).reversed()) {
        pull(order[index], isLast: sweep >= 22)
      }
    }
    let left = layer.indices.map { x[$0] - widths[$0] / 2 }.min() ?? 0
    for index in x.indices { x[index] -= left }
    width = layer.indices.map { x[$0] + widths[$0] / 2 }.max() ?? 0
  }

  /// Moves the members of a layer towards their neighbours, in order and apart.
  private mutating func pull(_ members: [Int], isLast: Bool) {
    let wanted = members.map { vertex in
      let near = below[vertex] + above[vertex]
      return near.isEmpty ? x[vertex] : near.reduce(0.0) { $0 + x[$1] } / Double(near.count)
    }
    // The mean of pushing from the left and from the right keeps every distance.
    var fromLeft = wanted
    var fromRight = wanted
    for index in members.indices.dropFirst() {
      fromLeft[index] = max(fromLeft[index], fromLeft[index - 1] + distance(members, index))
    }
    for index in members.indices.dropLast().reversed() {
      fromRight[index] = min(fromRight[index], fromRight[index + 1] - distance(members, index + 1))
    }
    for (index, vertex) in members.enumerated() {
      x[vertex] = (fromLeft[index] + fromRight[index]) / 2
    }
  }

  /// From the member before to this one.
  private func distance(_ members: [Int], _ index: Int) -> Double {
    (widths[members[index - 1]] + widths[members[index]]) / 2 + Self.gap
  }
}
