import KernelTypes

let instructionSet = InstructionSet.baseline

/// 16 registers of 4 floats: 2 rows of one strip take 8 for sums.
enum Tile {
  /// The most rows of a tile.
  static let rows = 2

  /// Strips of a tile of that many rows: fewer rows leave registers for more strips.
  @inline(__always)
  static func width(_ rows: Int) -> Int {
    switch rows {
    case 1: 2
    default: 1
    }
  }

  /// Computes at most `strips` strips of `rows` rows and says how many.
  @inline(__always)
  static func run(
    _ product: UnsafePointer<Product>, _ rows: Int, _ strips: Int, _ row: Int, _ strip: Int
  ) -> Int {
    switch (rows, strips) {
    case (1, 2...):
      Micro<1, 2>.run(product, row, strip)
      return 2
    case (1, _):
      Micro<1, 1>.run(product, row, strip)
      return 1
    case (_, _):
      Micro<2, 1>.run(product, row, strip)
      return 1
    }
  }
}

/// Two inputs of one strip.
enum GradientTile {
  /// The most inputs of a tile.
  static let inputs = 2
  static let strips = 1

  @inline(__always)
  static func run(
    _ call: UnsafePointer<WeightGradient>, _ inputs: Int, _ strips: Int, _ k: Int, _ strip: Int,
    _ row: Int, _ rows: Int, _ accumulates: Bool
  ) {
    switch (inputs, strips) {
    case (1, _): GradientMicro<1, 1>.run(call, k, strip, row, rows, accumulates)
    case (_, _): GradientMicro<2, 1>.run(call, k, strip, row, rows, accumulates)
    }
  }
}
