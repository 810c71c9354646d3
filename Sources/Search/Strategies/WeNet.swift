import Cells
import Kernels

/// How tournaments of WeNet are held.
package struct WeNetSettings: Sendable {
  /// Fresh cells of a tournament, B, and those that the one before leaves, K.
  package var fresh: Int
  package var kept: Int
  /// Fresh cells of all tournaments of one run, T; the next run begins without survivors.
  package var total: Int
  /// L of one run after another.
  package var nodes: [Int]
  /// Cells of a tournament that are proposed, those with the largest shares.
  package var proposed: Int
  /// The length of a tournament as a part of what a cell gets up to the last rung.
  package var share: Int

  /// Candidates side by side, at most: each has a state of its own, as the output has.
  package static let limit = 31

  package init(
    fresh: Int, kept: Int, total: Int, nodes: [Int], proposed: Int, share: Int
  ) {
    self.fresh = fresh
    self.kept = kept
    self.total = total
    self.nodes = nodes
    self.proposed = proposed
    self.share = share
  }

  /// What the paper ran is T = 10,000, B = 100, K = 20, L = 8.
  ///
  /// A cell has at most 32 states, so B and K are a fourth of that.
  package static let paper = WeNetSettings(
    fresh: 25, kept: 5, total: 10_000, nodes: [8], proposed: 1, share: 1)
  /// For small budgets: eight cells side by side.
  ///
  /// An update of eight cells of 4 nodes takes as long as eleven of one such cell (H = 32, one thread), so
  /// that a tournament takes as long as four cells up to the last rung.
  package static let scaled = WeNetSettings(
    fresh: 6, kept: 2, total: 24, nodes: [4, 5, 6], proposed: 4, share: 3)

  init(_ preset: Preset) { self = preset == .paper ? .paper : .scaled }
}

/// Lets whole cells compete for their shares of one output.
///
/// After Huang and Xiang 2019, arXiv:1904.03819: random cells, each with weights and state of its own, run side by
/// side, y = sum_i softmax(w)_i N_i(x), and w is trained with all weights on the training text
/// (`Work.mixture`). Those with the largest shares meet fresh ones in the next tournament, and go on as
/// ordinary cells. Survivors begin anew there, as their weights would win for having been trained longer.
package struct WeNet: Strategy {
  package static let name = "wenet"
  package static let summary =
    "lets random cells compete for their shares of one output, in tournaments"
  package static let needsCorpus = true

  private let settings: WeNetSettings
  private let derived = DerivedCells()

  package static func sizes(_ preset: Preset) -> String? {
    let settings = WeNetSettings(preset)
    return "tournaments of \(settings.fresh) fresh cells and \(settings.kept) kept ones, of "
      + "\(settings.nodes.map { String($0) }.joined(separator: ", ")) nodes"
      + (preset == .paper ? "; the paper's are four times as many, where a cell has 32 states" : "")
  }

  package init(_ preset: Preset) { self.init(WeNetSettings(preset)) }

  package init(_ settings: WeNetSettings) { self.settings = settings }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    for stage in history.recentStages {
      for arc in winners(of: stage, settings.proposed) {
        let derived = try self.derived.cell(of: arc)
        if history.wouldTrain(derived) {
          return Candidate(derived.cell, parents: [stage.id], notes: arc.text)
        }
      }
    }
    guard let last = try history.lastStage(), let note = Note(last.proposal.notes) else {
      return try tournament(0, of: 0, [], parents: [], history, &choices)
    }
    guard last.isKnown else { return nil }
    let held = note.tournament + 1
    guard !last.isFailed, held < settings.total / max(1, settings.fresh) else {
      return try tournament(0, of: note.run + 1, [], parents: [], history, &choices)
    }
    return try tournament(
      held, of: note.run, winners(of: last.proposal, settings.kept), parents: [last.proposal.id],
      history, &choices
    )
  }

  /// The arcs with the largest shares, best first.
  package func winners(of stage: Proposal, _ count: Int) -> [Arc] {
    guard let note = Note(stage.notes) else { return [] }
    let order = note.arcs.indices.map { (place: $0, share: stage.measured["w_\($0)"] ?? 0) }
      .sorted { ($1.share, $0.place) < ($0.share, $1.place) }
    return order.prefix(max(1, count)).map { note.arcs[$0.place] }
  }

  private func tournament(
    _ tournament: Int, of run: Int, _ survivors: [Arc], parents: [Int],
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate {
    let space = history.settings.space
    let wanted = settings.nodes.isEmpty ? 4 : settings.nodes[run % settings.nodes.count]
    let nodes = try Arc.nodeCount(atMost: min(wanted, 9), in: space)
    let activations = Arc.activations(in: space)
    var arcs = survivors
    let count = min(
      WeNetSettings.limit,
      survivors.count + settings.fresh + (survivors.isEmpty ? settings.kept : 0))
    // A small space may not have so many that differ.
    for _ in 0..<(20 * count) where arcs.count < count {
      let arc = Arc.random(nodes: nodes, of: activations, &choices)
      if !arcs.contains(arc) { arcs.append(arc) }
    }
    let note = Note(run: run, tournament: tournament, arcs: arcs)
    return Candidate(
      try Self.cell(arcs), parents: parents, notes: note.text, work: .mixture,
      updates: max(1, history.settings.updates / max(1, settings.share)))
  }

  /// All candidates as one cell: each a state, and the output their sum by the scalars `w_0`…, which are
  /// shares.
  ///
  /// Each node is normalised, as in the paper while it searches (there over the batch).
  package static func cell(_ arcs: [Arc]) throws(Failure) -> Cell {
    guard (1...WeNetSettings.limit).contains(arcs.count) else {
      throw .invalid("\(arcs.count) candidates; a cell has room for 1 to \(WeNetSettings.limit)")
    }
    var lines: [String] = []
    for (number, arc) in arcs.enumerated() {
      let state = "n\(number)"
      func name(_ letter: String, _ node: Int) -> String { "\(letter)\(number)_\(node)" }
      for (node, step) in ([HighwayStep("tanh", 0)] + arc.steps).enumerated() {
        let source = node == 0 ? state : name("s", step.predecessor)
        let operands = node == 0 ? "x, \(state)" : source
        let map = "product(\(operands))"
        lines.append("\(name("g", node)) = sigmoid(\(map))")
        lines.append(
          "\(name("u", node)) = "
            + (step.activation == "identity" ? map : "\(step.activation)(\(map))"))
        lines.append(
          "\(name("s", node)) = layernorm(blend(\(name("g", node)), \(name("u", node)), \(source)))"
        )
      }
      let nodes = (1...arc.steps.count).map { name("s", $0) }.joined(separator: ", ")
      lines.append("m\(number) = " + (arc.steps.count > 1 ? "mean(\(nodes))" : nodes))
      lines.append("\(state)' = m\(number)")
    }
    lines.append(
      "h' = " + arcs.indices.map { "scalar(w_\($0)) * m\($0)" }.joined(separator: " + "))
    return try Cell(parsing: lines.joined(separator: "\n"))
  }

  /// The notes of a stage.
  private struct Note {
    var run: Int
    var tournament: Int
    var arcs: [Arc]

    init(run: Int, tournament: Int, arcs: [Arc]) {
      self.run = run
      self.tournament = tournament
      self.arcs = arcs
    }

    init?(_ text: String) {
      let parts = text.split(separator: ";").map { String($0) }
      let words = (parts.first ?? "").split(separator: " ").map { String($0) }
      guard words.count == 2, let run = Int(words[0]), let tournament = Int(words[1]),
        (0..<Int(Int32.max)).contains(run), (0..<Int(Int32.max)).contains(tournament)
      else { return nil }
      var arcs: [Arc] = []
      for part in parts.dropFirst() {
        guard let arc = Arc(text: part) else { return nil }
        arcs.append(arc)
      }
      self.init(run: run, tournament: tournament, arcs: arcs)
    }

    var text: String {
      (["\(run) \(tournament)"] + arcs.map { $0.text }).joined(separator: ";")
    }
  }
}
