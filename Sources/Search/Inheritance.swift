import Cells
import Execution
import Kernels
import Training

/// What a cell takes over of the weights of the cell that it was made from.
///
/// A weight is the same in both where it maps the same operand for the same reader; where a change of the
/// cell has touched one of these, less has to agree. Weights that the parent has not start as ever.
///
/// No strategy asks for it: `Tests/Bench/InheritanceBench` compares how well short trainings with and without
/// it order children.
package enum Inheritance {
  /// Places of parameters in the child's graph with those in the parent's that they take over.
  package static func pairs(
    of child: Cell, with parent: Cell
  ) -> [(child: Int, parent: Int)] {
    let (mine, theirs) = (uses(child.graph), uses(parent.graph))
    var isTaken = [Bool](repeating: false, count: parent.graph.parameters.count)
    var isGiven = [Bool](repeating: false, count: child.graph.parameters.count)
    var pairs: [(child: Int, parent: Int)] = []
    for level in Use.levels {
      for use in mine where !isGiven[use.parameter] {
        guard
          let other = theirs.first(where: {
            !isTaken[$0.parameter] && $0.signatures[level] == use.signatures[level]
              && parent.graph.parameters[$0.parameter].shape
                == child.graph.parameters[use.parameter].shape
          })
        else { continue }
        isGiven[use.parameter] = true
        isTaken[other.parameter] = true
        pairs.append((use.parameter, other.parameter))
      }
    }
    return pairs
  }

  /// Copies a parent's weights to a child of the same corpus and layers: embedding, softmax, and those of
  /// the cells that agree; of arrays of other sizes what both have.
  package static func handDown(_ parent: LanguageModel, to child: LanguageModel) {
    var names = [
      LanguageModel.embeddingName, LanguageModel.outputMatrixName, LanguageModel.outputBiasName,
    ]
    .map { ($0, $0) }
    for (layer, cells) in zip(child.shape.cells, parent.shape.cells).enumerated() {
      for pair in pairs(of: cells.0, with: cells.1) {
        names.append(
          (
            "layers.\(layer).\(cells.0.graph.parameters[pair.child].name)",
            "layers.\(layer).\(cells.1.graph.parameters[pair.parent].name)"
          ))
      }
    }
    for (mine, theirs) in names {
      guard let to = child.weights.layout[mine],
        let from = parent.weights.layout[theirs]
      else { continue }
      copy(from, of: parent.weights, to: to, of: child.weights)
    }
  }

  private static func copy(
    _ from: ParameterEntry, of source: ParameterBuffer, to: ParameterEntry,
    of target: ParameterBuffer
  ) {
    let (old, oldWidth) = (source.read(from), from.columns / from.blocks)
    var new = target.read(to)
    let newWidth = to.columns / to.blocks
    for row in 0..<min(from.rows, to.rows) {
      for column in 0..<min(oldWidth, newWidth) {
        new[row * newWidth + column] = old[row * oldWidth + column]
      }
    }
    target.write(to, from: new)
  }

  /// One place where a parameter is used, by what is around it.
  private struct Use {
    var parameter: Int
    /// From the most that can agree to the least.
    var signatures: [UInt64]
    static let levels = 0..<6
  }

  private static func uses(_ graph: Graph) -> [Use] {
    var below = [UInt64](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated() {
      below[index] = stableHash([kind(of: node)] + node.operands.map { below[$0] })
    }
    var readers = [[UInt64]](repeating: [], count: graph.nodes.count)
    var kinds = [[UInt64]](repeating: [], count: graph.nodes.count)
    for (index, state) in graph.states.enumerated() {
      readers[state.next].append(stableHash([0x57A7E, UInt64(index)]))
      kinds[state.next].append(stableHash([0x57A7E, UInt64(index)]))
    }
    var above = [UInt64](repeating: 0, count: graph.nodes.count)
    for (index, node) in graph.nodes.enumerated().reversed() {
      above[index] = stableHash(readers[index].sorted())
      for (place, operand) in node.operands.enumerated() {
        let reader = stableHash([kind(of: node), UInt64(place)])
        readers[operand].append(stableHash([reader, above[index]]))
        kinds[operand].append(reader)
      }
    }
    var uses: [Use] = []
    func add(_ parameter: Int, _ operand: UInt64, _ operandKind: UInt64, _ node: Int) {
      let near = stableHash(kinds[node].sorted())
      uses.append(
        Use(
          parameter: parameter,
          signatures: [
            stableHash([operand, above[node]]), stableHash([operandKind, above[node]]),
            stableHash([operand, near]), stableHash([operandKind, near]), operand, operandKind,
          ]))
    }
    for (index, node) in graph.nodes.enumerated() {
      switch node.kind {
      case .affine(let products, let bias):
        for (product, operand) in zip(products, node.operands) where !product.isTransposed {
          add(product.parameter, below[operand], kind(of: graph.nodes[operand]), index)
        }
        if let bias { add(bias, 0xB1A5, 0xB1A5, index) }
      case .parameter(let parameter): add(parameter, 0xBEC, 0xBEC, index)
      default: break
      }
    }
    return uses
  }

  /// What a node does, whatever its operands and names.
  private static func kind(of node: Node) -> UInt64 {
    switch node.kind {
    case .input: 1
    case .state(let index): stableHash([2, UInt64(index)])
    case .constant(let value): stableHash([3, value.bitPattern])
    case .parameter: 4
    case .affine: 5
    case .operation(let operation): stableHash(operation.name)
    }
  }
}
