import Cells
import Execution
import Kernels
import Support
import Testing

/// What must be the same bits, whoever computes it and in whatever pieces.
@Suite struct RunTests {
  static let cells = ["lstm", "gru", "rhn", "nascell", "mogrifier"]

  private func example(
    _ name: String, steps: Int = 7, batch: Int = 15, lengths: [Int]? = nil
  ) throws -> Case {
    let cell = try Cell.stock(name)
    return try Case(
      [cell, try Cell.stock("gru"), cell], inputSize: 19, hiddenSizes: [19, 19, 19], steps: steps,
      batch: batch, lengths: lengths, seed: 17, scale: 0.3)
  }

  @Test("results are the same bits for any number of threads", arguments: cells)
  func threads(name: String) throws {
    for lengths in [nil, [7, 1, 0, 4, 7, 2, 7, 3, 5, 7, 0, 6, 2, 7, 1]] as [[Int]?] {
      for kernels in KernelTable.all {
        let example = try example(name, lengths: lengths)
        let one = try example.run(threads: 1, kernels: kernels)
        for threads in [2, 3, 5] {
          #expect(try example.run(threads: threads, kernels: kernels) == one, "\(threads) threads")
        }
      }
    }
  }

  @Test("a sequence comes out the same bits whatever else is in the batch", arguments: cells)
  func batchSplit(name: String) throws {
    let whole = try example(name)
    let all = try whole.run()
    for sequence in 0..<whole.batch {
      var single = try example(name, batch: 1)
      single.weights.copy(from: whole.weights)
      single.input = rows(whole.input, sequence, whole.batch, 19)
      single.initialState = state(whole.initialState, sequence, whole)
      single.outputGradient = rows(whole.outputGradient, sequence, whole.batch, 19)
      single.finalStateGradient = state(whole.finalStateGradient, sequence, whole)
      let result = try single.run()
      #expect(result.output == rows(all.output, sequence, whole.batch, 19))
      #expect(result.inputGradient == rows(all.inputGradient, sequence, whole.batch, 19))
    }
  }

  /// One sequence's part of a state array.
  private func state(_ array: [Float], _ sequence: Int, _ example: Case) -> [Float] {
    example.network.states.flatMap { state in
      array[(state.offset * example.batch + sequence * state.size)...].prefix(state.size)
    }
  }

  private func rows(_ array: [Float], _ sequence: Int, _ batch: Int, _ size: Int) -> [Float] {
    (0..<array.count / (batch * size)).flatMap { step in
      array[((step * batch + sequence) * size)...].prefix(size)
    }
  }

  @Test(
    "streaming, with and without a tape, gives the whole run bit for bit",
    arguments: StockCell.all.map(\.name))
  func streaming(name: String) throws {
    for kernels in KernelTable.all {
      let example = try example(name)
      let whole = try example.run(threads: 2, kernels: kernels)
      let stream = try Stream(
        example.network, weights: example.weights, batch: example.batch, kernels: kernels)
      stream.writeState(from: example.initialState)
      var output = [Float](repeating: 0, count: stream.outputCount)
      for step in 0..<example.steps {
        let input = Array(example.input[(step * stream.inputCount)...].prefix(stream.inputCount))
        stream.step(input: input, output: &output)
        #expect(output == Array(whole.output[(step * output.count)...].prefix(output.count)))
      }
      var state = [Float](repeating: 0, count: stream.stateCount)
      stream.readState(into: &state)
      #expect(state == whole.finalState)

      let bare = try SequenceRun(
        example.network, example.weights, steps: example.steps, batch: example.batch,
        keepsTape: false, kernels: kernels)
      var all = [Float](repeating: 0, count: bare.outputCount)
      try bare.forward(
        input: example.input, initialState: example.initialState, output: &all, threads: 1)
      #expect(all == whole.output)
    }
  }

  @Test("numbers too small for full precision are 0 in runs and streams, and not for the caller")
  func denormals() throws {
    let cell = try Cell(parsing: "h' = 0.5 * h + product(x)")
    var example = try Case([cell], inputSize: 3, hiddenSizes: [3], steps: 2, batch: 4, seed: 5)
    let least = Float.leastNormalMagnitude
    example.input = example.input.map { _ in 0 }
    example.initialState = example.initialState.map { _ in least }
    example.outputGradient = example.outputGradient.map { _ in 0 }
    example.finalStateGradient = example.finalStateGradient.map { _ in least }
    for kernels in KernelTable.all {
      for threads in [1, 2, 3] {
        let result = try example.run(threads: threads, kernels: kernels)
        #expect(result.output.allSatisfy { $0 == 0 }, "\(threads) threads")
        #expect(result.initialStateGradient.allSatisfy { $0 == 0 }, "\(threads) threads")
      }
      let stream = try Stream(
        example.network, weights: example.weights, batch: example.batch, kernels: kernels)
      stream.writeState(from: example.initialState)
      var output = [Float](repeating: .nan, count: stream.outputCount)
      stream.step(input: example.input, output: &output)
      #expect(output.allSatisfy { $0 == 0 })
    }
    #expect(least / Float(example.steps) > 0)
  }

  @Test("threads that share the strips of a step take the same bits from maps of unlike operands")
  func sharedStrips() throws {
    // The product with h is one for f and g, that with c is added to g alone.
    let cell = try Cell(
      parsing: """
        f = sigmoid(linear(x, h))
        g = tanh(linear(x, h, c))
        c' = f * c + (1 - f) * g
        h' = tanh(c')
        """)
    let example = try Case([cell], inputSize: 8, hiddenSizes: [256], steps: 120, batch: 1, seed: 5)
    let one = try example.run(threads: 1)
    for attempt in 0..<8 {
      for threads in [2, 3, 4] {
        #expect(try example.run(threads: threads) == one, "\(threads) threads, \(attempt)")
      }
    }
  }

  @Test("without a step of any sequence all gradients are zero, in memory that was used before too")
  func noSteps() throws {
    let cell = try Cell(parsing: "h' = tanh(linear(x, h))")
    let pool = RunPool()
    for lengths in [nil, [0, 0]] as [[Int]?] {
      var example = try Case([cell], inputSize: 3, hiddenSizes: [5], steps: 4, batch: 2, seed: 5)
      example.lengths = lengths
      let run = try pool.take(
        example.network, example.weights, steps: 4, batch: 2, keepsTape: true)
      _ = try example.result(of: run, threads: 1)
      for entry in run.gradients.layout.entries {
        let isZero = run.gradients.read(entry).allSatisfy { $0 == 0 }
        #expect(isZero == (lengths != nil), "\(entry.name)")
      }
      pool.give(run)
    }
  }

  @Test("a run that was used before gives the bits of a new one, whatever it was used for")
  func pooled() throws {
    let example = try example("gru")
    let pool = RunPool()
    func run(_ lengths: [Int]?) throws -> (SequenceRun, Case.Result) {
      let run = try pool.take(
        example.network, example.weights, steps: example.steps, batch: example.batch,
        keepsTape: true)
      var example = example
      example.lengths = lengths
      return (run, try example.result(of: run, threads: 2))
    }
    let full = Array(repeating: example.steps, count: example.batch)
    let uneven = full.indices.map { max(example.steps - 2 * $0, 0) }
    let backwards = Array(uneven.reversed())
    var memory: Set<ObjectIdentifier> = []
    for lengths in [nil, uneven, backwards, nil, full, uneven] as [[Int]?] {
      let (used, result) = try run(lengths)
      memory.insert(ObjectIdentifier(used))
      var fresh = example
      fresh.lengths = lengths
      #expect(try result == fresh.run())
      pool.give(used)
    }
    #expect(memory.count == 1, "the memory was not used again")
    let (first, second) = (try run(nil), try run(uneven))
    #expect(first.0 !== second.0, "two runs at a time share memory")
    #expect(first.1 != second.1)
  }

  @Test("segments with carried state give the whole run bit for bit", arguments: [1, 2, 3, 7])
  func chunks(size: Int) throws {
    let example = try example("lstm_peephole")
    let whole = try example.run()
    let team = try Team(threads: 2)
    let unroll = try Unroll(
      example.network, weights: example.weights, gradients: nil, steps: size, batch: example.batch)
    unroll.loadState(example.initialState)
    var step = 0
    var output: [Float] = []
    while step < example.steps {
      let count = min(size, example.steps - step)
      try unroll.prepare(steps: count, lengths: nil)
      for index in 0..<(count * example.batch) {
        let at = (step * example.batch + index) * example.network.inputSize
        let row = unroll.rows.row(index / example.batch, index % example.batch)
        unroll.input.setRow(row, Array(example.input[at...].prefix(example.network.inputSize)))
      }
      try unroll.forward(team)
      for index in 0..<(count * example.batch) {
        var values = [Float](repeating: 0, count: example.network.outputSize)
        let row = unroll.rows.row(index / example.batch, index % example.batch)
        unroll.output.getRow(row, &values)
        output += values
      }
      unroll.carryState()
      step += count
    }
    #expect(output == whole.output)
    var state = [Float](repeating: 0, count: whole.finalState.count)
    unroll.storeState(&state)
    // The state was carried: what is initial now is the final one.
    try unroll.prepare(steps: 1, lengths: Array(repeating: 0, count: example.batch))
    unroll.storeState(&state)
    #expect(state == whole.finalState)
  }

  @Test("layers of different cells and sizes agree with the interpreter")
  func layers() throws {
    let example = try Case(
      [try Cell.stock("lstm"), try Cell.stock("gru"), try Cell.stock("minimal_gru")], inputSize: 9,
      hiddenSizes: [21, 5, 18], steps: 6, batch: 5, lengths: [6, 2, 5, 0, 1], seed: 23, scale: 0.4)
    let right = example.reference()
    for (what, values) in example.named(try example.run(threads: 3)) {
      expectClose(values, try #require(right[what]), 1e-4, what)
    }
  }

  @Test("dropout scales what it keeps, repeats for a seed, and its gradient has the same mask")
  func dropout() throws {
    let example = try example("lstm")
    let size = 19
    func run(_ dropout: Dropout?, threads: Int) throws -> (output: [Float], gradient: [Float]) {
      let gradients = try ParameterBuffer(example.weights.layout)
      let unroll = try Unroll(
        example.network, weights: example.weights, gradients: gradients, steps: example.steps,
        batch: example.batch)
      let team = try Team(threads: threads)
      unroll.dropout = dropout
      var output: [Float] = []
      var gradient: [Float] = []
      let rows = example.steps * example.batch
      for index in 0..<rows {
        let row = unroll.rows.row(index / example.batch, index % example.batch)
        unroll.input.setRow(row, Array(example.input[(index * size)...].prefix(size)))
        unroll.outputGradient.setRow(row, Array(repeating: 1, count: size))
      }
      try unroll.forward(team)
      try unroll.backward(team)
      for index in 0..<rows {
        let row = unroll.rows.row(index / example.batch, index % example.batch)
        var values = [Float](repeating: 0, count: size)
        unroll.output.getRow(row, &values)
        output += values
        unroll.inputGradient.getRow(row, &values)
        gradient += values
      }
      return (output, gradient)
    }
    let plain = try run(nil, threads: 1)
    for isVariational in [false, true] {
      let dropout = Dropout(rate: 0.4, isVariational: isVariational, seed: 9)
      let one = try run(dropout, threads: 1)
      let three = try run(dropout, threads: 3)
      #expect(one == three)
      let dropped = one.output.filter { $0 == 0 }.count
      #expect(abs(Double(dropped) / Double(one.output.count) - 0.4) < 0.12)
      let other = try run(Dropout(rate: 0.4, isVariational: isVariational, seed: 10), threads: 1)
      #expect(other.output != one.output)
      // Where x was dropped, nothing flows back.
      #expect(one.gradient.filter { $0 == 0 }.count > one.gradient.count / 4)
      #expect(plain.gradient.allSatisfy { $0 != 0 })
      if isVariational {
        let rows = stride(from: 0, to: one.output.count, by: example.batch * size)
        let masks = rows.map { start in one.output[start..<start + size].map { $0 == 0 } }
        #expect(Set(masks).count == 1, "one mask for all steps")
      }
    }
    #expect(try run(Dropout(rate: 0, seed: 1), threads: 1) == plain)
  }

  @Test("sizes out of range, lengths and layouts that do not fit are refused with their value")
  func errors() throws {
    let lstm = try Cell.stock("lstm")
    var layout = ParameterLayout()
    #expect(throws: Failure.self) {
      try Network(cells: [], inputSize: 1, hiddenSizes: [], layout: &layout)
    }
    #expect(throws: Failure.self) {
      try Network(cells: [lstm], inputSize: 0, hiddenSizes: [1], layout: &layout)
    }
    #expect(throws: Failure.self) {
      try Network(cells: [lstm], inputSize: 1, hiddenSizes: [1, 2], layout: &layout)
    }
    let network = try Network(cells: [lstm], inputSize: 2, hiddenSizes: [3], layout: &layout)
    let weights = try ParameterBuffer(layout)
    for (steps, batch, lengths) in [
      (0, 1, nil), (1, 0, nil), (2, 1, [3]), (2, 1, [-1]), (2, 2, [1]), (-5, 1, nil),
    ] as [(Int, Int, [Int]?)] {
      let failure = #expect(throws: Failure.self) {
        try SequenceRun(network, weights, steps: steps, batch: batch, keepsTape: true)
          .forward(input: [0, 0, 0, 0, 0, 0], initialState: nil, lengths: lengths, threads: 1)
      }
      #expect(failure?.kind == .invalidArgument)
    }
    let huge = #expect(throws: Failure.self) {
      try SequenceRun(
        network, weights, steps: Limits.steps, batch: Limits.batch, keepsTape: true)
    }
    #expect(huge?.kind == .limit)
    let run = try SequenceRun(
      network, weights, steps: 1, batch: 1, keepsTape: false)
    let failure = #expect(throws: Failure.self) {
      try run.backward(outputGradient: nil, finalStateGradient: nil, threads: 1)
    }
    #expect(failure?.kind == .state)
  }

  @Test("a network starts from the same weights for a seed, with the forget gate as asked")
  func initialization() throws {
    var layout = ParameterLayout()
    let network = try Network(
      cells: [try Cell.stock("lstm")], inputSize: 7, hiddenSizes: [25], layout: &layout)
    func weights(_ seed: UInt64, _ start: Initialization) throws -> [String: [Float]] {
      let buffer = try ParameterBuffer(layout)
      network.initialize(buffer, seed: seed, start)
      return Dictionary(
        uniqueKeysWithValues: layout.entries.map { ($0.name, buffer.read($0)) })
    }
    let standard = try weights(1, Initialization())
    #expect(try standard == weights(1, Initialization()))
    #expect(try standard != weights(2, Initialization()))
    #expect(standard["layers.0.b[f]"] == Array(repeating: 1, count: 25))
    #expect(standard["layers.0.b[i]"] == Array(repeating: 0, count: 25))
    #expect(standard["layers.0.W[i, h]"]?.allSatisfy { abs($0) <= 0.2 } == true)
    let uniform = try weights(1, Initialization(range: 0.1))
    #expect(uniform.values.joined().allSatisfy { abs($0) <= 0.1 })
    #expect(Set(uniform["layers.0.b[f]"] ?? []).count > 5)
    let given = try weights(1, Initialization(range: 0.1, forgetBias: .value(0)))
    #expect(given["layers.0.b[f]"] == Array(repeating: 0, count: 25))
  }

  @Test(
    "a network starts from the numbers of Philox one at a time, one stretch of 2^40 for each array",
    arguments: ["h' = tanh(linear(x, h))", "h' = tanh(linear(x, h, blocks=3) + vector(v) * h)"])
  func startingNumbers(equations: String) throws {
    let cell = try Cell(parsing: equations)
    var layout = ParameterLayout()
    let network = try Network(
      cells: [cell, cell], inputSize: 21, hiddenSizes: [21, 21], layout: &layout)
    let buffer = try ParameterBuffer(layout)
    let random = Philox(seed: 77, purpose: 0x696E_6974)
    for range in [nil, 0.05] {
      network.initialize(buffer, seed: 77, Initialization(range: range))
      for (index, entry) in network.parameters.joined().enumerated() {
        let scale = Float(range ?? 1 / 21.0.squareRoot())
        let isZero = range == nil && entry.role == .bias
        let wanted = (0..<entry.count).map { place in
          isZero ? 0 : (2 * random.uniform(UInt64(index) << 40 + UInt64(place)) - 1) * scale
        }
        #expect(buffer.read(entry) == wanted, "\(entry.name) of range \(range ?? 0)")
      }
    }
  }

  @Test(
    "of a block-diagonal matrix only what lies in its blocks is kept",
    arguments: [(36, 24, 3), (20, 20, 4), (48, 48, 2), (5, 5, 5), (64, 32, 4), (21, 9, 1)])
  func clearedOutsideBlocks(rows: Int, columns: Int, blocks: Int) throws {
    var layout = ParameterLayout()
    try layout.addMatrix("a", rows: rows, columns: columns, blocks: blocks)
    let buffer = try ParameterBuffer(layout)
    let entry = layout.entries[0]
    let count = rows.strips * 16 * columns
    for place in 0..<count { buffer.values.base[entry.offset + place] = .nan }
    buffer.clearPadding(entry)
    for place in 0..<count {
      let (strip, k, lane) = (place / 16 / columns, place / 16 % columns, place % 16)
      let row = strip * 16 + lane
      let isKept = row < rows && row / (rows / blocks) == k / (columns / blocks)
      let value = buffer.values.base[entry.offset + place]
      #expect(isKept ? value.isNaN : value == 0, "row \(row), column \(k)")
    }
  }
}
