import Cells
import Kernels

/// Vectors of 16 floats that a chain works on at a time: 2 KiB of each value, so that all values of a
/// chain stay in the first-level cache.
private let tileVectors = 32

/// What one thread needs beside the layer's memory, made before the time loop.
final class Scratch: @unchecked Sendable {
  let tiles: Buffer<Float>
  /// The slots at the present rows.
  let operands: UnsafeMutablePointer<Operand>
  let segments: UnsafeMutablePointer<Segment>
  private let slotCount: Int
  private let segmentCount: Int

  init(_ plans: [Plan]) throws(Failure) {
    tiles = try Buffer(count: (plans.map(\.tileSlots).max() ?? 0) * tileVectors * 16)
    slotCount = plans.map(\.slots.count).max() ?? 0
    segmentCount = plans.flatMap(\.products).map(\.segmentCount).max() ?? 0
    operands = .allocate(capacity: max(slotCount, 1))
    segments = .allocate(capacity: max(segmentCount, 1))
  }

  deinit {
    operands.deallocate()
    segments.deallocate()
  }
}

/// The rows that a stage is run on.
struct RowSpan {
  /// Of x, the tape and the gradients of x and the output.
  var row: Int
  /// Of the states before and after the step.
  var previousState = 0
  var nextState = 0
  /// Of what has a row for each sequence.
  var position = 0
  /// Whether the step is odd.
  var parity = 0
  var count: Int
}

/// Threads that share every stage of a step by strips, and meet behind it.
struct Crew {
  let team: Team
  let thread: Int

  /// This thread's part of so many strips or rows.
  @inline(__always)
  func share(_ count: Int) -> Range<Int> {
    count &* thread / team.threads..<count &* (thread &+ 1) / team.threads
  }
}

/// Runs the stages of a plan on one thread, or its share of them in a crew.
///
/// It holds pointers into the arrays of the plan, so it must not outlive the call that made it.
struct StageRunner {
  let layer: LayerRun
  let kernels: KernelTable
  let weights: UnsafeMutablePointer<Float>
  let scratch: Scratch
  let crew: Crew?
  let slots: UnsafeBufferPointer<Slot>
  let products: UnsafeBufferPointer<ProductPlan>
  let segments: UnsafeBufferPointer<SegmentPlan>
  let places: UnsafeBufferPointer<Operand>
  let instructions: UnsafeBufferPointer<Instruction>
  let elementwise: UnsafeBufferPointer<KernelTable.Elementwise>

  /// Calls `body` with a runner.
  static func with(
    _ layer: LayerRun, _ kernels: KernelTable, _ weights: UnsafeMutablePointer<Float>,
    _ scratch: Scratch, crew: Crew? = nil, _ body: (StageRunner) -> Void
  ) {
    let plan = layer.plan
    plan.slots.withUnsafeBufferPointer { slots in
      plan.products.withUnsafeBufferPointer { products in
        plan.segments.withUnsafeBufferPointer { segments in
          layer.places.withUnsafeBufferPointer { places in
            plan.instructions.withUnsafeBufferPointer { instructions in
              kernels.elementwise.withUnsafeBufferPointer { elementwise in
                body(
                  StageRunner(
                    layer: layer, kernels: kernels, weights: weights, scratch: scratch, crew: crew,
                    slots: slots, products: products, segments: segments, places: places,
                    instructions: instructions, elementwise: elementwise))
              }
            }
          }
        }
      }
    }
  }

  func run(_ stages: [Stage], _ span: RowSpan) {
    resolve(span)
    for stage in stages {
      switch stage.kind {
      case .products: runProducts(stage, rows: span.count)
      case .chain: runChain(stage, rows: span.count)
      case .normalize: normalize(stage, rows: span.count)
      case .normalizeGradient: normalizeGradient(stage, rows: span.count)
      }
      crew?.team.meet()
    }
  }

  /// What this thread does of so many strips or rows.
  @inline(__always)
  private func share(_ count: Int) -> Range<Int> { crew?.share(count) ?? 0..<count }

  /// Points every slot at the rows of the span.
  private func resolve(_ span: RowSpan) {
    let carried = layer.plan.stateStrips &* layer.batch &* 16
    for index in slots.indices {
      var operand = places[index]
      switch slots[index].storage {
      case .input, .inputGradient, .outputGradient, .tape: operand.base += span.row &* 16
      case .previousState, .previousHoistedGradient: operand.base += span.previousState &* 16
      case .nextState, .nextHoistedGradient: operand.base += span.nextState &* 16
      case .nextStateGradient: operand.base += span.position &* 16 &+ span.parity &* carried
      case .previousStateGradient:
        operand.base += span.position &* 16 &+ (1 &- span.parity) &* carried
      case .step: operand.base += span.position &* 16
      case .none, .tile, .vector, .scalar, .constant: break
      }
      scratch.operands[index] = operand
    }
  }

  private func runProducts(_ stage: Stage, rows: Int) {
    let packed = UnsafePointer(layer.packed.base)
    for index in stage.first..<(stage.first &+ stage.count) {
      let product = products[index]
      let strips = share(product.strips)
      guard !strips.isEmpty else { continue }
      for number in 0..<product.segmentCount {
        let segment = segments[product.firstSegment &+ number]
        let operand = scratch.operands[segment.slot]
        let matrix = (segment.isPacked ? packed : UnsafePointer(weights)) + segment.offset
        scratch.segments[number] = Segment(
          a: operand.base, aStripStride: operand.stripStride,
          b: matrix + strips.lowerBound &* segment.k &* 16, bStripStride: segment.k &* 16,
          k: segment.k)
      }
      var c = scratch.operands[product.c]
      c.base += strips.lowerBound &* c.stripStride
      var call = Product(
        segments: scratch.segments, segmentCount: product.segmentCount, c: c.base,
        cStripStride: c.stripStride, initial: layer.zeros, initialStripStride: 0,
        initialRowStride: 0, rows: rows, strips: strips.count,
        padding: Padding(columns: product.columns, firstStrip: strips.lowerBound))
      switch product.initial {
      case .zero: break
      case .bias:
        call.initial = UnsafePointer(weights + product.bias + strips.lowerBound &* 16)
        call.initialStripStride = 16
      case .accumulate:
        call.initial = UnsafePointer(c.base)
        call.initialStripStride = c.stripStride
        call.initialRowStride = 16
      }
      kernels.product(&call)
    }
  }

  /// Runs a chain tile by tile.
  private func runChain(_ stage: Stage, rows: Int) {
    let parts = (rows &+ tileVectors &- 1) / tileVectors
    let height = (rows &+ parts &- 1) / max(parts, 1)
    let width = max(tileVectors / max(height, 1), 1)
    let all = share(stage.strips)
    var strip = all.lowerBound
    while strip < all.upperBound {
      let strips = min(width, all.upperBound &- strip)
      var row = 0
      while row < rows {
        let count = min(height, rows &- row)
        for index in stage.first..<(stage.first &+ stage.count) {
          let instruction = instructions[index]
          var call = ElementwiseCall(
            d: operand(instruction.d, strip, row, height),
            a: operand(instruction.a, strip, row, height),
            b: operand(instruction.b, strip, row, height),
            c: operand(instruction.c, strip, row, height), k: instruction.k, strips: strips,
            rows: count)
          elementwise[instruction.kernel](&call)
        }
        row &+= height
      }
      strip &+= width
    }
  }

  /// The part of a slot that a tile is about.
  @inline(__always)
  private func operand(_ slot: Int32, _ strip: Int, _ row: Int, _ height: Int) -> Operand {
    let index = Int(slot)
    if slots[index].storage == .tile {
      return Operand(
        base: scratch.tiles.base + slots[index].index &* tileVectors &* 16,
        stripStride: height &* 16, rowStride: 16)
    }
    var operand = scratch.operands[index]
    operand.base += strip &* operand.stripStride &+ row &* operand.rowStride
    return operand
  }

  /// A slot from a row of the span on.
  private func place(_ slot: Int, _ row: Int) -> Operand {
    var operand = scratch.operands[slot]
    operand.base += row &* operand.rowStride
    return operand
  }

  private func normalize(_ stage: Stage, rows: Int) {
    let rows = share(rows)
    let a = place(stage.operand, rows.lowerBound)
    let y = place(stage.result, rows.lowerBound)
    var call = Normalization(
      a: a.base, aStripStride: a.stripStride, y: y.base, yStripStride: y.stripStride,
      scale: place(stage.auxiliary, rows.lowerBound).base, rows: rows.count, columns: stage.columns,
      epsilon: Float(Operation.layerNormEpsilon))
    kernels.normalize(&call)
  }

  private func normalizeGradient(_ stage: Stage, rows: Int) {
    let rows = share(rows)
    let g = place(stage.gradient, rows.lowerBound)
    let y = place(stage.result, rows.lowerBound)
    let d = place(stage.destination, rows.lowerBound)
    var call = NormalizationGradient(
      g: g.base, gStripStride: g.stripStride, y: y.base, yStripStride: y.stripStride,
      scale: place(stage.auxiliary, rows.lowerBound).base, d: d.base,
      dStripStride: d.stripStride, rows: rows.count, columns: stage.columns,
      accumulates: stage.accumulates)
    kernels.normalizeGradient(&call)
  }
}
