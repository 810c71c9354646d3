import Kernels

/// Rows that a stage outside the time loop works on at a time.
private let blockRows = 96

/// The loops over a layer's plan, each for one thread's share of the rows.
extension StageRunner {
  /// What needs no time loop, for consecutive rows: one level of it.
  func forwardHoisted(_ rows: Rows, level: Int, _ range: Range<Int>) {
    runBlocks(layer.plan.hoisted[level], rows, level, range)
  }

  /// The gradients of what needs no time loop.
  func backwardHoisted(_ rows: Rows, level: Int, _ range: Range<Int>) {
    runBlocks(layer.plan.backwardHoisted[level], rows, level, range)
  }

  private func runBlocks(_ stages: [Stage], _ rows: Rows, _ level: Int, _ range: Range<Int>) {
    guard !stages.isEmpty else { return }
    guard level > 0 else { return runBlocks(stages, range, previousState: 0) }
    // Rows of the previous states are consecutive only while no sequence ends.
    for run in rows.runs {
      let part = range.clamped(to: run.row..<run.row &+ run.count)
      runBlocks(stages, part, previousState: run.previousState &+ part.lowerBound &- run.row)
    }
  }

  private func runBlocks(_ stages: [Stage], _ range: Range<Int>, previousState: Int) {
    var row = range.lowerBound
    while row < range.upperBound {
      let count = min(blockRows, range.upperBound &- row)
      run(
        stages,
        RowSpan(
          row: row, previousState: previousState &+ row &- range.lowerBound,
          nextState: layer.batch &+ row, count: count))
      row &+= count
    }
  }

  /// All time steps of the sequences at these positions.
  func forward(_ rows: Rows, _ positions: Range<Int>) {
    for time in 0..<rows.steps {
      let count = findSpans(rows, time, positions)
      guard count > 0 else { return }
      run(layer.plan.step, spans: count)
      if let zoneout = layer.zoneout {
        alone { for index in 0..<count { zoneout.forward(layer, scratch.spans[index], kernels) } }
      }
    }
  }

  /// The same backward; afterwards the gradients of the initial states are in the carry of odd parity.
  func backward(_ rows: Rows, _ positions: Range<Int>) {
    for time in (0..<rows.steps).reversed() {
      let active = min(positions.upperBound, rows.active[time])
      let count = findSpans(rows, time, positions)
      guard count > 0 else { continue }
      // Sequences that end with this step begin with the caller's gradient of their final state.
      let ending = max(positions.lowerBound, rows.active[time &+ 1])
      if ending < active, crew?.thread ?? 0 == 0 {
        for state in layer.plan.states.indices where !layer.plan.states[state].isHoisted {
          let source = layer.finalGradientView(state)
          for position in ending..<active {
            let target = layer.carryView(state, parity: time & 1, position: position)
            for strip in 0..<target.columns.strips {
              (target.base + strip &* target.stripStride).update(
                from: source.base + strip &* source.stripStride + position &* 16, count: 16)
            }
          }
        }
      }
      if ending < active { crew?.team.meet() }
      if let zoneout = layer.zoneout {
        alone {
          for index in 0..<count { zoneout.beforeBackward(layer, scratch.spans[index], kernels) }
        }
      }
      run(layer.plan.backwardStep, spans: count)
      if let zoneout = layer.zoneout {
        alone {
          for index in 0..<count { zoneout.afterBackward(layer, scratch.spans[index], kernels) }
        }
      }
    }
  }

  /// Does something on this thread or, where a crew shares a step, on one for all.
  private func alone(_ body: () -> Void) {
    guard let crew else { return body() }
    crew.team.meet()
    if crew.thread == 0 { body() }
    crew.team.meet()
  }

  /// Finds the rows of some positions at a step, block by block, for `run`, and says how many blocks have any.
  private func findSpans(_ rows: Rows, _ time: Int, _ positions: Range<Int>) -> Int {
    var count = 0
    var position = positions.lowerBound
    while position < positions.upperBound {
      let block = rows.blocks.block[position]
      let end = min(rows.activePositions(block, time).upperBound, positions.upperBound)
      guard position < end else { break }
      let row = rows.row(time, position)
      scratch.spans[count] = RowSpan(
        row: row, previousState: rows.previousStateRow(time, position),
        nextState: layer.batch &+ row, position: position, parity: time & 1,
        count: end &- position)
      count &+= 1
      position = rows.blocks.positions[block].upperBound
    }
    return count
  }
}

/// The gradients of a layer's parameters, divided among threads by strips of the results.
extension LayerRun {
  /// How many times the threads must meet: a gradient with several parts takes them in order.
  var gradientPasses: Int {
    max(plan.weightGradients.map(\.pass).max() ?? 0, plan.columnSums.map(\.pass).max() ?? 0) + 1
  }

  /// One share of a pass.
  func sumGradients(
    _ rows: Rows, into gradients: UnsafeMutablePointer<Float>, _ kernels: KernelTable, pass: Int,
    share index: Int, of count: Int
  ) {
    // Work is counted in strips times columns, so that shares are of about equal length.
    var total = 0
    for part in plan.weightGradients where part.pass == pass { total &+= part.strips &* part.k }
    let share = total * index / count..<total * (index + 1) / count
    var before = 0
    for part in plan.weightGradients where part.pass == pass {
      let first = strip(share.lowerBound &- before, part)
      let end = strip(share.upperBound &- before, part)
      before &+= part.strips &* part.k
      if first < end { sum(part, first, end, rows, gradients, kernels) }
    }
    for (number, part) in plan.columnSums.enumerated()
    where part.pass == pass && (part.isScalar ? 0 : number % count) == index {
      sum(part, rows, gradients, kernels)
    }
    guard pass == 0, index == 0 else { return }
    for entry in plan.untouched {
      (gradients + entry.offset).update(repeating: 0, count: entry.floatCount)
    }
  }

  /// The first strip that begins at or behind so much work.
  private func strip(_ work: Int, _ part: WeightGradientPlan) -> Int {
    min(max((work &+ part.k &- 1) / part.k, 0), part.strips)
  }

  private func sum(
    _ part: WeightGradientPlan, _ first: Int, _ end: Int, _ rows: Rows,
    _ gradients: UnsafeMutablePointer<Float>, _ kernels: KernelTable
  ) {
    let (a, z) = (places[part.a], places[part.z])
    for (index, run) in runs(rows, part.a, part.z).enumerated() {
      var call = WeightGradient(
        a: a.base + row(of: part.a, run) &* 16, aStripStride: a.stripStride,
        z: z.base + row(of: part.z, run) &* 16 + first &* z.stripStride,
        zStripStride: z.stripStride, rows: run.count, k: part.k, strips: end &- first,
        gradient: gradients + part.offset + first &* part.k &* 16,
        gradientStripStride: part.k &* 16, accumulates: part.pass > 0 || index > 0,
        padding: Padding(columns: part.columns, firstStrip: first))
      kernels.weightGradient(&call)
    }
  }

  private func sum(
    _ part: ColumnSumPlan, _ rows: Rows, _ gradients: UnsafeMutablePointer<Float>,
    _ kernels: KernelTable
  ) {
    let z = places[part.z]
    var call = ColumnSums(
      z: z.base, zStripStride: z.stripStride, rows: rows.total, strips: part.strips,
      sums: part.isScalar ? sums.base : gradients + part.offset,
      accumulates: !part.isScalar && part.pass > 0, padding: Padding(columns: part.columns))
    kernels.columnSums(&call)
    guard part.isScalar else { return }
    var sum = 0.0
    for index in 0..<part.columns { sum += Double(sums[index]) }
    let gradient = gradients + part.offset
    gradient[0] = part.pass > 0 ? gradient[0] + Float(sum) : Float(sum)
    (gradient + 1).update(repeating: 0, count: 15)
  }

  /// Rows that are consecutive in both slots: all, but for previous states of unequal lengths.
  private func runs(_ rows: Rows, _ a: Int, _ b: Int) -> [Rows.Run] {
    let readsState =
      plan.slots[a].storage == .previousState || plan.slots[b].storage == .previousState
    // Without any row the sum is zero, and has to be written all the same.
    return readsState && !rows.runs.isEmpty
      ? rows.runs : [Rows.Run(row: 0, previousState: 0, count: rows.total)]
  }

  private func row(of slot: Int, _ run: Rows.Run) -> Int {
    switch plan.slots[slot].storage {
    case .previousState: run.previousState
    case .nextState: batch &+ run.row
    default: run.row
    }
  }
}
