import Cells
import Execution
import Kernels
import Support
import Testing

/// Layers in both directions, residual layers and zoneout.
@Suite("Wiring")
struct WiringTests {
  static let wirings = [
    Wiring(isBidirectional: true), Wiring(isResidual: true),
    Wiring(isBidirectional: true, isResidual: true),
  ]
  static let cells = [["lstm"], ["gru", "lstm"], ["qrnn", "elman", "darts_v2"], ["scrn", "gru"]]

  static func make(
    _ names: [String], _ wiring: Wiring, inputSize: Int = 5, hidden: Int = 9,
    batch: Int = 5, lengths: [Int]? = nil
  ) throws -> Case {
    try Case(
      names.map { try Cell.stock($0) }, inputSize: inputSize,
      hiddenSizes: names.map { _ in hidden }, steps: 6, batch: batch, lengths: lengths,
      wiring: wiring, seed: 3, scale: 0.6)
  }

  @Test(
    "The plan agrees with the interpreter, with full and unequal lengths", arguments: wirings, cells
  )
  func reference(wiring: Wiring, names: [String]) throws {
    // Inputs of a layer's size make it residual, sizes of whole strips and others.
    for (inputSize, hidden) in [(5, 9), (9, 9), (16, 16), (18, 18), (40, 20)] {
      for lengths in [nil, [6, 0, 3, 5, 1]] {
        let test = try Self.make(
          names, wiring, inputSize: inputSize, hidden: hidden, lengths: lengths)
        let found = test.named(try test.run())
        for (what, right) in test.reference() {
          expectClose(found[what] ?? [], right, 1e-4, "\(what) of \(names) \(wiring)")
        }
      }
    }
  }

  @Test("Results are the same bits for any number of threads", arguments: wirings)
  func threads(wiring: Wiring) throws {
    for lengths in [nil, [2, 6, 6, 4, 0, 6, 1, 6, 6, 3, 6, 5, 2, 6]] {
      let test = try Self.make(
        ["lstm", "gru"], wiring, inputSize: 16, hidden: 16, batch: 14, lengths: lengths)
      let right = test.reference()
      for (what, values) in test.named(try test.run()) {
        expectClose(values, try #require(right[what]), 1e-4, "\(what) of \(wiring)")
      }
      let one = try test.run(threads: 1)
      #expect(try test.run(threads: 2) == one)
      #expect(try test.run(threads: 3) == one)
    }
  }

  @Test("Zoneout that is not drawn is the mean of each state and what it would become")
  func zoneoutMean() throws {
    let plain = """
      f = sigmoid(linear(x, h))
      c' = blend(f, c, tanh(linear(x, h)))
      h' = tanh(c')
      """
    let mean = """
      f = sigmoid(linear(x, h))
      d = blend(f, c, tanh(linear(x, h)))
      c' = blend(0.25, c, d)
      h' = blend(0.25, h, tanh(d))
      """
    var results: [Case.Result] = []
    for (text, zoneout) in [(plain, 0.25), (mean, 0)] {
      let test = try Case(
        [try Cell(parsing: text)], inputSize: 5, hiddenSizes: [9], steps: 6, batch: 5,
        wiring: Wiring(zoneout: zoneout), seed: 3)
      results.append(try test.run())
    }
    expectClose(results[0].output, results[1].output.map { Double($0) }, 1e-6, "output")
    expectClose(
      results[0].inputGradient, results[1].inputGradient.map { Double($0) }, 1e-5, "gradient")
  }

  @Test("States that no state decides, such as kept inputs, have no zoneout, drawn or not")
  func zoneoutOfKeptInputs() throws {
    let cell = try Cell(parsing: "h' = tanh(linear(x, p, q))\np' = x\nq' = p")
    var outputs: [[Float]] = []
    for (zoneout, draws) in [(0.0, false), (0.5, false), (0.5, true)] {
      var layout = ParameterLayout()
      let network = try Network(
        cells: [cell], inputSize: 3, hiddenSizes: [4], wiring: Wiring(zoneout: zoneout),
        layout: &layout)
      let (weights, gradients) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
      network.initialize(weights, seed: 1)
      let unroll = try Unroll(
        network, weights: weights, gradients: gradients, steps: 6, batch: 2, drawsZoneout: draws)
      for row in 0..<12 { unroll.input.setRow(row, [Float(row), 1, -Float(row)]) }
      unroll.zeroState()
      try unroll.forward(try Team(threads: 1))
      var all = [Float](repeating: 0, count: 48)
      all.withUnsafeMutableBufferPointer { all in
        for row in 0..<12 { unroll.output.getRow(row, all.baseAddress! + 4 * row) }
      }
      outputs.append(all)
    }
    #expect(outputs[1] == outputs[0])
    #expect(outputs[2] == outputs[0])
  }

  @Test("Zoneout that is drawn keeps as many elements as its rate says, from step to step")
  func zoneoutMasks() throws {
    // h' = v counts nothing: what is not v has been kept from the start.
    let cell = try Cell(parsing: "h' = vector(v) + 0 * h")
    var layout = ParameterLayout()
    let network = try Network(
      cells: [cell], inputSize: 1, hiddenSizes: [64], wiring: Wiring(zoneout: 0.5),
      layout: &layout)
    let (weights, gradients) = (try ParameterBuffer(layout), try ParameterBuffer(layout))
    weights.write(layout.entries[0], from: [Float](repeating: 1, count: 64))
    let unroll = try Unroll(
      network, weights: weights, gradients: gradients, steps: 3, batch: 16, drawsZoneout: true)
    unroll.dropout = Dropout(rate: 0, seed: 5)
    unroll.zeroState()
    try unroll.forward(try Team(threads: 2))
    func kept(_ step: Int) -> Double {
      var zeros = 0
      for position in 0..<16 {
        let row = unroll.rows.row(step, position)
        var values = [Float](repeating: 9, count: 64)
        values.withUnsafeMutableBufferPointer { unroll.output.getRow(row, $0.baseAddress!) }
        #expect(values.allSatisfy { $0 == 0 || $0 == 1 })
        zeros += values.filter { $0 == 0 }.count
      }
      return Double(zeros) / 1024
    }
    #expect(abs(kept(0) - 0.5) < 0.06)
    #expect(abs(kept(1) - 0.25) < 0.06)
    #expect(abs(kept(2) - 0.125) < 0.05)
  }
}
