import CRNNCell
import Glibc
import Testing

@Suite struct StudyFunctionTests {
  /// Options that are all zero but for what a test sets.
  private func options(
    _ change: (inout rnncell_study_options) -> Void = { _ in }
  ) -> rnncell_study_options {
    var options = rnncell_study_options()
    options.size = MemoryLayout<rnncell_study_options>.size
    change(&options)
    return options
  }

  private func open(_ path: String?, _ options: rnncell_study_options) throws -> OpaquePointer {
    var options = options
    var study: OpaquePointer?
    succeed(rnncell_study_open(&study, path, nil, &options))
    return try #require(study)
  }

  private func emptyProposal() -> rnncell_proposal {
    var proposal = rnncell_proposal()
    proposal.size = MemoryLayout<rnncell_proposal>.size
    return proposal
  }

  private func ask(_ study: OpaquePointer) -> (id: Int64, seed: UInt64, equations: String) {
    var proposal = emptyProposal()
    succeed(rnncell_study_ask(&proposal, study))
    guard let equations = proposal.equations else { return (0, 0, "") }
    return (proposal.id, proposal.seed, String(cString: equations))
  }

  @Test("there are strategies, each with a sentence")
  func strategies() {
    var names: [String] = []
    var info = rnncell_strategy_info()
    info.size = MemoryLayout<rnncell_strategy_info>.size
    while rnncell_strategy_describe(&info, Int64(names.count)) == RNNCELL_OK {
      names.append(String(cString: info.name))
      #expect(!String(cString: info.summary).isEmpty)
      #expect(!String(cString: info.scaled).isEmpty)
      #expect(
        (info.paper != nil)
          == !["auto", "reinforce", "random", "local", "prune"].contains(names.last))
    }
    #expect(Set(names).isSuperset(of: ["random", "evolution", "prune"]))
  }

  @Test("a preset is one that the strategy has")
  func presets() throws {
    for (strategy, preset, message) in [
      ("evolution", "paper", nil), ("auto", "scaled", nil),
      ("auto", "paper", "the strategy 'auto' has no preset 'paper'; it has scaled"),
      ("evolution", "huge", "there is no preset 'huge'; there are scaled, paper"),
    ] {
      var study: OpaquePointer?
      let status = strategy.withCString { strategy in
        preset.withCString { preset in
          var options = options {
            $0.strategy = strategy
            $0.preset = preset
          }
          return rnncell_study_open(&study, nil, nil, &options)
        }
      }
      #expect(status == (message == nil ? RNNCELL_OK : RNNCELL_INVALID_ARGUMENT))
      if let message { #expect(lastMessage() == message) }
      rnncell_study_free(study)
    }
  }

  @Test("what is told comes back in order, by loss and by id", arguments: ["random", "evolution"])
  func leaderboard(strategy: String) throws {
    let study = try strategy.withCString { name in
      try open(
        nil,
        options {
          $0.strategy = name
          $0.seed = 7
        })
    }
    defer { rnncell_study_free(study) }
    let losses = [3.5, 1.25, 2.0]
    for loss in losses {
      let proposal = ask(study)
      try withCell(proposal.equations) { _ in }
      succeed(rnncell_study_tell(study, proposal.id, loss, nil))
    }
    let failed = ask(study)
    succeed(rnncell_study_tell(study, failed.id, .nan, "it burnt"))
    var row = emptyProposal()
    for (place, loss) in losses.sorted().enumerated() {
      succeed(rnncell_study_proposal(&row, study, RNNCELL_ORDER_LOSS, Int64(place)))
      #expect(row.loss == loss)
      #expect(row.state == RNNCELL_PROPOSAL_SCORED)
      #expect(String(cString: row.strategy) == strategy)
    }
    fail(
      rnncell_study_proposal(&row, study, RNNCELL_ORDER_LOSS, 3), RNNCELL_INVALID_ARGUMENT, "3")
    succeed(rnncell_study_proposal(&row, study, RNNCELL_ORDER_PROPOSED, failed.id - 1))
    #expect(row.state == RNNCELL_PROPOSAL_FAILED)
    #expect(String(cString: row.failure) == "it burnt")
    #expect(row.loss.isNaN)

    var info = rnncell_study_info()
    info.size = MemoryLayout<rnncell_study_info>.size
    succeed(rnncell_study_describe(&info, study))
    #expect(info.scored_count == 3)
    #expect(info.failed_count == 1)
    #expect(info.pending_count == 0)
    #expect(info.proposal_count == info.rejected_count + 4)
    #expect(info.seed == 7)
    #expect(String(cString: info.settings).contains("\"strategy\""))
  }

  @Test("a proposal that was asked and not told comes back, and nothing told is lost")
  func reopened() throws {
    let path = "capi-test-\(getpid()).db"
    defer { for suffix in ["", "-wal", "-shm", ".lock"] { unlink(path + suffix) } }
    let seeded = options { $0.seed = 3 }
    let first = try open(path, seeded)
    let told = ask(first)
    succeed(rnncell_study_tell(first, told.id, 1.5, nil))
    let pending = ask(first)
    var other: OpaquePointer?
    var again = seeded
    fail(rnncell_study_open(&other, path, nil, &again), RNNCELL_BUSY)
    again.read_only = 1
    succeed(rnncell_study_open(&other, path, nil, &again))
    var row = emptyProposal()
    succeed(rnncell_study_proposal(&row, other, RNNCELL_ORDER_LOSS, 0))
    #expect(row.loss == 1.5)
    fail(rnncell_study_ask(&row, other), RNNCELL_STATE, "read-only")
    rnncell_study_free(other)
    rnncell_study_free(first)

    let second = try open(path, seeded)
    defer { rnncell_study_free(second) }
    let returned = ask(second)
    #expect(returned.id == pending.id)
    #expect(returned.seed == pending.seed)
    #expect(returned.equations == pending.equations)
    succeed(rnncell_study_proposal(&row, second, RNNCELL_ORDER_LOSS, 0))
    #expect(row.id == told.id)
    var changed = options { $0.seed = 4 }
    fail(rnncell_study_open(&other, path, nil, &changed), RNNCELL_BUSY)
    changed.size = 0
    fail(rnncell_study_open(&other, nil, nil, &changed), RNNCELL_INVALID_ARGUMENT, "size")
  }

  @Test("trials bound the proposals of all runs together")
  func trials() throws {
    let study = try open(nil, options { $0.trials = 2 })
    defer { rnncell_study_free(study) }
    for _ in 0..<2 { succeed(rnncell_study_tell(study, ask(study).id, 1, nil)) }
    var row = emptyProposal()
    fail(rnncell_study_ask(&row, study), RNNCELL_STATE, "trials")
    fail(rnncell_study_run(study, nil, nil), RNNCELL_STATE, "corpus")
  }

  @Test("a function of the program scores cells on all workers; what is not finite fails")
  func objective() throws {
    var worst = 1e4
    let study = try open(nil, options { ($0.trials, $0.workers) = (12, 2) })
    defer { rnncell_study_free(study) }
    succeed(
      rnncell_study_run_objective(
        study,
        { proposal, user in
          guard let proposal = proposal?.pointee, let equations = proposal.equations else {
            return 0
          }
          // The program's own data come with it.
          let worst = user?.load(as: Double.self) ?? 0
          return proposal.id % 5 == 0 ? .nan : worst - Double(strlen(equations))
        }, nil, &worst))
    var info = rnncell_study_info()
    info.size = MemoryLayout<rnncell_study_info>.size
    succeed(rnncell_study_describe(&info, study))
    #expect(info.scored_count == 12 - info.failed_count && info.failed_count >= 2)
    var row = emptyProposal()
    succeed(rnncell_study_proposal(&row, study, RNNCELL_ORDER_LOSS, 0))
    #expect(row.loss == 1e4 - Double(strlen(row.equations)))
    let unbounded = try open(nil, options { _ in })
    defer { rnncell_study_free(unbounded) }
    fail(
      rnncell_study_run_objective(unbounded, { _, _ in 1 }, nil, nil), RNNCELL_STATE, "bound")
    fail(rnncell_study_run_objective(study, nil, nil, nil), RNNCELL_INVALID_ARGUMENT, "objective")
  }

  /// What an objective was given.
  private final class Heard {
    var rows: [(id: Int64, texts: [String?], toldAt: Double, stepSeconds: Double)] = []
  }

  @Test("an objective gets the cells of all layers, and all that a proposal says")
  func layers() throws {
    let study = try "evolution".withCString { strategy in
      try open(
        nil,
        options {
          ($0.strategy, $0.layers, $0.mixed_layers) = (strategy, 2, 1)
          ($0.trials, $0.workers, $0.seed) = (40, 1, 3)
        })
    }
    defer { rnncell_study_free(study) }
    let heard = Heard()
    succeed(
      rnncell_study_run_objective(
        study,
        { proposal, user in
          guard let row = proposal?.pointee, let user else { return .nan }
          let texts = [
            row.equations, row.strategy, row.work, row.failure, row.rung_losses,
            row.rung_predictions,
          ].map { $0.map { String(cString: $0) } }
          Unmanaged<Heard>.fromOpaque(user).takeUnretainedValue().rows.append(
            (row.id, texts, row.told_at, row.step_seconds))
          return Double(row.id)
        }, nil, Unmanaged.passUnretained(heard).toOpaque()))
    #expect(heard.rows.count == 40)
    var mixed = 0
    for (id, texts, toldAt, stepSeconds) in heard.rows {
      var row = emptyProposal()
      succeed(rnncell_study_proposal(&row, study, RNNCELL_ORDER_PROPOSED, id - 1))
      #expect(texts == [String(cString: row.equations), "evolution", "cell", "", "", ""])
      #expect(toldAt.isNaN && stepSeconds.isNaN)
      if texts[0]?.contains("\n\n") == true { mixed += 1 }
    }
    #expect(mixed > 5)
  }

  @Test("what the options of a study that exists leave open is as it was")
  func carriedOn() throws {
    let path = "capi-test-open-\(getpid()).db"
    defer { for suffix in ["", "-wal", "-shm"] { unlink(path + suffix) } }
    try "random".withCString { strategy in
      rnncell_study_free(
        try open(
          path,
          options {
            ($0.strategy, $0.seed, $0.rungs, $0.max_nodes, $0.deterministic) = (
              strategy, 9, 2, 30, 1
            )
          }))
    }
    var study: OpaquePointer?
    succeed(rnncell_study_open(&study, path, nil, nil))
    rnncell_study_free(study)
    for (change, message) in [
      ({ $0.trials = 5 }, nil), ({ $0.rungs = 2 }, nil), ({ $0.seed = 9 }, nil),
      ({ $0.rungs = 3 }, "rungs '2', not '3'"), ({ $0.seed = 8 }, "seed '9', not '8'"),
      ({ $0.max_nodes = 20 }, "nodes 30"),
    ] as [((inout rnncell_study_options) -> Void, String?)] {
      var wanted = options(change)
      let status = rnncell_study_open(&study, path, nil, &wanted)
      if let message { fail(status, RNNCELL_STATE, message) } else { succeed(status) }
      rnncell_study_free(study)
    }
  }

  @Test("options that no study can have leave no file behind")
  func refused() throws {
    let path = "capi-test-refused-\(getpid()).db"
    for (strategy, operations) in [("enas", nil), ("none", nil), ("random", "tanh nonsense")] {
      var study: OpaquePointer?
      let status = strategy.withCString { strategy in
        (operations ?? "tanh add").withCString { operations in
          var wanted = options { ($0.strategy, $0.operations) = (strategy, operations) }
          return rnncell_study_open(&study, path, nil, &wanted)
        }
      }
      fail(status, RNNCELL_INVALID_ARGUMENT)
      #expect(access(path, F_OK) != 0, "\(strategy)")
    }
  }
}
