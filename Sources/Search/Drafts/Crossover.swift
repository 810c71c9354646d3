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
    let graft = copy(source, of: donor, donorOrder, into: &draft) { $0 }
    draft.replace(target, by: graft)
    return draft.order() != nil
  }

  /// Puts a random state of `donor`, which goes on to read itself, in the place of a random one of `draft`;
  /// false where either is no more than x or a state.
  ///
  /// So a memory that serves one task comes beside one that serves another.
  package static func exchangeState(
    of draft: inout Draft, from donor: Draft, _ choices: inout Choices
  ) -> Bool {
    let (old, new) = (choices.below(draft.next.count), choices.below(donor.next.count))
    let target = draft.next[old]
    guard let donorOrder = donor.order(), !draft.nodes[target].operands.isEmpty,
      !donor.nodes[donor.next[new]].operands.isEmpty
    else { return false }
    let graft = copy(donor.next[new], of: donor, donorOrder, into: &draft) {
      $0 == new ? old : $0
    }
    draft.replace(target, by: graft)
    return draft.order() != nil
  }

  /// Adds a node of the donor and all that it depends on, and says where it is.
  ///
  /// - Parameter state: the draft's state that is read in place of one of the donor's.
  private static func copy(
    _ source: Int, of donor: Draft, _ order: [Int], into draft: inout Draft,
    _ state: (Int) -> Int
  ) -> Int {
    var place = [Int](repeating: 0, count: donor.nodes.count)
    var isWanted = [Bool](repeating: false, count: donor.nodes.count)
    isWanted[source] = true
    for node in order.reversed() where isWanted[node] {
      for operand in donor.nodes[node].operands { isWanted[operand] = true }
    }
    for node in order where isWanted[node] {
      switch donor.nodes[node].kind {
      case .input: place[node] = 0
      case .state(let index):
        place[node] = state(index) < draft.next.count ? 1 + state(index) : 1
      default:
        place[node] = draft.add(
          donor.nodes[node].kind, donor.nodes[node].operands.map { place[$0] })
      }
    }
    return place[source]
  }
}
