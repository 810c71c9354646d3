import Cells
import Kernels

/// Vectors of 16 floats that a chain works on at a time: 2 KiB of each value, so that all values of a
/// chain stay in the first-level cache.
private let tileVectors = 32

/// Floats of weights that meet all blocks of rows before the next: they stay in the second-level cache.
private let weightFloats = 1 << 16

/// What one thread needs beside the layer's memory, made before the time loop.
final class Scratch: @unchecked Sendable {
  let tiles: Buffer<Float>
  /// The blocks of a step.
  let spans: UnsafeMutablePointer<RowSpan>
  /// The slots at the rows of each.
  let operands: UnsafeMutablePointer<Operand>
  let segments: UnsafeMutablePointer<Segment>
  init(_ plan: Plan, blocks: Int) throws(Failure) {
    tiles = try Buffer(count: plan.tileSlots * tileVectors * 16)
    let segmentCount = plan.products.map(\.segmentCount).max() ?? 0
    spans = .allocate(capacity: blocks)
    operands = .allocate(capacity: max(plan.slots.count * blocks, 1))
    segments = .allocate(capacity: max(segmentCount, 1))
  }

  deinit {
    spans.deallocate()
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
    scratch.spans[0] = span
    run(stages, spans: 1)
  }

  /// Runs stages on the first of the scratch's spans.
  func run(_ stages: [Stage], spans count: Int) {
    for index in 0..<count { resolve(scratch.spans[index], to: operands(index)) }
    for stage in stages {
      if stage.kind == .products {
        runProducts(stage, spans: count)
      } else {
        for index in 0..<count {
          let (operands, rows) = (operands(index), scratch.spans[index].count)
          switch stage.kind {
          case .products: break
          case .chain: runChain(stage, operands, rows: rows)
          case .normalize: normalize(stage, operands, rows: rows)
          case .normalizeGradient: normalizeGradient(stage, operands, rows: rows)
          }
        }
      }
      crew?.team.meet()
    }
  }

  /// The slots at the rows of a span.
  @inline(__always)
  private func operands(_ span: Int) -> UnsafeMutablePointer<Operand> {
    scratch.operands + span &* slots.count
  }

  /// What this thread does of so many strips or rows.
  @inline(__always)
  private func share(_ count: Int) -> Range<Int> { crew?.share(count) ?? 0..<count }

  /// Points every slot at the rows of the span.
  private func resolve(_ span: RowSpan, to operands: UnsafeMutablePointer<Operand>) {
    let (step, even) = (layer.stepOffset(span.position), layer.carryOffset(span.position))
    let odd = layer.oddCarry
    for index in slots.indices {
      var operand = places[index]
      switch slots[index].storage {
      case .input, .inputGradient, .outputGradient, .tape: operand.base += span.row &* 16
      case .previousState, .previousHoistedGradient: operand.base += span.previousState &* 16
      case .nextState, .nextHoistedGradient: operand.base += span.nextState &* 16
      case .nextStateGradient: operand.base += even &+ span.parity &* odd
      case .previousStateGradient: operand.base += even &+ (1 &- span.parity) &* odd
      case .step: operand.base += step
      case .none, .tile, .vector, .scalar, .constant: break
      }
      operands[index] = operand
    }
  }

  /// Of several spans all meet the same weights before the next.
  private func runProducts(_ stage: Stage, spans: Int) {
    for index in stage.first..<(stage.first &+ stage.count) {
      let product = products[index]
      let all = share(product.strips)
      var size = all.count
      if spans > 1 {
        var depth = 0
        for number in 0..<product.segmentCount {
          depth &+= segments[product.firstSegment &+ number].k
        }
        size = max(weightFloats / (max(depth, 1) &* 16) & ~3, 4)
      }
      var strip = all.lowerBound
      while strip < all.upperBound {
        let end = min(strip &+ size, all.upperBound)
        for index in 0..<spans {
          run(product, strip..<end, operands(index), rows: scratch.spans[index].count)
        }
        strip = end
      }
    }
  }

  /// Some strips of a product.
  private func run(
    _ product: ProductPlan, _ strips: Range<Int>, _ operands: UnsafeMutablePointer<Operand>,
    rows: Int
  ) {
    let packed = UnsafePointer(layer.packed.base)
    for number in 0..<product.segmentCount {
      let segment = segments[product.firstSegment &+ number]
      let operand = operands[segment.slot]
      let matrix = (segment.isPacked ? packed : UnsafePointer(weights)) + segment.offset
      scratch.segments[number] = Segment(
        a: operand.base, aStripStride: operand.stripStride,
        b: matrix + strips.lowerBound &* segment.k &* 16, bStripStride: segment.k &* 16,
        k: segment.k)
    }
    var c = operands[product.c]
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

  /// Runs a chain tile by tile.
  private func runChain(_ stage: Stage, _ operands: UnsafeMutablePointer<Operand>, rows: Int) {
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
            d: operand(instruction.d, operands, strip, row, height),
            a: operand(instruction.a, operands, strip, row, height),
            b: operand(instruction.b, operands, strip, row, height),
            c: operand(instruction.c, operands, strip, row, height), k: instruction.k,
            strips: strips, rows: count)
          elementwise[instruction.kernel](&call)
        }
        row &+= height
      }
      strip &+= width
    }
  }

  /// The part of a slot that a tile is about.
  @inline(__always)
  private func operand(
    _ slot: Int32, _ operands: UnsafeMutablePointer<Operand>, _ strip: Int, _ row: Int,
    _ height: Int
  ) -> Operand {
    let index = Int(slot)
    if slots[index].storage == .tile {
      return Operand(
        base: scratch.tiles.base + slots[index].index &* tileVectors &* 16,
        stripStride: height &* 16, rowStride: 16)
    }
    var operand = operands[index]
    operand.base += strip &* operand.stripStride &+ row &* operand.rowStride
    return operand
  }

  private func normalize(_ stage: Stage, _ operands: UnsafeMutablePointer<Operand>, rows: Int) {
    let rows = share(rows)
    let a = operands[stage.operand].from(row: rows.lowerBound)
    let y = operands[stage.result].from(row: rows.lowerBound)
    var call = Normalization(
      a: a.base, aStripStride: a.stripStride, y: y.base, yStripStride: y.stripStride,
      scale: operands[stage.auxiliary].from(row: rows.lowerBound).base, rows: rows.count,
      columns: stage.columns, epsilon: Float(Operation.layerNormEpsilon))
    kernels.normalize(&call)
  }

  private func normalizeGradient(
    _ stage: Stage, _ operands: UnsafeMutablePointer<Operand>, rows: Int
  ) {
    let rows = share(rows)
    let g = operands[stage.gradient].from(row: rows.lowerBound)
    let y = operands[stage.result].from(row: rows.lowerBound)
    let d = operands[stage.destination].from(row: rows.lowerBound)
    var call = NormalizationGradient(
      g: g.base, gStripStride: g.stripStride, y: y.base, yStripStride: y.stripStride,
      scale: operands[stage.auxiliary].from(row: rows.lowerBound).base, d: d.base,
      dStripStride: d.stripStride, rows: rows.count, columns: stage.columns,
      accumulates: stage.accumulates)
    kernels.normalizeGradient(&call)
  }
}

extension Operand {
  /// From a row on.
  fileprivate func from(row: Int) -> Operand {
    Operand(base: base + row &* rowStride, stripStride: stripStride, rowStride: rowStride)
  }
}
