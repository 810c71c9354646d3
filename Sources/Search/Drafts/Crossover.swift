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

  /// Gives `draft` a random one of the donor's states that read themselves: in the place of a state other than h,
  /// or beside h, which is then the sum of what it was and of the new state; false where there is no room.
  ///
  /// So a memory that serves one task comes to one that serves another. What the draft read as h is then a state
  /// of its own.
  package static func takeState(
    for draft: inout Draft, from donor: Draft, in space: SearchSpace, _ choices: inout Choices
  ) -> Bool {
    guard let order = draft.order(), let donorOrder = donor.order(),
      let new = choices.pick(
        donor.next.indices.filter { needs(donor.next[$0], in: donor, donorOrder)[1 + $0] })
    else { return false }
    var place = choices.below(draft.next.count)
    let isBeside = place == 0
    if isBeside {
      let isRead = order.contains(1)
      guard draft.next.count + (isRead ? 2 : 1) <= space.mostStates else { return false }
      if isRead {
        let own = draft.makeState()
        draft.next.append(draft.next[0])
        draft.replace(1, by: 1 + own)
      }
      place = draft.makeState()
      draft.next.append(1 + place)
    }
    let graft = copy(donor.next[new], of: donor, donorOrder, into: &draft) {
      $0 == new ? place : $0 == place ? 0 : $0
    }
    if isBeside {
      draft.next[place] = graft
      draft.next[0] = draft.apply("add", draft.next[0], graft)
    } else {
      draft.replace(draft.next[place], by: graft)
    }
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
    let isNeeded = needs(source, in: donor, order)
    for node in order where isNeeded[node] {
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

  /// Which nodes a node depends on, itself among them.
  private static func needs(_ node: Int, in draft: Draft, _ order: [Int]) -> [Bool] {
    var isNeeded = [Bool](repeating: false, count: draft.nodes.count)
    isNeeded[node] = true
    for node in order.reversed() where isNeeded[node] {
      for operand in draft.nodes[node].operands { isNeeded[operand] = true }
    }
    return isNeeded
  }
}
