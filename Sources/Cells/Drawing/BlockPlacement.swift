/// Horizontal places for ordered layers, such that long edges are straight and neighbours stand above
/// each other.
///
/// Brandes and Köpf 2001, "Fast and simple horizontal coordinate assignment": vertices are aligned with
/// a median neighbour into vertical blocks, leaning to each of the four corners, and the blocks are
/// pushed together; each vertex stands between the middle two of its four places.
struct BlockPlacement {
  private let order: [[Int]]
  private let below: [[Int]]
  private let above: [[Int]]
  /// Half the width of a vertex, and the space that it keeps to its neighbours.
  private let widths: [Double]
  private let gaps: [Double]
  /// Edges that would cross a long one, as lower and upper end: they give way.
  private var yielding: Set<[Int]> = []
  /// Horizontal centre of each vertex, from 0 at the left.
  private(set) var x: [Double]

  /// - Parameters:
  ///   - order: the vertices of each layer from left to right, from the bottom layer up.
  ///   - below: neighbours in the layer below; `above` likewise.
  ///   - firstPoint: vertices from here on are points of long edges.
  init(
    order: [[Int]], below: [[Int]], above: [[Int]], widths: [Double], gaps: [Double],
    firstPoint: Int
  ) {
    (self.order, self.below, self.above) = (order, below, above)
    (self.widths, self.gaps) = (widths, gaps)
    x = Array(repeating: 0, count: widths.count)
    findYielding(firstPoint)
    let places = [(true, true), (true, false), (false, true), (false, false)].map {
      (isUp: Bool, isLeft: Bool) in (isLeft, placed(isUp: isUp, isLeft: isLeft))
    }
    combine(places)
  }

  /// The four ways are moved to a side of the narrowest, then each vertex takes the mean of its middle two.
  private mutating func combine(_ places: [(isLeft: Bool, x: [Double])]) {
    guard !x.isEmpty else { return }
    let spans = places.map { way in
      x.indices.reduce(into: (low: Double.infinity, high: -Double.infinity)) { span, vertex in
        span.low = min(span.low, way.x[vertex] - widths[vertex] / 2)
        span.high = max(span.high, way.x[vertex] + widths[vertex] / 2)
      }
    }
    let narrowest = spans.min { $0.high - $0.low < $1.high - $1.low } ?? (0, 0)
    let shifts = zip(places, spans).map { way, span in
      way.isLeft ? narrowest.low - span.low : narrowest.high - span.high
    }
    for vertex in x.indices {
      let four = places.indices.map { places[$0].x[vertex] + shifts[$0] }.sorted()
      x[vertex] = (four[1] + four[2]) / 2
    }
    let left = x.indices.map { x[$0] - widths[$0] / 2 }.min() ?? 0
    for vertex in x.indices { x[vertex] -= left }
  }

  /// Marks edges that cross the inner part of a long edge.
  private mutating func findYielding(_ firstPoint: Int) {
    let position = positions(order)
    for (lower, upper) in zip(order, order.dropFirst()) {
      var first = 0
      var seen = 0
      for (index, vertex) in upper.enumerated() {
        let inner =
          vertex >= firstPoint ? below[vertex].first(where: { $0 >= firstPoint }) : nil
        guard inner != nil || index == upper.count - 1 else { continue }
        let last = inner.map { position[$0] } ?? lower.count - 1
        for other in upper[seen...index] {
          for end in below[other] where position[end] < first || position[end] > last {
            if end < firstPoint || other < firstPoint { yielding.insert([end, other]) }
          }
        }
        seen = index + 1
        first = last
      }
    }
  }

  private func positions(_ order: [[Int]]) -> [Int] {
    var positions = [Int](repeating: 0, count: widths.count)
    for members in order {
      for (place, vertex) in members.enumerated() { positions[vertex] = place }
    }
    return positions
  }

  /// The places of one way: blocks made from the bottom up or the top down, leaning left or right.
  private func placed(isUp: Bool, isLeft: Bool) -> [Double] {
    let order = isLeft ? self.order : self.order.map { $0.reversed() }
    let position = positions(order)
    let neighbours = isUp ? below : above
    var root = Array(widths.indices)
    var isTaken = [Bool](repeating: false, count: widths.count)
    for members in isUp ? order : order.reversed() {
      var last = -1
      for vertex in members where !neighbours[vertex].isEmpty {
        let near = neighbours[vertex].sorted { position[$0] < position[$1] }
        for middle in Set([(near.count - 1) / 2, near.count / 2]).sorted() {
          let end = near[middle]
          let edge = isUp ? [end, vertex] : [vertex, end]
          if last < position[end], !isTaken[end], !yielding.contains(edge) {
            isTaken[end] = true
            root[vertex] = root[end]
            last = position[end]
            break
          }
        }
      }
    }
    let places = compacted(order, root)
    return root.map { isLeft ? places[$0] : -places[$0] }
  }

  /// Puts blocks as far left as they go, then right again as far as their neighbours let them.
  private func compacted(_ order: [[Int]], _ root: [Int]) -> [Double] {
    var following: [[(block: Int, distance: Double)]] = Array(repeating: [], count: root.count)
    var waiting = [Int](repeating: 0, count: root.count)
    for members in order {
      for (left, right) in zip(members, members.dropFirst()) {
        let distance = (widths[left] + widths[right]) / 2 + (gaps[left] + gaps[right]) / 2
        following[root[left]].append((root[right], distance))
        waiting[root[right]] += 1
      }
    }
    var places = [Double](repeating: 0, count: root.count)
    var sequence = root.indices.filter { root[$0] == $0 && waiting[$0] == 0 }
    var next = 0
    while next < sequence.count {
      let block = sequence[next]
      next += 1
      for (other, distance) in following[block] {
        places[other] = max(places[other], places[block] + distance)
        waiting[other] -= 1
        if waiting[other] == 0 { sequence.append(other) }
      }
    }
    for block in sequence.reversed() {
      let room = following[block].map { places[$0.block] - $0.distance }.min()
      if let room { places[block] = max(places[block], room) }
    }
    return places
  }
}
