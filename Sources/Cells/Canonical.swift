package struct Canonical: Hashable, Sendable {
  package var digest: [UInt64]
  init(_ graph: Graph) { digest = Printer.print(graph).utf8.map { UInt64($0) } }
}
