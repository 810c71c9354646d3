import Execution
import Glibc
import Kernels

extension LanguageModel {
  /// Writes on from a prompt, token by token; the same seed gives the same text.
  ///
  /// An empty prompt stands for the end of a line, where the vocabulary has that, else for token 0.
  ///
  /// - Parameters:
  ///   - count: tokens to write.
  ///   - temperature: divides the logits: 1 is the model's own distribution, 0 its likeliest token.
  /// - Returns: the continuation, without the prompt.
  /// - Throws: `.invalidArgument` for a count or temperature out of range, or a prompt that the
  ///   vocabulary cannot say; `.diverged` for weights that give no number.
  package func generate(
    _ prompt: String, count: Int, temperature: Double = 1, seed: UInt64
  ) throws(Failure) -> String {
    guard (0...Limits.steps).contains(count) else {
      throw .invalid("\(count) tokens cannot be written; use 0 to \(Limits.steps)")
    }
    guard temperature >= 0, temperature.isFinite else {
      throw .invalid(
        "temperature is \(temperature); pass 1 for the model's own choice, 0 for the likeliest")
    }
    var tokens = try vocabulary.encode(prompt)
    // A text ends its last line; a prompt is in the midst of it.
    if vocabulary.unit == .word, prompt.utf8.last != 0x0A, tokens.last == lineEnd {
      tokens.removeLast()
    }
    if tokens.isEmpty { tokens = [lineEnd] }
    let stream = try Stream(network, weights: weights, batch: 1)
    let writer = try NextToken(self, stream)
    for token in tokens { writer.step(token) }
    var written: [Int32] = []
    let random = Philox(seed: seed, purpose: 0x7465_7874)
    while written.count < count {
      let token = try writer.draw(
        temperature: temperature, Double(random.uniform(UInt64(written.count))))
      written.append(token)
      writer.step(token)
    }
    return vocabulary.text(written)
  }

  /// The token at the end of a line, or else the first.
  private var lineEnd: Int32 {
    let text = vocabulary.unit == .word ? TextUnit.endOfLine : "\n"
    return vocabulary.tokens.firstIndex(of: text).map { Int32($0) } ?? 0
  }
}

/// Feeds a model one token at a time and draws the next from its softmax.
private final class NextToken {
  private let model: LanguageModel
  private let stream: Stream
  private let input: Buffer<Float>
  private let output: Buffer<Float>
  /// The output as one row of strips [H / 16][1][16], which for one row is the same.
  private let hidden: Buffer<Float>
  private let logits: Buffer<Float>

  init(_ model: LanguageModel, _ stream: Stream) throws(Failure) {
    self.model = model
    self.stream = stream
    input = try Buffer(count: model.shape.inputSize)
    output = try Buffer(count: model.shape.hiddenSize)
    hidden = try Buffer(count: model.shape.hiddenSize.strips * 16)
    logits = try Buffer(count: model.vocabulary.count.strips * 16)
  }

  func step(_ token: Int32) {
    let entry = model.embedding.entry
    for column in 0..<entry.columns {
      input[column] = model.weights.values[entry.place(Int(token), column)]
    }
    stream.step(input: input.base, output: output.base)
  }

  /// The token at `point`, from 0 to 1, of the cumulative distribution.
  func draw(temperature: Double, _ point: Double) throws(Failure) -> Int32 {
    let matrix = model.outputMatrix
    hidden.base.update(from: output.base, count: output.count)
    var segment = Segment(
      a: UnsafePointer(hidden.base), aStripStride: 16,
      b: UnsafePointer(model.weights.values.base + matrix.offset),
      bStripStride: matrix.columns * 16, k: matrix.columns)
    withUnsafePointer(to: &segment) { segment in
      var product = Product(
        segments: segment, segmentCount: 1, c: logits.base, cStripStride: 16,
        initial: UnsafePointer(model.weights.values.base + model.outputBias.offset),
        initialStripStride: 16, initialRowStride: 0, rows: 1, strips: matrix.rows.strips)
      KernelTable.current.product(&product)
    }
    let words = 0..<matrix.rows
    let largest = words.reduce(-Double.infinity) { max($0, Double(logits[$1])) }
    func weight(_ word: Int) -> Double {
      let below = Double(logits[word]) - largest
      return temperature > 0 ? exp(below / temperature) : below == 0 ? 1 : 0
    }
    let sum = words.reduce(0) { $0 + weight($1) }
    guard sum.isFinite else {
      throw Failure(.diverged, "the model gives no number; its weights are unusable")
    }
    var rest = point * sum
    for word in words {
      rest -= weight(word)
      if rest < 0 { return Int32(word) }
    }
    // Rounding can leave a trifle: the likeliest word.
    return Int32(words.max { logits[$0] < logits[$1] } ?? 0)
  }
}
