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

  /// Computes at most `strips` strips of `count` tiles of `rows` rows and says how many strips.
  @inline(__always)
  static func run(
    _ product: UnsafePointer<Product>, _ rows: Int, _ strips: Int, _ row: Int, _ strip: Int,
    _ count: Int, isFirst: Bool
  ) -> Int {
    switch (rows, strips) {
    case (1, 2...):
      Micro<1, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (1, _):
      Micro<1, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (_, _):
      Micro<2, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    }
  }

  /// The most rows of half a strip: 4 sums of 8 floats.
  static let halfRows = 4

  /// Computes the lower half of a strip of `count` tiles of `rows` rows.
  @inline(__always)
  static func runHalf(
    _ product: UnsafePointer<Product>, _ rows: Int, _ row: Int, _ strip: Int, _ count: Int
  ) {
    switch rows {
    case 1: HalfMicro<1>.run(product, row, strip, count)
    case 2: HalfMicro<2>.run(product, row, strip, count)
    case 3: HalfMicro<3>.run(product, row, strip, count)
    default: HalfMicro<4>.run(product, row, strip, count)
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

  /// The most inputs of half a strip.
  static let halfInputs = 4

  /// Computes the lower half of one strip.
  @inline(__always)
  static func runHalf(
    _ call: UnsafePointer<WeightGradient>, _ inputs: Int, _ k: Int, _ strip: Int, _ row: Int,
    _ rows: Int, _ accumulates: Bool
  ) {
    switch inputs {
    case 1: HalfGradientMicro<1>.run(call, k, strip, row, rows, accumulates)
    case 2: HalfGradientMicro<2>.run(call, k, strip, row, rows, accumulates)
    case 3: HalfGradientMicro<3>.run(call, k, strip, row, rows, accumulates)
    default: HalfGradientMicro<4>.run(call, k, strip, row, rows, accumulates)
    }
  }
}
