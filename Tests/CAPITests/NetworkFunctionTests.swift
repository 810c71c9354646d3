import CRNNCell
import Glibc
import Testing

@Suite struct NetworkFunctionTests {
  /// A network of two layers with a cell of two states below, and its sizes.
  private struct Fixture: ~Copyable {
    let network: OpaquePointer
    let steps = 9
    let batch = 3
    let inputSize = 5
    let outputSize = 17
    let stateSize: Int
    let input: [Float]

    init(seed: UInt64 = 1) throws {
      var cells: [OpaquePointer?] = [nil, nil]
      succeed(rnncell_cell_stock(&cells[0], "lstm"))
      succeed(rnncell_cell_stock(&cells[1], "gru"))
      defer { for cell in cells { rnncell_cell_free(cell) } }
      var options = rnncell_network_options()
      options.size = MemoryLayout<rnncell_network_options>.size
      options.seed = seed
      var made: OpaquePointer?
      succeed(rnncell_network_create(&made, cells, [7, 17], 2, 5, &options))
      network = try #require(made)
      var info = rnncell_network_info()
      info.size = MemoryLayout<rnncell_network_info>.size
      succeed(rnncell_network_describe(&info, network))
      #expect(info.state_count == 3)
      #expect(info.output_size == 17)
      stateSize = Int(info.state_size)
      var random = SystemlessRandom(seed)
      input = (0..<(9 * 3 * 5)).map { _ in random.next() }
    }

    deinit { rnncell_network_free(network) }

    func forward(lengths: [Int64]? = nil, threads: Int64 = 1) -> (y: [Float], state: [Float]) {
      var y = [Float](repeating: 9, count: steps * batch * outputSize)
      var state = [Float](repeating: 9, count: batch * stateSize)
      if let lengths {
        succeed(
          rnncell_network_forward(
            &y, &state, nil, network, input, Int64(steps), Int64(batch), lengths, nil, threads))
      } else {
        succeed(
          rnncell_network_forward(
            &y, &state, nil, network, input, Int64(steps), Int64(batch), nil, nil, threads))
      }
      return (y, state)
    }
  }

  /// Numbers from -1 to 1 that follow from a seed.
  private struct SystemlessRandom {
    var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int64(bitPattern: state) >> 40) * 0x1p-23
    }
  }

  @Test("a stream gives the same bits as a whole run, and so do other thread counts and chunks")
  func streams() throws {
    let fixture = try Fixture()
    let (y, state) = fixture.forward()
    let threaded = fixture.forward(threads: 3)
    #expect(threaded.y == y)
    #expect(threaded.state == state)

    var stream: OpaquePointer?
    succeed(rnncell_stream_create(&stream, fixture.network, 3))
    defer { rnncell_stream_free(stream) }
    var row = [Float](repeating: 0, count: 3 * 17)
    for step in 0..<9 {
      fixture.input.withUnsafeBufferPointer { input in
        succeed(rnncell_stream_step(&row, stream, input.baseAddress! + step * 15))
      }
      #expect(row == Array(y[step * 51..<(step + 1) * 51]), "step \(step)")
    }
    var streamed = [Float](repeating: 0, count: state.count)
    succeed(rnncell_stream_read_state(&streamed, Int64(state.count), stream))
    #expect(streamed == state)
    succeed(rnncell_stream_write_state(stream, nil, 0))
    succeed(rnncell_stream_step(&row, stream, fixture.input))
    #expect(row == Array(y[0..<51]))
  }

  @Test("outputs are zero past the end of a sequence, and its last state is that of its last step")
  func lengths() throws {
    let fixture = try Fixture()
    let whole = fixture.forward()
    let cut = fixture.forward(lengths: [9, 4, 0])
    for step in 0..<9 {
      for (sequence, length) in [9, 4, 0].enumerated() {
        let place = (step * 3 + sequence) * 17
        let expected =
          step < length ? Array(whole.y[place..<place + 17]) : Array(repeating: 0, count: 17)
        #expect(Array(cut.y[place..<place + 17]) == expected, "step \(step), sequence \(sequence)")
      }
    }
    // The last state in the array is h of layer 1, [B, 17].
    let h = cut.state.suffix(3 * 17)
    #expect(
      Array(h.dropFirst(17).prefix(17)) == Array(whole.y[(3 * 3 + 1) * 17..<(3 * 3 + 2) * 17]))
    #expect(Array(h.suffix(17)) == Array(repeating: 0, count: 17))
  }

  @Test("gradients agree with finite differences for a weight, an input and an initial state")
  func gradients() throws {
    let fixture = try Fixture()
    var initial = [Float](repeating: 0.1, count: 3 * fixture.stateSize)
    var input = fixture.input
    func loss() -> Double {
      var y = [Float](repeating: 0, count: 9 * 51)
      succeed(
        rnncell_network_forward(&y, nil, nil, fixture.network, input, 9, 3, nil, initial, 1))
      return y.reduce(0) { $0 + Double($1) }
    }
    var tape: OpaquePointer?
    succeed(
      rnncell_network_forward(nil, nil, &tape, fixture.network, input, 9, 3, nil, initial, 1))
    defer { rnncell_tape_free(tape) }
    var (dx, ds) = (input, initial)
    let ones = [Float](repeating: 1, count: 9 * 51)
    succeed(rnncell_tape_backward(&dx, &ds, tape, ones, nil, 2))
    var gradients: OpaquePointer?
    succeed(rnncell_tape_gradients(&gradients, tape))
    var weights: OpaquePointer?
    succeed(rnncell_network_parameters(&weights, fixture.network))

    func compare(_ gradient: Float, _ what: String, _ change: (Float) -> Void) {
      change(0.01)
      let up = loss()
      change(-0.02)
      let down = loss()
      change(0.01)
      let expected = (up - down) / 0.02
      #expect(abs(Double(gradient) - expected) < 1e-2 * max(1, abs(expected)), "\(what)")
    }
    compare(dx[33], "x") { input[33] += $0 }
    compare(ds[4], "initial state") { initial[4] += $0 }
    var info = rnncell_parameter_info()
    info.size = MemoryLayout<rnncell_parameter_info>.size
    var index: Int64 = 0
    while rnncell_parameters_describe(&info, weights, index) == RNNCELL_OK {
      var values = [Float](repeating: 0, count: Int(info.count))
      var gradient = values
      let name = String(cString: info.name)
      succeed(rnncell_parameters_read(&values, info.count, weights, name))
      succeed(rnncell_parameters_read(&gradient, info.count, gradients, name))
      let place = values.count / 2
      compare(gradient[place], name) { delta in
        values[place] += delta
        succeed(rnncell_parameters_write(weights, name, values, info.count))
      }
      index += 1
    }
    #expect(index > 10)
    fail(rnncell_tape_backward(nil, nil, tape, ones, nil, 1), RNNCELL_STATE, "changed")
  }

  @Test("a tape is run through once, and the gradients of a new one are zero until then")
  func tapeIsUsedOnce() throws {
    let fixture = try Fixture()
    let ones = [Float](repeating: 1, count: 9 * 51)
    func bias(_ tape: OpaquePointer?) -> [Float] {
      var gradients: OpaquePointer?
      succeed(rnncell_tape_gradients(&gradients, tape))
      var values = [Float](repeating: 9, count: 17)
      succeed(rnncell_parameters_read(&values, 17, gradients, "layers.1.b[z]"))
      return values
    }
    for _ in 0..<2 {
      // The second run is made of the memory of the first.
      var tape: OpaquePointer?
      succeed(
        rnncell_network_forward(nil, nil, &tape, fixture.network, fixture.input, 9, 3, nil, nil, 1))
      #expect(bias(tape).allSatisfy { $0 == 0 })
      succeed(rnncell_tape_backward(nil, nil, tape, ones, nil, 1))
      let first = bias(tape)
      #expect(first.allSatisfy { $0 != 0 })
      fail(rnncell_tape_backward(nil, nil, tape, ones, nil, 1), RNNCELL_STATE, "forward again")
      #expect(bias(tape) == first)
      rnncell_tape_free(tape)
    }
  }

  @Test("what is past the end of a sequence is ignored, even where it is no number")
  func padding() throws {
    let fixture = try Fixture()
    let lengths: [Int64] = [9, 4, 0]
    func run(_ filling: Float) -> (y: [Float], dx: [Float]) {
      var input = fixture.input
      var slopes = [Float](repeating: 1, count: 9 * 51)
      for step in 0..<9 {
        for (sequence, length) in lengths.enumerated() where step >= length {
          for element in 0..<5 { input[(step * 3 + sequence) * 5 + element] = filling }
          for element in 0..<17 { slopes[(step * 3 + sequence) * 17 + element] = filling }
        }
      }
      var (y, dx) = ([Float](repeating: 9, count: 9 * 51), input)
      var tape: OpaquePointer?
      succeed(
        rnncell_network_forward(&y, nil, &tape, fixture.network, input, 9, 3, lengths, nil, 1))
      defer { rnncell_tape_free(tape) }
      succeed(rnncell_tape_backward(&dx, nil, tape, slopes, nil, 1))
      return (y, dx)
    }
    let (zeros, noNumbers) = (run(0), run(.nan))
    #expect(zeros.y == noNumbers.y && zeros.dx == noNumbers.dx)
    var input = fixture.input
    input[3 * 5 + 5] = .nan
    fail(
      rnncell_network_forward(nil, nil, nil, fixture.network, input, 9, 3, lengths, nil, 1),
      RNNCELL_INVALID_ARGUMENT, "input[20] is nan")
  }

  @Test("numbers that single precision does not hold are refused, and nothing is changed")
  func overflow() throws {
    let fixture = try Fixture()
    var weights: OpaquePointer?
    succeed(rnncell_network_parameters(&weights, fixture.network))
    let before = fixture.forward().y
    fail(rnncell_parameters_add(weights, weights, 1e300), RNNCELL_INVALID_ARGUMENT, "1e+300")
    var values = [Float](repeating: 1e20, count: 17)
    let second = try Fixture(seed: 2)
    var other: OpaquePointer?
    succeed(rnncell_network_parameters(&other, second.network))
    succeed(rnncell_parameters_write(other, "layers.1.b[z]", values, 17))
    fail(rnncell_parameters_add(weights, other, 1e30), RNNCELL_DIVERGED, "sum")
    #expect(fixture.forward().y == before)

    // A norm is exact where the squares are not.
    var optimizer: OpaquePointer?
    var options = rnncell_fit_options()
    options.size = MemoryLayout<rnncell_fit_options>.size
    "sgd".withCString { name in
      options.optimizer = name
      succeed(rnncell_optimizer_create(&optimizer, weights, &options))
    }
    options.optimizer = nil
    defer { rnncell_optimizer_free(optimizer) }
    var index: Int64 = 0
    var info = rnncell_parameter_info()
    info.size = MemoryLayout<rnncell_parameter_info>.size
    while rnncell_parameters_describe(&info, other, index) == RNNCELL_OK {
      let zeros = [Float](repeating: 0, count: Int(info.count))
      succeed(rnncell_parameters_write(other, info.name, zeros, info.count))
      index += 1
    }
    for size: Float in [1e-25, 1e25] {
      values = [Float](repeating: 0, count: 17)
      (values[0], values[3]) = (3 * size, 4 * size)
      succeed(rnncell_parameters_write(other, "layers.1.b[z]", values, 17))
      var norm = 0.0
      succeed(rnncell_optimizer_step(&norm, optimizer, weights, other, 0))
      #expect(abs(norm / Double(size) - 5) < 1e-5)
    }
    options.clip = .infinity
    var unclipped: OpaquePointer?
    succeed(rnncell_optimizer_create(&unclipped, weights, &options))
    defer { rnncell_optimizer_free(unclipped) }
    fail(rnncell_optimizer_step(nil, unclipped, weights, other, 0), RNNCELL_DIVERGED, "clip")
  }

  @Test("a saved network runs to the same bits, and its cells are the same")
  func files() throws {
    let fixture = try Fixture(seed: 5)
    let path = "capi-test-\(getpid()).safetensors"
    defer { unlink(path) }
    succeed(rnncell_network_save(fixture.network, path))
    var loaded: OpaquePointer?
    succeed(rnncell_network_load(&loaded, path))
    defer { rnncell_network_free(loaded) }
    var y = [Float](repeating: 0, count: 9 * 51)
    succeed(rnncell_network_forward(&y, nil, nil, loaded, fixture.input, 9, 3, nil, nil, 1))
    #expect(y == fixture.forward().y)
    for layer: Int64 in [0, 1] {
      var (one, other): (OpaquePointer?, OpaquePointer?) = (nil, nil)
      succeed(rnncell_network_cell(&one, fixture.network, layer))
      succeed(rnncell_network_cell(&other, loaded, layer))
      var equal: Int32 = 0
      succeed(rnncell_cell_equal(&equal, one, other))
      #expect(equal == 1)
      rnncell_cell_free(one)
      rnncell_cell_free(other)
    }
  }
}
