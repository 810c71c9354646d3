import Cells
import Kernels

/// The memory of one layer over a whole run, and where every slot of its plan is.
final class LayerRun: @unchecked Sendable {
  let plan: Plan
  /// The cell's own states; those of the plan behind them hold masks.
  let stateCount: Int
  let batch: Int
  let blocks: RowBlocks
  /// Rows that the memory has room for: T x B.
  let capacity: Int

  /// Floats from strip to strip of the tape, and of the states and their gradients.
  private let tapeStride: Int
  private let stateStride: Int
  /// Values that keep a row for every sequence and step [tapeStrips][capacity][16].
  private let tape: Buffer<Float>
  /// The states before the first step and after every step [stateStrips][batch + capacity][16].
  let states: Buffer<Float>
  /// Values of one step [blocks][stepStrips][height][16].
  private let step: Buffer<Float>
  /// Gradients of the states, for even and odd steps [blocks][2][stateStrips][height][16].
  private let carry: Buffer<Float>
  /// Gradients of all rows of the states, where some are outside the time loop
  /// [stateStrips][batch + capacity][16].
  private let hoistedGradient: Buffer<Float>
  /// The gradient that the caller gives for the final state [stateStrips][batch][16].
  let finalGradient: Buffer<Float>
  let packed: Buffer<Float>
  private let constants: Buffer<Float>
  /// Column sums of single numbers, before they are summed [largest strips][16].
  let sums: Buffer<Float>

  /// What `packed` was made of.
  var packedVersion: UInt64 = 0
  /// Slots as `Scratch.resolve` needs them: the base of row 0, and how rows move it.
  private(set) var places: [Operand]

  /// What keeps states in training, where the network has zoneout.
  var zoneout: ZoneoutRun?

  /// Views that the network ties the layer into.
  var input: StripView
  var inputGradient: StripView
  var outputGradient: StripView

  init(_ plan: Plan, stateCount: Int, _ blocks: RowBlocks, capacity: Int) throws(Failure) {
    let batch = blocks.batch
    self.plan = plan
    self.stateCount = stateCount
    self.batch = batch
    self.blocks = blocks
    self.capacity = capacity
    func strips(_ count: Int, _ stride: Int) throws(Failure) -> Buffer<Float> {
      let (floats, overflow) = count.multipliedReportingOverflow(by: stride)
      return try Buffer(count: overflow ? .max : floats)
    }
    tapeStride = stripStride(rows: capacity)
    stateStride = stripStride(rows: batch + capacity)
    tape = try strips(plan.tapeStrips, tapeStride)
    states = try strips(plan.stateStrips, stateStride)
    let padded = blocks.positions.count * blocks.height
    step = try strips(plan.stepStrips, padded * 16)
    carry = try strips(plan.keepsTape ? 2 * plan.stateStrips : 0, padded * 16)
    let keepsHoisted = plan.keepsTape && plan.states.contains(where: \.isHoisted)
    hoistedGradient = try strips(keepsHoisted ? plan.stateStrips : 0, stateStride)
    finalGradient = try strips(plan.keepsTape ? plan.stateStrips : 0, batch * 16)
    packed = try Buffer(count: plan.packedFloats)
    constants = try Buffer(count: (plan.constants.count + 1) * 16)
    for (index, value) in plan.constants.enumerated() {
      for lane in 0..<16 { constants[(index + 1) * 16 + lane] = value }
    }
    let scalars = plan.columnSums.filter(\.isScalar)
    sums = try strips(scalars.map(\.strips).max() ?? 0, 16)
    let nowhere = StripView(base: constants.base, stripStride: 0, columns: 0)
    (input, inputGradient, outputGradient) = (nowhere, nowhere, nowhere)
    places = []
  }

  /// Sixteen zeros.
  var zeros: UnsafeMutablePointer<Float> { constants.base }

  /// Rows of state `index` from the initial ones on.
  func stateView(_ index: Int) -> StripView {
    let place = plan.states[index]
    return StripView(
      base: states.base + place.strip &* stateStride, stripStride: stateStride,
      columns: place.columns)
  }

  /// The gradients of state `index`, if it is outside the time loop, with the rows of `stateView`.
  func hoistedGradientView(_ index: Int) -> StripView {
    let place = plan.states[index]
    return StripView(
      base: hoistedGradient.base + place.strip &* stateStride, stripStride: stateStride,
      columns: place.columns)
  }

  /// The output h, a row for each sequence and step.
  var output: StripView {
    let view = stateView(0)
    return StripView(
      base: view.base + batch &* 16, stripStride: view.stripStride, columns: view.columns)
  }

  /// The gradient of state `index` that flowed out of a step, or into it: from that of the sequence at
  /// `position` to the end of its block.
  func carryView(_ index: Int, parity: Int, position: Int) -> StripView {
    let place = plan.states[index]
    let stride = blocks.height &* 16
    return StripView(
      base: carry.base + carryOffset(position) + (parity &* plan.stateStrips + place.strip)
        &* stride,
      stripStride: stride, columns: place.columns)
  }

  /// From the first float of `carry` to the even ones of a position.
  @inline(__always)
  func carryOffset(_ position: Int) -> Int { offset(position, 2 &* plan.stateStrips) }

  /// The same of the odd ones.
  var oddCarry: Int { plan.stateStrips &* blocks.height &* 16 }

  /// From the first float of a step's values to those of a position.
  @inline(__always)
  func stepOffset(_ position: Int) -> Int { offset(position, plan.stepStrips) }

  /// From the first float of memory with so many strips for each block to those of a position.
  @inline(__always)
  func offset(_ position: Int, _ strips: Int) -> Int {
    let block = blocks.block[position]
    return
      (block &* strips &* blocks.height &+ position &- blocks.positions[block].lowerBound) &* 16
  }

  /// The caller's gradient of the final value of state `index`.
  func finalGradientView(_ index: Int) -> StripView {
    let place = plan.states[index]
    let stride = batch &* 16
    return StripView(
      base: finalGradient.base + place.strip &* stride, stripStride: stride,
      columns: place.columns)
  }

  /// Works out where slots are; to be called when a view or the weights' memory changed.
  func bind(_ weights: UnsafeMutablePointer<Float>) {
    places.removeAll(keepingCapacity: true)
    for slot in plan.slots {
      func rows(_ base: UnsafeMutablePointer<Float>, _ stride: Int) -> Operand {
        Operand(base: base, stripStride: stride, rowStride: 16)
      }
      func rows(_ view: StripView) -> Operand { rows(view.base, view.stripStride) }
      switch slot.storage {
      case .none: places.append(Operand(base: zeros, stripStride: 0, rowStride: 0))
      case .input: places.append(rows(input))
      case .inputGradient: places.append(rows(inputGradient))
      case .outputGradient: places.append(rows(outputGradient))
      case .tape:
        places.append(rows(tape.base + slot.index &* tapeStride, tapeStride))
      case .previousState, .nextState: places.append(rows(stateView(slot.index)))
      case .nextStateGradient, .previousStateGradient:
        places.append(rows(carryView(slot.index, parity: 0, position: 0)))
      case .nextHoistedGradient, .previousHoistedGradient:
        places.append(rows(hoistedGradientView(slot.index)))
      case .step:
        places.append(
          rows(step.base + slot.index &* blocks.height &* 16, blocks.height &* 16))
      case .tile: places.append(rows(zeros, 0))
      case .vector:
        places.append(Operand(base: weights + slot.index, stripStride: 16, rowStride: 0))
      case .scalar:
        places.append(Operand(base: packed.base + slot.index, stripStride: 0, rowStride: 0))
      case .constant:
        places.append(
          Operand(base: zeros + (slot.index &+ 1) &* 16, stripStride: 0, rowStride: 0))
      }
    }
  }

  /// Makes again what is derived from the weights: this thread's share of it.
  func pack(_ weights: UnsafePointer<Float>, _ kernels: KernelTable, thread: Int, threads: Int) {
    for (index, packing) in plan.packings.enumerated() where index % threads == thread {
      if packing.rows > 0 {
        kernels.transposePack(
          weights + packing.source, packing.columns, packing.rows, packed.base + packing.offset)
      } else {
        (packed.base + packing.offset).update(repeating: weights[packing.source], count: 16)
      }
    }
  }
}
