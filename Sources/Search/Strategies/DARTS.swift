import Cells
import Kernels

/// How a search by DARTS is divided.
package struct DARTSSettings: Sendable {
  /// Of the supernets, one after another, and then from the first again.
  package var nodes: [Int]

  /// Parts of a supernet's training, which is in all as long as that of a cell up to the last rung; a
  /// cell is derived after each.
  package static let pieces = 3

  /// Cells that are proposed after each part: the strongest one, and others drawn by their shares.
  ///
  /// The paper derives one. A part takes as long as some thirty cells at the first of three rungs, so that a
  /// few more of them cost little, and let the rungs choose.
  package var cells: Int

  package init(nodes: [Int], cells: Int) {
    self.nodes = nodes
    self.cells = cells
  }

  /// What the paper ran: 8 nodes.
  ///
  /// Its 300 units, batch of 256 and 35 steps are the study's sizes.
  package static let paper = DARTSSettings(nodes: [8], cells: 1)
  /// For small budgets: a supernet of n nodes has n (n + 1) products of matrices beside those of x and h, 20
  /// of 4 nodes and 72 of 8.
  ///
  /// An update of 4 nodes takes as long as nine of a derived cell (H = 32, one thread, first order).
  package static let scaled = DARTSSettings(nodes: [4, 5, 6], cells: 8)

  init(_ preset: Preset) { self = preset == .paper ? .paper : .scaled }

  /// What a preset sets, in words.
  static func sizes(_ preset: Preset) -> String {
    let settings = DARTSSettings(preset)
    return "supernets of \(settings.nodes.map { String($0) }.joined(separator: ", ")) nodes; "
      + "cells derived at a time: \(settings.cells)"
  }
}

/// Derives cells from supernets, in which all activations on all connections are mixed by learned shares.
///
/// After Liu et al. 2018, arXiv:1806.09055, whose program learns the shares on the validation text and the
/// weights on all of the training text. Here the validation text judges the cells, so the shares learn on one
/// half of the training text and the weights on the other (`Work.bilevel`), with the study's optimiser and
/// without dropout, as cells are trained. Where the paper runs four seeds and picks, here one supernet follows another
/// until the budget is spent, and all derived cells compete at the rungs.
package struct DARTS: Strategy {
  package static let name = "darts"
  package static let summary =
    "learns the shares of all connections in a supernet, by first-order gradients, and derives cells"
  package static let needsCorpus = true

  private let order: Int
  private let settings: DARTSSettings
  private let derived = DerivedCells()

  package static func sizes(_ preset: Preset) -> String? { DARTSSettings.sizes(preset) }

  package init(_ preset: Preset) { self.init(order: 1, DARTSSettings(preset)) }

  package init(order: Int, _ settings: DARTSSettings) {
    self.order = order
    self.settings = settings
  }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    for stage in history.recentStages {
      guard let note = Note(stage.notes) else { continue }
      for arc in note.arcs(of: stage, count: settings.cells) {
        let derived = try self.derived.cell(of: arc)
        if history.wouldTrain(derived) {
          return Candidate(derived.cell, parents: [stage.id], notes: arc.text)
        }
      }
    }
    guard let last = try history.lastStage(), var note = Note(last.proposal.notes) else {
      return try begin(run: 0, history)
    }
    guard last.isKnown else { return nil }
    guard !last.isFailed, note.piece + 1 < DARTSSettings.pieces else {
      return try begin(run: note.run + 1, history)
    }
    note.piece += 1
    return try candidate(note, history, parents: [last.proposal.id])
  }

  private func begin(run: Int, _ history: History) throws(Failure) -> Candidate {
    let space = history.settings.space
    let wanted = settings.nodes.isEmpty ? 4 : settings.nodes[run % settings.nodes.count]
    let net = Supernet(
      nodeCount: try Arc.nodeCount(atMost: min(wanted, 9), in: space),
      activations: Arc.activations(in: space))
    return try candidate(Note(run: run, piece: 0, net: net), history, parents: [])
  }

  private func candidate(
    _ note: Note, _ history: History, parents: [Int]
  ) throws(Failure) -> Candidate {
    Candidate(
      try note.net.relaxed(), parents: parents, notes: note.text, work: .bilevel(order: order),
      updates: max(1, history.settings.updates * (note.piece + 1) / DARTSSettings.pieces),
      inherits: !parents.isEmpty)
  }

  /// The notes of a stage.
  private struct Note {
    var run: Int
    var piece: Int
    var net: Supernet

    init(run: Int, piece: Int, net: Supernet) {
      self.run = run
      self.piece = piece
      self.net = net
    }

    init?(_ text: String) {
      let words = text.split(separator: " ", maxSplits: 2).map { String($0) }
      guard words.count == 3, let run = Int(words[0]), let piece = Int(words[1]), run >= 0,
        run < Int(Int32.max), (0..<DARTSSettings.pieces).contains(piece),
        let net = Supernet(text: words[2])
      else { return nil }
      self.init(run: run, piece: piece, net: net)
    }

    var text: String { "\(run) \(piece) \(net.text)" }

    /// What the stage learned: the strongest arc, and others as likely as their shares say.
    ///
    /// All are equally likely where nothing was measured.
    func arcs(of stage: Proposal, count: Int) -> [Arc] {
      var choices = Choices(seed: stage.seed, 0xDA475)
      let isKnown = net.edges.contains { stage.measured[$0.parameter] != nil }
      func share(_ edge: Supernet.Edge) -> Double {
        let share = stage.measured[edge.parameter] ?? 0
        return isKnown ? (share > 0 && share.isFinite ? share : 0) : 1
      }
      var arcs = isKnown ? [net.discretized(share)] : []
      for _ in 0..<(4 * max(1, count)) where arcs.count < max(1, count) {
        let arc = Arc(
          (1...net.nodeCount).map { node in
            let own = net.edges.filter { $0.node == node }
            let edge = own.isEmpty ? nil : own[choices.weighted(own.map(share))]
            return HighwayStep(edge?.activation ?? "tanh", edge?.source ?? 0)
          })
        if !arcs.contains(arc) { arcs.append(arc) }
      }
      return arcs
    }
  }
}

/// The same by second-order gradients: the shares look one step of the weights ahead.
package struct DARTSSecond: Strategy {
  package static let name = "darts_second"
  package static let summary =
    "as darts, by second-order gradients, which look one step of the weights ahead"
  package static let needsCorpus = true
  package static func sizes(_ preset: Preset) -> String? { DARTSSettings.sizes(preset) }

  private let darts: DARTS

  package init(_ preset: Preset) { darts = DARTS(order: 2, DARTSSettings(preset)) }

  package func propose(
    _ history: History, _ choices: inout Choices
  ) throws(Failure) -> Candidate? {
    try darts.propose(history, &choices)
  }
}
