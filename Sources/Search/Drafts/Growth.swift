import Cells

/// Grows cells from h_t, node by node, until every leaf is x or a previous state.
///
/// After Schrimpf et al. 2017, arXiv:1712.07316, section 3.1.
struct Growth {
  private var choices: Choices
  private let space: SearchSpace
  private var draft: Draft
  /// What may be read: x and the states.
  private var leaves: [Int]
  private var budget: Int

  /// A random draft with one state, or two in two of five; it keeps `DraftRules.grown` most of the time.
  static func draft(in space: SearchSpace = SearchSpace(), _ choices: inout Choices) -> Draft {
    var growth = Growth(space, &choices)
    growth.growStates()
    choices = growth.choices
    return growth.draft
  }

  /// Grows one value into a draft that exists and returns its node.
  static func value(
    in draft: inout Draft, depth: Int, _ space: SearchSpace, _ choices: inout Choices
  ) -> Int {
    var growth = Growth(space, &choices)
    growth.draft = draft
    growth.leaves = Array(0...draft.next.count)
    growth.budget = 6
    let node = growth.value(depth: depth, above: "")
    draft = growth.draft
    choices = growth.choices
    return node
  }

  private init(_ space: SearchSpace, _ choices: inout Choices) {
    self.choices = choices
    self.space = space
    let wantsTwo = self.choices.chance(0.4)
    let stateCount = wantsTwo && space.states ?? 2 > 1 ? 2 : 1
    draft = Draft(stateCount: stateCount)
    leaves = Array(0...stateCount)
    budget = 6 + self.choices.below(10)
  }

  private mutating func growStates() {
    if draft.next.count == 2 {
      let spare = budget
      draft.next[1] = value(depth: 4, above: "")
      budget = max(4, spare / 2)
      leaves.append(draft.next[1])
    }
    draft.next[0] = value(depth: 6, above: "")
  }

  /// A value of hidden size; `above` is the operator that will read it, which is not repeated.
  private mutating func value(depth: Int, above: String) -> Int {
    budget -= 1
    guard depth > 1, budget > 0 else {
      return above == "linear" || choices.chance(0.25) ? state() : linear(depth: 0)
    }
    let names = [
      "linear", "tanh", "sigmoid", "relu", "add", "multiply", "blend", "subtract", "max", "sin",
      "softsign", "identity", "layernorm",
    ]
    var weights = [3, 5, 0.7, 1, 1.5, 2, 3, 0.4, 0.3, 0.3, 0.4, 0, 0.4]
    if let index = names.firstIndex(of: above) { weights[index] = 0 }
    for (index, name) in names.enumerated() where name != "linear" && !space.allows(name) {
      weights[index] = 0
    }
    guard weights.contains(where: { $0 > 0 }) else { return state() }
    let name = names[choices.weighted(weights)]
    switch name {
    case "linear": return linear(depth: depth - 1)
    case "add", "subtract", "max":
      return draft.apply(
        name, value(depth: depth - 1, above: name), value(depth: depth - 1, above: name))
    case "multiply":
      let factor = choices.chance(0.7) ? gate() : value(depth: depth - 1, above: name)
      return draft.apply(name, factor, value(depth: depth - 1, above: name))
    case "blend":
      let gate = gate()
      let kept = choices.chance(0.6) ? state() : value(depth: depth - 1, above: name)
      return draft.apply(name, gate, value(depth: depth - 1, above: name), kept)
    default: return draft.apply(name, value(depth: depth - 1, above: name))
    }
  }

  private mutating func state() -> Int { choices.pick(Array(leaves.dropFirst())) ?? 1 }

  /// A map of x and a state, of one of them, or now and then of something grown.
  private mutating func linear(depth: Int) -> Int {
    var operands: [Int] = []
    if choices.chance(0.8) { operands.append(0) }
    if choices.chance(0.8) || operands.isEmpty { operands.append(state()) }
    if depth > 1, choices.chance(0.3) {
      let grown = value(depth: depth - 1, above: "linear")
      if !operands.contains(grown) { operands[operands.count - 1] = grown }
    }
    return draft.linear(operands)
  }

  private mutating func gate() -> Int {
    budget -= 2
    guard space.allows("sigmoid") else { return linear(depth: 0) }
    return draft.apply("sigmoid", linear(depth: 0))
  }
}
