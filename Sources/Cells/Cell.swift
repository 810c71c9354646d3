import Kernels
import Synchronization

/// A recurrent cell: the equations of one time step, without weights.
///
/// A cell runs as it is written. Equality and hash ignore the names of nodes, states and parameters
/// and every rewriting that leaves the function alone for all weights, e.g. `z * h + (1 - z) * n` for
/// `blend(z, h, n)`; see `Canonical`.
package struct Cell: Hashable, Sendable {
  /// The dataflow.
  ///
  /// Node 0 is `x` and node 1 + i the previous value of state i, read or not.
  package let graph: Graph
  private let lazy = Lazy()

  /// What is worked out when it is first asked for, once for all copies of the cell.
  private final class Lazy: Sendable {
    let equations = Mutex<String?>(nil)
    let canonical = Mutex<Canonical?>(nil)
    let fingerprint = Mutex<UInt64?>(nil)
  }

  /// Reads equations.
  ///
  /// - Throws: `.parse` with line, column and what to do about it; `.limit` for a text, a depth or a
  ///   count over `CellLimits`.
  package init(parsing text: String) throws(Failure) {
    self.graph = try Assembly.graph(of: try Parser.parse(text))
  }

  /// Reads equations from bytes, which must be UTF-8.
  package init(parsing bytes: [UInt8]) throws(Failure) {
    try CellLimits.check("the text of the equations", bytes: bytes.count)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw Failure(.parse, "the equations are not valid UTF-8; save them as plain text")
    }
    try self.init(parsing: text)
  }

  /// The cell of a graph that was built or changed by a program.
  ///
  /// Dead nodes are dropped, names and sizes are worked out as for written equations; names of nodes
  /// are kept where they can be.
  /// - Throws: `.invalidArgument` for a graph that is none (operands out of range or after their use,
  ///   wrong operand counts) or in which sizes differ, and `.limit` as `init(parsing:)` throws it.
  package init(graph: Graph) throws(Failure) {
    let equations = Printer.equations(of: try graph.checked().withoutDeadNodes())
    do throws(Failure) {
      try self.init(parsing: equations)
    } catch {
      guard error.kind == .parse, error.line > 0 else { throw error }
      // Nobody wrote these equations, so a line and a column of them would say nothing.
      let line = equations.split(separator: "\n").dropFirst(error.line - 1).first ?? ""
      let reason = error.message.dropFirst("\(error.line):\(error.column): ".count)
      throw .invalid("in \(line.prefix(100)), \(reason)")
    }
  }

  /// Whether x meets h element by element, as in `x + linear(h)`, so that both must have one size.
  package var needsEqualSizes: Bool { graph.nodes[0].size == .hidden }

  /// The names of the states; the first is `h`, the output.
  package var states: [String] { graph.states.map(\.name) }

  /// Whether the next output depends on the input, and on some previous state, within one step.
  package var dependsOnInput: Bool { dependencies.contains { graph.nodes[$0].kind == .input } }
  package var dependsOnState: Bool {
    dependencies.contains { node in
      if case .state = graph.nodes[node].kind { true } else { false }
    }
  }

  /// The nodes that h's next value is computed from.
  private var dependencies: [Int] {
    var isNeeded = [Bool](repeating: false, count: graph.nodes.count)
    isNeeded[graph.states[0].next] = true
    for node in graph.nodes.indices.reversed() where isNeeded[node] {
      for operand in graph.nodes[node].operands { isNeeded[operand] = true }
    }
    return graph.nodes.indices.filter { isNeeded[$0] }
  }

  /// The equations, one statement per line; reading them gives the same graph again.
  package var equations: String { lazy.equations.made { Printer.equations(of: graph) } }

  /// The canonical form, by which cells are compared.
  package var canonical: Canonical { lazy.canonical.made { Canonical(graph) } }

  /// The fingerprint, computed at most once.
  func storedFingerprint(_ compute: () -> UInt64) -> UInt64 { lazy.fingerprint.made(compute) }

  package static func == (a: Cell, b: Cell) -> Bool {
    a.equations == b.equations || a.canonical.digest == b.canonical.digest
  }

  package func hash(into hasher: inout Hasher) { hasher.combine(canonical.digest) }
}

extension Mutex {
  /// What is stored, made now if it is asked for the first time.
  fileprivate borrowing func made<Made: Sendable>(_ make: () -> Made) -> Made where Value == Made? {
    withLock { stored in
      if let stored { return stored }
      let new = make()
      stored = new
      return new
    }
  }
}
