import Cells
import Kernels

/// The gradients of the parameters: one product or sum over all rows each, after the time loop.
extension PlanBuilder {
  mutating func emitWeightGradients() {
    // How many plans write the gradient of each parameter.
    var written = [Int](repeating: 0, count: places.count)
    for task in schedule.tasksByOperand(graph) {
      let node = graph.nodes[task.affine]
      guard case .affine(let products, _) = node.kind else { continue }
      let product = products[task.position]
      let entry = places[product.parameter]
      let source = operand(task)
      let value = valueSlot[source]
      let gradient = gradientSlot[task.affine]
      let pass = written[product.parameter]
      written[product.parameter] += 1
      // The matrix M of a transposed product maps the result to the operand: the two change sides.
      let made = WeightGradientPlan(
        a: product.isTransposed ? gradient : value, z: product.isTransposed ? value : gradient,
        k: entry.columns, strips: entry.rows.strips, columns: entry.rows, offset: entry.offset,
        pass: pass)
      if pass == 0, let last = plan.weightGradients.last, last.pass == 0, last.a == made.a,
        last.k == made.k, last.columns == made.columns, isBehind(last.z, last.strips, made.z),
        last.offset + last.strips * 16 * last.k == made.offset
      {
        plan.weightGradients[plan.weightGradients.count - 1].strips += made.strips
      } else {
        plan.weightGradients.append(made)
      }
    }
    for index in schedule.affines {
      guard case .affine(_, let bias?) = graph.nodes[index].kind else { continue }
      appendSum(of: gradientSlot[index], to: bias, &written)
    }
    for (index, node) in graph.nodes.enumerated() where isSet[index] {
      guard case .parameter(let parameter) = node.kind else { continue }
      appendSum(
        of: gradientSlot[index], to: parameter, &written, columns: node.columns)
    }
    for (entry, passes) in zip(places, written) {
      if passes == 0 {
        plan.untouched.append(entry)
      } else if entry.blocks > 1 {
        plan.blockDiagonal.append(entry)
      }
    }
  }

  private mutating func appendSum(
    of gradient: Int, to parameter: Int, _ written: inout [Int], columns: Int? = nil
  ) {
    let entry = places[parameter]
    let pass = written[parameter]
    written[parameter] += 1
    let columns = columns ?? entry.rows
    let made = ColumnSumPlan(
      z: gradient, strips: columns.strips, columns: columns, offset: entry.offset, pass: pass,
      isScalar: entry.role == .scalar)
    if pass == 0, !made.isScalar, let last = plan.columnSums.last, last.pass == 0, !last.isScalar,
      last.columns == made.columns, isBehind(last.z, last.strips, made.z),
      last.offset + last.strips * 16 == made.offset
    {
      plan.columnSums[plan.columnSums.count - 1].strips += made.strips
    } else {
      plan.columnSums.append(made)
    }
  }
}
