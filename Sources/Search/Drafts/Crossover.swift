import Cells

/// Puts a part of one cell in the place of a part of another.
package enum Crossover {
  /// Grafts a random part of `donor` into a random place of `draft`; false when there is none.
  ///
  /// States of the donor that the draft has not are read as h.
  package static func apply(
    to draft: inout Draft, from donor: Draft, _ choices: inout Choices
  ) -> Bool {
    guard let order = draft.order(), let donorOrder = donor.order() else { return false }
    func inner(_ draft: Draft, _ order: [Int]) -> [Int] {
      order.filter { draft.nodes[$0].operands.isEmpty == false }
    }
    guard let target = choices.pick(inner(draft, order)),
      let source = choices.pick(inner(donor, donorOrder))
    else { return false }
    var place = [Int](repeating: 0, count: donor.nodes.count)
    var isWanted = [Bool](repeating: false, count: donor.nodes.count)
    isWanted[source] = true
    for node in donorOrder.reversed() where isWanted[node] {
      for operand in donor.nodes[node].operands { isWanted[operand] = true }
    }
    for node in donorOrder where isWanted[node] {
      switch donor.nodes[node].kind {
      case .input: place[node] = 0
      case .state(let state): place[node] = state < draft.next.count ? 1 + state : 1
      default:
        place[node] = draft.add(
          donor.nodes[node].kind, donor.nodes[node].operands.map { place[$0] })
      }
    }
    draft.replace(target, by: place[source])
    return draft.order() != nil
  }
}
