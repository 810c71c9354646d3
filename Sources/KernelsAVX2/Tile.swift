import KernelTypes

let instructionSet = InstructionSet.avx2

/// 16 registers of 8 floats: 6 rows of one strip take 12 for sums, 2 for weights, 1 for the factor.
enum Tile {
  /// The most rows of a tile.
  static let rows = 6

  /// Strips of a tile of that many rows: fewer rows leave registers for more strips.
  @inline(__always)
  static func width(_ rows: Int) -> Int {
    switch rows {
    case 1: 6
    case 2: 3
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
    case (1, 6...):
      Micro<1, 6>.run(product, row, strip, count, isFirst: isFirst)
      return 6
    case (1, 3...):
      Micro<1, 3>.run(product, row, strip, count, isFirst: isFirst)
      return 3
    case (1, 2...):
      Micro<1, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (1, _):
      Micro<1, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (2, 3...):
      Micro<2, 3>.run(product, row, strip, count, isFirst: isFirst)
      return 3
    case (2, _):
      Micro<2, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (3, _):
      Micro<3, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (4, _):
      Micro<4, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (5, _):
      Micro<5, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (_, _):
      Micro<6, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    }
  }

  /// The most rows of half a strip: 12 sums of 8 floats.
  static let halfRows = 12

  /// Computes the lower half of a strip of `count` tiles of `rows` rows.
  @inline(__always)
  static func runHalf(
    _ product: UnsafePointer<Product>, _ rows: Int, _ row: Int, _ strip: Int, _ count: Int
  ) {
    switch rows {
    case 1: HalfMicro<1>.run(product, row, strip, count)
    case 2: HalfMicro<2>.run(product, row, strip, count)
    case 3: HalfMicro<3>.run(product, row, strip, count)
    case 4: HalfMicro<4>.run(product, row, strip, count)
    case 5: HalfMicro<5>.run(product, row, strip, count)
    case 6: HalfMicro<6>.run(product, row, strip, count)
    case 7: HalfMicro<7>.run(product, row, strip, count)
    case 8: HalfMicro<8>.run(product, row, strip, count)
    case 9: HalfMicro<9>.run(product, row, strip, count)
    case 10: HalfMicro<10>.run(product, row, strip, count)
    case 11: HalfMicro<11>.run(product, row, strip, count)
    default: HalfMicro<12>.run(product, row, strip, count)
    }
  }
}

/// Six inputs of one strip, as in the product.
enum GradientTile {
  /// The most inputs of a tile.
  static let inputs = 6
  static let strips = 1

  @inline(__always)
  static func run(
    _ call: UnsafePointer<WeightGradient>, _ inputs: Int, _ strips: Int, _ k: Int, _ strip: Int,
    _ row: Int, _ rows: Int, _ accumulates: Bool
  ) {
    switch (inputs, strips) {
    case (1, _): GradientMicro<1, 1>.run(call, k, strip, row, rows, accumulates)
    case (2, _): GradientMicro<2, 1>.run(call, k, strip, row, rows, accumulates)
    case (3, _): GradientMicro<3, 1>.run(call, k, strip, row, rows, accumulates)
    case (4, _): GradientMicro<4, 1>.run(call, k, strip, row, rows, accumulates)
    case (5, _): GradientMicro<5, 1>.run(call, k, strip, row, rows, accumulates)
    case (_, _): GradientMicro<6, 1>.run(call, k, strip, row, rows, accumulates)
    }
  }

  /// The most inputs of half a strip.
  static let halfInputs = 8

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
    case 4: HalfGradientMicro<4>.run(call, k, strip, row, rows, accumulates)
    case 5: HalfGradientMicro<5>.run(call, k, strip, row, rows, accumulates)
    case 6: HalfGradientMicro<6>.run(call, k, strip, row, rows, accumulates)
    case 7: HalfGradientMicro<7>.run(call, k, strip, row, rows, accumulates)
    default: HalfGradientMicro<8>.run(call, k, strip, row, rows, accumulates)
    }
  }
}
