// What a cell's loss soon after it began from its parent's weights tells of its loss after a long
// training of its own, beside what its loss tells after as short a training of its own:
//
//     swift run -c release InheritanceBench TRAIN.txt [children] [updates of the long training]
//
// Children are single mutations of stock cells, which have trained for 540 updates.
import Cells
import Glibc
import Kernels
import Search
import Training

func main() throws {
  let arguments = CommandLine.arguments
  guard arguments.count > 1 else {
    print("usage: InheritanceBench TRAIN.txt [children] [updates]")
    exit(2)
  }
  let wanted = arguments.count > 2 ? Int(arguments[2]) ?? 20 : 20
  let long = arguments.count > 3 ? Int(arguments[3]) ?? 1080 : 1080
  let corpus = try Corpus(train: .file(arguments[1]), unit: .character)
  var sizes = EvaluationSizes()
  sizes.hiddenSize = 128
  sizes.truncation = 100
  sizes.learningRate = 0.008
  sizes.updates = long
  let evaluator = try LanguageModelEvaluator(corpus: corpus, sizes: sizes)
  func train(
    _ cell: Cell, _ updates: Int, inheritance: [UInt8]? = nil
  ) throws -> Score {
    let task = EvaluationTask(
      Proposal(id: 1, seed: 1, strategy: "auto", cell: cell), rung: 0, updates: updates,
      isLast: false, snapshot: nil, inheritance: inheritance)
    return try evaluator.evaluate(task) { false }
  }

  let names = ["gru", "minimal_gru", "lstm", "ugrnn", "mut1"]
  var choices = Choices(seed: 1)
  let shorts = [20, 60, 180]
  var rows: [[Double]] = []
  for name in names {
    let parent = try Cell.stock(name)
    let trained = try train(parent, 540)
    print(name, trained.loss)
    var seen: Set<String> = [parent.canonical.text]
    var made = 0
    while made < wanted / names.count {
      guard var draft = Draft(parent), Mutation.apply(to: &draft, &choices),
        DraftRules.evolved.allow(draft), let child = try? draft.cell(),
        Screening.reason(against: child) == nil, seen.insert(child.canonical.text).inserted
      else { continue }
      made += 1
      guard let end = try? train(child, long).loss else { continue }
      var row = [end]
      for updates in shorts {
        row.append((try? train(child, updates).loss) ?? .infinity)
        row.append(
          (try? train(child, updates, inheritance: trained.snapshot).loss) ?? .infinity)
      }
      rows.append(row)
      print(
        row, Inheritance.pairs(of: child, with: parent).count, "of", child.graph.parameters.count,
        child.equations.split(separator: "\n").joined(separator: "; "))
      fflush(nil)
    }
  }
  let best = Array(rows.sorted { $0[0] < $1[0] }.prefix(rows.count / 2))
  for (place, updates) in shorts.enumerated() {
    for (offset, kind) in ["of its own", "inherited"].enumerated() {
      let column = 1 + 2 * place + offset
      print(
        "\(updates) updates, \(kind): tau \(kendallTau(rows.map { ($0[0], $0[column]) })), "
          + "best half \(kendallTau(best.map { ($0[0], $0[column]) }))")
    }
  }
}
try main()
