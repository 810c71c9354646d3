import Kernels
import Testing

@Suite struct UpdateTests {
  static let counts = [0, 1, 15, 16, 17, 64, 1000, 4099]

  private static func random(_ count: Int, _ purpose: UInt64, low: Float = -1) throws
    -> Buffer<Float>
  {
    let buffer = try Buffer<Float>(count: count + 1)
    Philox(seed: 9, purpose: purpose).fillUniform(buffer.base, count: count, low: low, high: 1)
    buffer[count] = 7
    return buffer
  }

  @Test("the squared norm agrees with double precision", arguments: tables, counts)
  func norm(table: KernelTable, count: Int) throws {
    let numbers = try Self.random(count, 0)
    let wanted = numbers.array.prefix(count).reduce(0.0) { $0 + Double($1) * Double($1) }
    let got = table.squaredNorm(UnsafePointer(numbers.base), count)
    #expect(abs(got - wanted) <= 1e-6 * wanted, "\(table.instructionSet)")
  }

  @Test("the squared norm of what is not finite is not finite", arguments: tables)
  func badNorm(table: KernelTable) throws {
    for bad in [Float.nan, .infinity] {
      let numbers = try Self.random(100, 0)
      numbers[57] = bad
      #expect(!table.squaredNorm(UnsafePointer(numbers.base), 100).isFinite)
    }
  }

  @Test(
    "descent agrees with double precision and stays within its count", arguments: tables, counts)
  func descent(table: KernelTable, count: Int) throws {
    let (weights, gradients) = (try Self.random(count, 1), try Self.random(count, 2))
    let before = weights.array
    var update = DescentUpdate(
      weights: weights.base, gradients: UnsafePointer(gradients.base), count: count, rate: 0.1,
      gradientScale: 0.5, decay: 0.01)
    table.descend(&update)
    #expect(weights[count] == 7)
    for index in 0..<count {
      let weight = Double(before[index])
      let wanted = weight - 0.1 * (0.5 * Double(gradients[index]) + 0.01 * weight)
      #expect(abs(Double(weights[index]) - wanted) < 2e-7, "\(table.instructionSet)")
    }
  }

  @Test(
    "momentum agrees with double precision and stays within its count", arguments: tables, counts)
  func momentum(table: KernelTable, count: Int) throws {
    for isNesterov in [false, true] {
      let (weights, gradients) = (try Self.random(count, 1), try Self.random(count, 2))
      let velocity = try Self.random(count, 3)
      let (w, v) = (weights.array, velocity.array)
      var update = MomentumUpdate(
        weights: weights.base, gradients: UnsafePointer(gradients.base), velocity: velocity.base,
        count: count, rate: 0.1, momentum: 0.9, isNesterov: isNesterov, gradientScale: 0.5,
        decay: 0.01)
      table.descendWithMomentum(&update)
      #expect(weights[count] == 7 && velocity[count] == 7)
      for index in 0..<count {
        let weight = Double(w[index])
        let slope = 0.5 * Double(gradients[index]) + 0.01 * weight
        let speed = 0.9 * Double(v[index]) + slope
        let wanted = weight - 0.1 * (isNesterov ? slope + 0.9 * speed : speed)
        #expect(abs(Double(velocity[index]) - speed) < 1e-6, "\(table.instructionSet)")
        #expect(abs(Double(weights[index]) - wanted) < 1e-6, "\(table.instructionSet)")
      }
    }
  }

  @Test(
    "RMSprop agrees with double precision and stays within its count", arguments: tables, counts)
  func rmsprop(table: KernelTable, count: Int) throws {
    for hasVelocity in [false, true] {
      let (weights, gradients) = (try Self.random(count, 1), try Self.random(count, 2))
      let (squares, velocity) = (try Self.random(count, 3, low: 0), try Self.random(count, 4))
      let (w, s, v) = (weights.array, squares.array, velocity.array)
      var update = RMSpropUpdate(
        weights: weights.base, gradients: UnsafePointer(gradients.base), squares: squares.base,
        velocity: hasVelocity ? velocity.base : nil, count: count, rate: 0.01, smoothing: 0.9,
        momentum: 0.8, epsilon: 1e-3, gradientScale: 0.5, decay: 0.1)
      table.rmsprop(&update)
      #expect(weights[count] == 7 && squares[count] == 7 && velocity[count] == 7)
      for index in 0..<count {
        let weight = Double(w[index])
        let slope = 0.5 * Double(gradients[index]) + 0.1 * weight
        let square = 0.9 * Double(s[index]) + 0.1 * slope * slope
        var step = slope / (square.squareRoot() + 1e-3)
        if hasVelocity { step += 0.8 * Double(v[index]) }
        #expect(abs(Double(squares[index]) - square) < 1e-6, "\(table.instructionSet)")
        #expect(
          abs(Double(weights[index]) - (weight - 0.01 * step)) < 1e-6 * max(abs(step), 1),
          "\(table.instructionSet)")
      }
    }
  }

  @Test("Adam agrees with double precision and stays within its count", arguments: tables, counts)
  func adam(table: KernelTable, count: Int) throws {
    let (weights, gradients) = (try Self.random(count, 1), try Self.random(count, 2))
    let (first, second) = (try Self.random(count, 3), try Self.random(count, 4, low: 0))
    let (w, m, v) = (weights.array, first.array, second.array)
    var update = AdamUpdate(
      weights: weights.base, gradients: UnsafePointer(gradients.base), first: first.base,
      second: second.base, count: count, rate: 0.01, beta1: 0.9, beta2: 0.99, epsilon: 1e-3,
      correction1: 0.3, correction2: 0.2, gradientScale: 0.5, decay: 0.1, decoupledDecay: 0.2)
    table.adam(&update)
    #expect(weights[count] == 7 && first[count] == 7 && second[count] == 7)
    for index in 0..<count {
      let weight = Double(w[index])
      let slope = 0.5 * Double(gradients[index]) + 0.1 * weight
      let mean = 0.9 * Double(m[index]) + 0.1 * slope
      let square = 0.99 * Double(v[index]) + 0.01 * slope * slope
      let step = mean / 0.3 / ((square / 0.2).squareRoot() + 1e-3) + 0.2 * weight
      let wanted = weight - 0.01 * step
      #expect(abs(Double(first[index]) - mean) < 1e-6, "\(table.instructionSet)")
      #expect(abs(Double(second[index]) - square) < 1e-6, "\(table.instructionSet)")
      #expect(
        abs(Double(weights[index]) - wanted) <= 1e-6 * max(abs(step), 1), "\(table.instructionSet)")
    }
  }
}
