import KernelTypes

let instructionSet = InstructionSet.avx512

/// 32 registers of 16 floats: 12 rows of two strips take 24 for sums, 2 for weights.
enum Tile {
  /// The most rows of a tile.
  static let rows = 12

  /// Strips of a tile of that many rows: fewer rows leave registers for more strips.
  @inline(__always)
  static func width(_ rows: Int) -> Int {
    switch rows {
    case 1: 8
    case 2: 6
    case 3, 4: 4
    default: 2
    }
  }

  /// Computes at most `strips` strips of `count` tiles of `rows` rows and says how many strips.
  @inline(__always)
  static func run(
    _ product: UnsafePointer<Product>, _ rows: Int, _ strips: Int, _ row: Int, _ strip: Int,
    _ count: Int, isFirst: Bool
  ) -> Int {
    switch (rows, strips) {
    case (1, 8...):
      Micro<1, 8>.run(product, row, strip, count, isFirst: isFirst)
      return 8
    case (1, 4...):
      Micro<1, 4>.run(product, row, strip, count, isFirst: isFirst)
      return 4
    case (1, 2...):
      Micro<1, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (1, _):
      Micro<1, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (2, 6...):
      Micro<2, 6>.run(product, row, strip, count, isFirst: isFirst)
      return 6
    case (2, 3...):
      Micro<2, 3>.run(product, row, strip, count, isFirst: isFirst)
      return 3
    case (2, 2...):
      Micro<2, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (2, _):
      Micro<2, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (3, 4...):
      Micro<3, 4>.run(product, row, strip, count, isFirst: isFirst)
      return 4
    case (3, 2...):
      Micro<3, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (3, _):
      Micro<3, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (4, 4...):
      Micro<4, 4>.run(product, row, strip, count, isFirst: isFirst)
      return 4
    case (4, 2...):
      Micro<4, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (4, _):
      Micro<4, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (5, 2...):
      Micro<5, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (5, _):
      Micro<5, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (6, 2...):
      Micro<6, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (6, _):
      Micro<6, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (7, 2...):
      Micro<7, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (7, _):
      Micro<7, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (8, 2...):
      Micro<8, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (8, _):
      Micro<8, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (9, 2...):
      Micro<9, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (9, _):
      Micro<9, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (10, 2...):
      Micro<10, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (10, _):
      Micro<10, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (11, 2...):
      Micro<11, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (11, _):
      Micro<11, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    case (_, 2...):
      Micro<12, 2>.run(product, row, strip, count, isFirst: isFirst)
      return 2
    case (_, _):
      Micro<12, 1>.run(product, row, strip, count, isFirst: isFirst)
      return 1
    }
  }

  /// No halves: 16 floats are one register.
  static let halfRows = 0

  /// Computes the lower half of a strip of `count` tiles of `rows` rows.
  @inline(__always)
  static func runHalf(
    _ product: UnsafePointer<Product>, _ rows: Int, _ row: Int, _ strip: Int, _ count: Int
  ) {
  }
}

/// Eight inputs of three strips: 24 sums.
enum GradientTile {
  /// The most inputs of a tile.
  static let inputs = 8
  static let strips = 3

  @inline(__always)
  static func run(
    _ call: UnsafePointer<WeightGradient>, _ inputs: Int, _ strips: Int, _ k: Int, _ strip: Int,
    _ row: Int, _ rows: Int, _ accumulates: Bool
  ) {
    switch (inputs, strips) {
    case (1, 3): GradientMicro<1, 3>.run(call, k, strip, row, rows, accumulates)
    case (1, 2): GradientMicro<1, 2>.run(call, k, strip, row, rows, accumulates)
    case (1, _): GradientMicro<1, 1>.run(call, k, strip, row, rows, accumulates)
    case (2, 3): GradientMicro<2, 3>.run(call, k, strip, row, rows, accumulates)
    case (2, 2): GradientMicro<2, 2>.run(call, k, strip, row, rows, accumulates)
    case (2, _): GradientMicro<2, 1>.run(call, k, strip, row, rows, accumulates)
    case (3, 3): GradientMicro<3, 3>.run(call, k, strip, row, rows, accumulates)
    case (3, 2): GradientMicro<3, 2>.run(call, k, strip, row, rows, accumulates)
    case (3, _): GradientMicro<3, 1>.run(call, k, strip, row, rows, accumulates)
    case (4, 3): GradientMicro<4, 3>.run(call, k, strip, row, rows, accumulates)
    case (4, 2): GradientMicro<4, 2>.run(call, k, strip, row, rows, accumulates)
    case (4, _): GradientMicro<4, 1>.run(call, k, strip, row, rows, accumulates)
    case (5, 3): GradientMicro<5, 3>.run(call, k, strip, row, rows, accumulates)
    case (5, 2): GradientMicro<5, 2>.run(call, k, strip, row, rows, accumulates)
    case (5, _): GradientMicro<5, 1>.run(call, k, strip, row, rows, accumulates)
    case (6, 3): GradientMicro<6, 3>.run(call, k, strip, row, rows, accumulates)
    case (6, 2): GradientMicro<6, 2>.run(call, k, strip, row, rows, accumulates)
    case (6, _): GradientMicro<6, 1>.run(call, k, strip, row, rows, accumulates)
    case (7, 3): GradientMicro<7, 3>.run(call, k, strip, row, rows, accumulates)
    case (7, 2): GradientMicro<7, 2>.run(call, k, strip, row, rows, accumulates)
    case (7, _): GradientMicro<7, 1>.run(call, k, strip, row, rows, accumulates)
    case (_, 3): GradientMicro<8, 3>.run(call, k, strip, row, rows, accumulates)
    case (_, 2): GradientMicro<8, 2>.run(call, k, strip, row, rows, accumulates)
    case (_, _): GradientMicro<8, 1>.run(call, k, strip, row, rows, accumulates)
    }
  }

  /// No halves; see `Tile`.
  static let halfInputs = 0

  /// Computes the lower half of one strip.
  @inline(__always)
  static func runHalf(
    _ call: UnsafePointer<WeightGradient>, _ inputs: Int, _ k: Int, _ strip: Int, _ row: Int,
    _ rows: Int, _ accumulates: Bool
  ) {
  }
}
