import Cells
import Kernels

/// The fused order of work of one cell at given sizes.
///
/// What is done once for all time steps, what is done at each, and where every value lives. Flat arrays of plain structs, so that a time step
/// touches no class, enum payload or dictionary.
package struct Plan: Sendable {
  package let inputSize: Int
  package let hiddenSize: Int
  /// Whether backward is planned; without it only states and what is hoisted keep all time steps.
  package let keepsTape: Bool

  /// Every place an instruction can name.
  var slots: [Slot] = []
  /// Strips of each kind of memory.
  var tapeStrips = 0
  var stepStrips = 0
  var tileSlots = 0
  var packedFloats = 0
  /// One number each, spread over 16 lanes.
  var constants: [Float] = []
  /// First strip of each state in the state memory, and the strips of all.
  var states: [StatePlace] = []
  var stateStrips = 0

  var instructions: [Instruction] = []
  var segments: [SegmentPlan] = []
  var products: [ProductPlan] = []

  /// Stages over all rows at once, before the time loop; at each step; and their backward mirrors.
  ///
  /// Outside the loop by level: a level reads states whose rows all threads wrote in the levels before;
  /// backward goes from the last level to the first.
  var hoisted: [[Stage]] = []
  var step: [Stage] = []
  var backwardStep: [Stage] = []
  var backwardHoisted: [[Stage]] = []
  /// What is summed over all rows after backward.
  var weightGradients: [WeightGradientPlan] = []
  var columnSums: [ColumnSumPlan] = []
  /// Transposes and spread scalars, derived from the weights.
  var packings: [Packing] = []
  /// Learned arrays that no gradient reaches.
  var untouched: [ParameterEntry] = []
  /// Block-diagonal matrices, whose gradients are computed whole and then cut.
  var blockDiagonal: [ParameterEntry] = []
}

extension Plan {
  /// Floats of the matrices that every time step reads.
  private var loopWeights: Int {
    step.reduce(0) { sum, stage in
      guard stage.kind == .products else { return sum }
      return products[stage.first..<(stage.first + stage.count)].reduce(sum) { sum, product in
        let last = product.firstSegment + product.segmentCount
        return segments[product.firstSegment..<last].reduce(sum) {
          $0 + $1.k * product.strips * 16
        }
      }
    }
  }

  /// Whether threads share the strips of each step, where there are fewer sequences than threads.
  ///
  /// Each then reads a part of the weights, but they must meet after every stage: from 100,000 weights
  /// on that pays, 1.2 to 1.6 times as fast with two threads and one sequence. With a sequence for each
  /// thread it costs 2 to 8 %.
  func sharesStrips(batch: Int, threads: Int) -> Bool { batch < threads && loopWeights > 98_304 }
}

struct StatePlace: Sendable {
  var name: String
  var columns: Int
  var strip: Int
  /// Whether its values are known before the time loop.
  var isHoisted: Bool
}

/// Where the rows of a slot are.
enum Storage: UInt8, Sendable {
  /// Nothing: operands that an instruction does not have.
  case none
  /// x and its gradient: a row for each sequence and time step.
  case input, inputGradient
  /// The gradient that the caller gives for the output.
  case outputGradient
  /// A row for each sequence and time step.
  case tape
  /// The value of a state before and after the step.
  case previousState, nextState
  /// The gradient of a next state and of a previous state: two buffers that change places.
  case nextStateGradient, previousStateGradient
  /// The same of a state outside the loop, with the rows of the state itself.
  case nextHoistedGradient, previousHoistedGradient
  /// A row for each sequence, overwritten at every time step.
  case step
  /// A few rows and strips, overwritten by every tile of a chain.
  case tile
  /// A learned vector, or a number spread over all rows and columns.
  case vector, scalar, constant
}

/// A place for a value: `index` is the first strip in its memory, the state, or the float offset.
struct Slot: Sendable {
  var storage: Storage
  var index: Int
  var columns: Int
  var strips: Int { columns.strips }
}

/// One call of an element-wise kernel; operands are slot numbers, 0 for none.
struct Instruction: Sendable {
  /// The place in the table; the raw value of another module's enum is a call.
  var kernel: Int
  var d: Int32
  var a: Int32 = 0
  var b: Int32 = 0
  var c: Int32 = 0
  var k: Float = 0
}

/// One kind of work in a step.
struct Stage: Sendable {
  enum Kind: UInt8, Sendable {
    /// `products[first ..< first + count]`
    case products
    /// `instructions[first ..< first + count]` over tiles of `strips` strips in all.
    case chain
    /// Layer norm of slot `operand` into `result`, its reciprocal deviation into `auxiliary`.
    case normalize
    /// The gradient of `result` in slot `gradient` to that of the operand in `destination`.
    case normalizeGradient
  }
  var kind: Kind
  var first = 0
  var count = 0
  var strips = 0
  var columns = 0
  var operand = 0
  var result = 0
  var auxiliary = 0
  var gradient = 0
  var destination = 0
  /// Whether the destination is added to.
  var accumulates = false
}

/// One operand of a product: rows of `slot` times a matrix.
struct SegmentPlan: Sendable {
  var slot: Int
  /// Columns of the operand.
  var k: Int
  /// The matrix: an offset in the weights, or in the packed transposes.
  var offset: Int
  var isPacked: Bool
}

/// C = initial + the sum of its segments, for consecutive strips of slot `c`.
struct ProductPlan: Sendable {
  enum Initial: UInt8, Sendable { case zero, bias, accumulate }
  var firstSegment: Int
  var segmentCount: Int
  var c: Int
  var strips: Int
  /// Columns of each of the maps that lie side by side.
  var columns: Int
  var initial: Initial
  /// Offset of the bias in the weights.
  var bias = 0
}

/// gradient [strips][k][16] (+)= a^T z over all rows.
struct WeightGradientPlan: Sendable {
  var a: Int
  var z: Int
  var k: Int
  var strips: Int
  /// Columns of each of the maps that lie side by side.
  var columns: Int
  var offset: Int
  /// How many plans wrote the same gradient before; above 0 it is added to.
  var pass: Int
}

/// gradient [strips][16] (+)= the sum of z over all rows; of a scalar: over its columns too.
struct ColumnSumPlan: Sendable {
  var z: Int
  var strips: Int
  var columns: Int
  var offset: Int
  var pass: Int
  var isScalar: Bool
}

/// Something derived from the weights at `source`, at `offset` of the packed memory.
struct Packing: Sendable {
  var source: Int
  var offset: Int
  /// [rows, columns] of the matrix whose transpose is wanted; rows 0 for a scalar to spread.
  var rows: Int
  var columns: Int
}
