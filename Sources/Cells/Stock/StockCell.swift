import Kernels

/// A published cell: its equations, where they come from, and how its biases start.
package struct StockCell: Sendable {
  package var name: String
  package var equations: String
  /// The paper or library, with arXiv number and equation where there is one.
  package var source: String
  /// Choices where sources differ.
  package var notes: String = ""
  /// Starting values of biases that do not start at zero, by parameter name.
  package var initial: [String: Double] = [:]
  /// Biases that chrono initialisation starts from the length of the task (Tallec and Ollivier 2018,
  /// arXiv:1804.11188, equation 16): 1 where a larger bias keeps the state longer, -1 where a smaller one.
  package var chrono: [String: Double] = [:]
  /// How the source starts square matrices that read a state, where it says so.
  package var recurrent: RecurrentStart?
  /// How torch packs the parameters of the same cell, for those it has.
  package var torch: TorchPacking?

  /// Every stock cell, in the order of the documentation.
  ///
  /// Adding one is a file in `Stock/` and a line here; tests walk this list.
  package static let all: [StockCell] = [
    .elman, .lstm, .lstmPeephole, .lstmCoupled, .gru, .gruResetAfter, .minimalGRU, .ugrnn, .janet,
    .rhn, .lstmMultiplicative, .mogrifier, .nasCell, .enas, .dartsV1, .dartsV2, .mut1, .mut2, .mut3,
    .lstmLayerNorm, .miRNN, .miGRU, .miLSTM, .liGRU, .minimalRNN, .ran, .cfn, .atr, .star, .brc,
    .nbrc, .lem, .indRNN, .sru, .minGRU, .minLSTM, .lstmNoForget, .lstmCapped, .lightRU, .sgrn,
    .fastRNN,
    .fastGRNN, .scrn, .antisymmetricRNN, .gatedAntisymmetricRNN, .coRNN, .unICORNN, .qrnn, .sLSTM,
    .enasLM, .naoNet, .naoNetShared, .dartsSeed42, .dartsSeed1995, .dartsSeed2006, .nbnlp1007537,
    .bc3,
    .intersectionRNN,
  ]

  package static func named(_ name: String) -> StockCell? { all.first { $0.name == name } }
}

/// How square matrices that read a state start.
package enum RecurrentStart: String, Hashable, Sendable, CaseIterable {
  /// As the others.
  case uniform
  /// Orthogonal (Saxe, McClelland and Ganguli 2014, arXiv:1312.6120).
  case orthogonal
  /// The identity (Le, Jaitly and Hinton 2015, arXiv:1504.00941).
  case identity
}

/// The parameters that torch stacks into `weight_ih`, `weight_hh`, `bias_ih` and `bias_hh`, from the
/// first row to the last.
///
/// A nil bias stands for rows of zeros; what is read there is added to the other bias of that gate.
package struct TorchPacking: Hashable, Sendable {
  package var inputWeights: [String]
  package var stateWeights: [String]
  package var inputBiases: [String?]
  package var stateBiases: [String?]

  /// One gate after another, each `linear(x, h)`.
  init(gates: [String]) {
    inputWeights = gates.map { "W[\($0), x]" }
    stateWeights = gates.map { "W[\($0), h]" }
    inputBiases = gates.map { "b[\($0)]" }
    stateBiases = gates.map { _ in nil }
  }
}

extension Cell {
  /// The stock cell of that name.
  ///
  /// - Throws: `.invalidArgument` with the nearest name, or all names.
  package static func stock(_ name: String) throws(Failure) -> Cell {
    if let stock = StockCell.named(name) { return try Cell(parsing: stock.equations) }
    let names = StockCell.all.map(\.name)
    if let match = nearest(to: name, among: names) {
      throw .invalid("there is no stock cell '\(name.prefix(64))'; did you mean '\(match)'?")
    }
    throw .invalid(
      "there is no stock cell '\(name.prefix(64))'; there are \(names.joined(separator: ", "))")
  }
}
