/// What a text is cut into; each piece is a token.
package enum TextUnit: String, CaseIterable, Sendable {
  /// Unicode scalars.
  case character
  /// Words between white space, with `<eos>` at the end of each line, as Mikolov's Penn Treebank is
  /// read.
  case word
  case byte

  /// The token that stands for what the vocabulary lacks; bytes lack nothing.
  var unknownToken: String? {
    switch self {
    case .character: "\u{FFFD}"
    case .word: "<unk>"
    case .byte: nil
    }
  }

  /// The token at the end of each line of words.
  package static let endOfLine = endOfLineText.description

  /// The same where its bytes are wanted, which live for ever.
  static let endOfLineText: StaticString = "<eos>"
}
