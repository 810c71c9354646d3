/// Tells apart the parameters and states of a cell by what they do, whatever they are called.
///
/// Each object (a parameter, or a state other than h) has a label; objects of one shape start alike.
/// In each round every object in turn is marked and the cell is evaluated: its outcome refines the
/// object's label. Objects that no round tells apart play the same part and can be exchanged, so
/// any one of them is made different and the rounds go on (individualisation and refinement, as
/// in graph isomorphism: McKay 1981).
struct Labelling {
  private(set) var labels: [UInt64]
  private var evaluationsLeft: Int
  private let outcome: ([UInt64]) -> UInt64

  /// Labels that depend on the objects' shapes and parts alone.
  ///
  /// - Parameters:
  ///   - shapes: what is known of each object from the start.
  ///   - budget: evaluations to spend; when they are gone, objects are told apart by their order.
  ///   - outcome: evaluates the cell for given labels.
  init(shapes: [UInt64], budget: Int, outcome: @escaping ([UInt64]) -> UInt64) {
    self.labels = shapes
    self.evaluationsLeft = budget
    self.outcome = outcome
    refine()
    while let tied = smallestTie() {
      labels[tied] = stableHash([labels[tied], 0x1D])
      refine()
    }
  }

  /// The first object of the class with the smallest label among those of several objects.
  private func smallestTie() -> Int? {
    let members = sizes()
    var smallest: Int?
    for (index, label) in labels.enumerated() where members[label] ?? 0 > 1 {
      if smallest.map({ label < labels[$0] }) ?? true { smallest = index }
    }
    return smallest
  }

  private func sizes() -> [UInt64: Int] {
    Dictionary(labels.map { ($0, 1) }, uniquingKeysWith: +)
  }

  private mutating func refine() {
    var classes = sizes()
    while classes.count < labels.count {
      var refined = labels
      for index in labels.indices where classes[labels[index]] ?? 0 > 1 {
        guard evaluationsLeft > 0 else { return breakTiesByOrder() }
        evaluationsLeft -= 1
        var marked = labels
        marked[index] = stableHash([labels[index], 0x3A])
        refined[index] = stableHash([labels[index], outcome(marked)])
      }
      labels = refined
      let count = classes.count
      classes = sizes()
      if classes.count == count { return }
    }
  }

  private mutating func breakTiesByOrder() {
    let classes = sizes()
    for index in labels.indices where classes[labels[index]] ?? 0 > 1 {
      labels[index] = stableHash([labels[index], UInt64(index), 0x7F])
    }
  }
}

extension Graph {
  /// What is known of each object that `Labelling` labels: the parameters, then the states but h.
  var objectShapes: [UInt64] {
    func code(_ size: Size) -> UInt64 { UInt64(size.rawValue) }
    let parameters = self.parameters.map { parameter in
      switch parameter.shape {
      case .matrix(let rows, let columns, let blocks):
        stableHash([1, code(rows), code(columns), UInt64(blocks)])
      case .vector(let size): stableHash([2, code(size)])
      case .scalar: stableHash([3])
      }
    }
    return parameters + states.dropFirst().map { stableHash([4, code($0.size)]) }
  }
}
