import Kernels

/// Dropout on the input of every layer and on the last output, never from step to step.
///
/// Zaremba et al. 2014, arXiv:1409.2329, section 3.2; variational as in Gal and Ghahramani 2016,
/// arXiv:1512.05287, but for the state. Kept values are divided by the probability of being kept.
package struct Dropout: Hashable, Sendable {
  /// Probability of being dropped, 0 ..< 1.
  package var rate: Double
  /// Whether a sequence has one mask for all time steps.
  package var isVariational: Bool
  /// A new one for each update gives new masks.
  package var seed: UInt64

  package init(rate: Double, isVariational: Bool = false, seed: UInt64) {
    self.rate = rate
    self.isVariational = isVariational
    self.seed = seed
  }

  /// Draws the masks of some rows [rows][columns]: a function of the seed, the layer, the sequence, the
  /// step and the column alone.
  func draw(_ mask: StripView, layer: Int, _ rows: Rows, _ range: Range<Int>) {
    let random = Philox(seed: seed, purpose: 0x6472_6F70_0000 &+ UInt64(layer))
    let strips = mask.columns.strips
    let kept = Float(1 / (1 - rate))
    let threshold = UInt32(min(rate * 0x1p32, Double(UInt32.max)))
    var step = rows.step(of: range.lowerBound)
    for row in range {
      while row >= rows.offset[step &+ 1] { step &+= 1 }
      let sequence = rows.sequence[row &- rows.offset[step]]
      let index = isVariational ? sequence : step &* rows.batch &+ sequence
      for strip in 0..<strips {
        let at = mask.base + strip &* mask.stripStride + row &* 16
        for part in 0..<4 {
          let words = random.block(UInt64((index &* strips &+ strip) &* 4 &+ part))
          for lane in 0..<4 {
            at[part &* 4 &+ lane] = words[lane] < threshold ? 0 : kept
          }
        }
      }
    }
  }
}

/// Memory of one width with a row for every sequence and step.
package final class StripMemory: @unchecked Sendable {
  private let buffer: Buffer<Float>
  package let view: StripView

  package init(rows: Int, columns: Int) throws(Failure) {
    let (floats, overflow) = columns.strips.multipliedReportingOverflow(by: rows * 16)
    buffer = try Buffer(count: overflow ? .max : floats)
    view = StripView(base: buffer.base, stripStride: rows * 16, columns: columns)
  }
}

/// The masks of one boundary between layers, and what they leave of the values.
final class DropoutMemory: @unchecked Sendable {
  let mask: StripMemory
  let values: StripMemory

  init(rows: Int, columns: Int) throws(Failure) {
    mask = try StripMemory(rows: rows, columns: columns)
    values = try StripMemory(rows: rows, columns: columns)
  }

  /// d = a * mask for some rows.
  func apply(_ a: StripView, to d: StripView, _ range: Range<Int>, _ kernels: KernelTable) {
    guard !range.isEmpty else { return }
    func operand(_ view: StripView) -> Operand {
      Operand(
        base: view.base + range.lowerBound &* 16, stripStride: view.stripStride, rowStride: 16)
    }
    var call = ElementwiseCall(
      d: operand(d), a: operand(a), b: operand(mask.view), c: operand(a), k: 0,
      strips: mask.view.columns.strips, rows: range.count)
    kernels.elementwise[Int(Primitive.multiply.rawValue)](&call)
  }
}
