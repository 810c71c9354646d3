import Cells

/// In which order the nodes of a cell are computed: products, then chains of what they made possible,
/// and so on, first level by level what needs no loop and then what is left for each time step.
struct Schedule {
  /// One operand of an affine node.
  struct Task {
    var affine: Int
    /// Which of its operands.
    var position: Int
  }
  enum Stage {
    case products([Task])
    /// Element-wise operations of one width.
    case chain([Int])
    case normalize(Int)
  }

  /// By level.
  private(set) var hoisted: [[Stage]] = []
  private(set) var step: [Stage] = []
  /// The stage of each operation node, counted through all phases; -1 for other nodes.
  private(set) var stageOf: [Int]
  /// Affine nodes in the order that lets most products merge: those that read the same operand at the
  /// same time stand together.
  private(set) var affines: [Int] = []
  /// The place of each affine node among them; 0 for other nodes.
  private(set) var affineOrder: [Int]

  init(_ graph: PlanGraph) {
    stageOf = Array(repeating: -1, count: graph.nodes.count)
    var isDone = [Bool](repeating: false, count: graph.nodes.count)
    var before = 0
    // Where an affine node stands: by the stage and the operand of its first product in the loop.
    var firstProduct = [(stage: Int, operand: Int)?](repeating: nil, count: graph.nodes.count)
    // How many products of an affine node are still to come, and which.
    var left = graph.nodes.map { $0.isAffine ? $0.operands.count : 0 }
    var isIssued = left.map { [Bool](repeating: false, count: $0) }
    var pending = graph.nodes.indices.filter { !graph.nodes[$0].isLeaf }

    for level in Array(0..<graph.levels) + [nil] {
      for index in graph.nodes.indices
      where graph.nodes[index].isLeaf && graph.nodes[index].level == level { isDone[index] = true }
      var stages: [Stage] = []
      var isMoving = true
      while isMoving {
        isMoving = false
        var tasks: [Task] = []
        for index in pending where graph.nodes[index].isAffine {
          for (position, operand) in graph.nodes[index].operands.enumerated() {
            guard isDone[operand], graph.nodes[operand].level == level,
              !isIssued[index][position]
            else { continue }
            isIssued[index][position] = true
            tasks.append(Task(affine: index, position: position))
            left[index] -= 1
            if level == nil, firstProduct[index] == nil {
              firstProduct[index] = (before + stages.count, operand)
            }
          }
        }
        for task in tasks where left[task.affine] == 0 { isDone[task.affine] = true }
        if !tasks.isEmpty {
          stages.append(.products(tasks))
          isMoving = true
        }

        // One chain for each width, in the order in which they come.
        var chains: [[Int]] = []
        for index in pending where graph.nodes[index].level == level && !isDone[index] {
          let node = graph.nodes[index]
          guard case .operation(let operation) = node.kind,
            node.operands.allSatisfy({ isDone[$0] })
          else { continue }
          isMoving = true
          if case .layerNorm = operation.rule {
            // Its operands must be complete in memory, so it waits for the chains of this turn.
            continue
          }
          isDone[index] = true
          if let chain = chains.firstIndex(where: { graph.nodes[$0[0]].columns == node.columns }) {
            chains[chain].append(index)
          } else {
            chains.append([index])
          }
        }
        for chain in chains {
          for index in chain { stageOf[index] = before + stages.count }
          stages.append(.chain(chain))
        }
        for index in pending where graph.nodes[index].level == level && !isDone[index] {
          let node = graph.nodes[index]
          guard case .operation(let operation) = node.kind, case .layerNorm = operation.rule,
            node.operands.allSatisfy({ isDone[$0] })
          else { continue }
          stageOf[index] = before + stages.count
          stages.append(.normalize(index))
          isDone[index] = true
        }
        pending.removeAll { isDone[$0] }
      }
      before += stages.count
      if level == nil { step = stages } else { hoisted.append(stages) }
    }

    affineOrder = Array(repeating: 0, count: graph.nodes.count)
    affines = graph.nodes.indices.filter { graph.nodes[$0].isAffine }.sorted { a, b in
      func key(_ index: Int) -> (Int, Int, Int, Int) {
        let first = firstProduct[index]
        var hasBias = false
        if case .affine(_, let bias) = graph.nodes[index].kind { hasBias = bias != nil }
        return (first?.stage ?? -1, first?.operand ?? -1, hasBias ? 0 : 1, index)
      }
      return key(a) < key(b)
    }
    for (place, index) in affines.enumerated() { affineOrder[index] = place }
  }

  /// The products of all affine nodes, those with the same operand together, in the order of `affines`.
  func tasksByOperand(_ graph: PlanGraph) -> [Task] {
    var order: [Int] = []
    var tasks = [[Task]](repeating: [], count: graph.nodes.count)
    for index in affines {
      for (position, operand) in graph.nodes[index].operands.enumerated() {
        if tasks[operand].isEmpty { order.append(operand) }
        tasks[operand].append(Task(affine: index, position: position))
      }
    }
    return order.flatMap { tasks[$0] }
  }
}
