import CRNNCell
import Kernels

/// Text as token ids.
final class CorpusObject: Handled {
  static let noun = "corpus"
  static let tag: UInt64 = 0x726E_6E63_6F72_7006
}
