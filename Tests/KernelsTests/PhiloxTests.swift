import Kernels
import Testing

@Suite struct PhiloxTests {
  /// The known answers that the authors publish with Random123.
  static let known: [(SIMD4<UInt32>, SIMD2<UInt32>, SIMD4<UInt32>)] = [
    (
      SIMD4(0, 0, 0, 0), SIMD2(0, 0),
      SIMD4(0x6627_E8D5, 0xE169_C58D, 0xBC57_AC4C, 0x9B00_DBD8)
    ),
    (
      SIMD4(repeating: .max), SIMD2(repeating: .max),
      SIMD4(0x408F_276D, 0x41C8_3B0E, 0xA20B_C7C6, 0x6D54_51FD)
    ),
    (
      SIMD4(0x243F_6A88, 0x85A3_08D3, 0x1319_8A2E, 0x0370_7344), SIMD2(0xA409_3822, 0x299F_31D0),
      SIMD4(0xD16C_FE09, 0x94FD_CCEB, 0x5001_E420, 0x2412_6EA1)
    ),
  ]

  @Test("the bijection gives the published answers", arguments: known)
  func knownAnswers(answer: (SIMD4<UInt32>, SIMD2<UInt32>, SIMD4<UInt32>)) {
    #expect(Philox.block(counter: answer.0, key: answer.1) == answer.2)
  }

  @Test("uniform numbers fill [0, 1) evenly")
  func uniform() {
    let random = Philox(seed: 5, purpose: 1)
    var counts = Array(repeating: 0, count: 16)
    var (sum, least, most) = (0.0, Float(1), Float(0))
    for index in 0..<160_000 {
      let number = random.uniform(UInt64(index))
      (least, most) = (min(least, number), max(most, number))
      sum += Double(number)
      counts[Int(number * 16)] += 1
    }
    #expect(least >= 0 && most < 1)
    #expect(abs(sum / 160_000 - 0.5) < 0.003)
    // 15 degrees of freedom: above 37.7 once in a thousand.
    let chiSquare = counts.reduce(0.0) {
      $0 + (Double($1) - 10_000) * (Double($1) - 10_000) / 10_000
    }
    #expect(chiSquare < 37.7)
  }

  @Test("normal numbers have the moments of the normal distribution")
  func normal() {
    let random = Philox(seed: 6, purpose: 2)
    let numbers = (0..<100_000).map { Double(random.normal($0)) }
    let moments = (1...4).map { power in
      numbers.reduce(0.0) { sum, x in sum + (0..<power).reduce(1.0) { p, _ in p * x } } / 100_000
    }
    #expect(abs(moments[0]) < 0.013 && abs(moments[1] - 1) < 0.018)
    #expect(abs(moments[2]) < 0.05 && abs(moments[3] - 3) < 0.13)
  }

  @Test("seeds, purposes and indices give different numbers, the same ones the same")
  func independence() {
    let bits = [(1, 1), (1, 2), (2, 1)].flatMap { seed, purpose in
      (0..<1000).map { Philox(seed: UInt64(seed), purpose: UInt64(purpose)).bits($0) }
    }
    #expect(Set(bits).count > 2990)
    #expect(Philox(seed: 1, purpose: 1).bits(12) == bits[12])
  }

  @Test("filling in pieces gives the numbers of filling at once")
  func pieces() throws {
    let (whole, parts) = (try Buffer<Float>(count: 100), try Buffer<Float>(count: 100))
    let random = Philox(seed: 3, purpose: 4)
    random.fillUniform(whole.base, count: 100, low: -0.1, high: 0.1)
    random.fillUniform(parts.base, count: 33, low: -0.1, high: 0.1)
    random.fillUniform(parts.base + 33, count: 67, low: -0.1, high: 0.1, first: 33)
    #expect(whole.array == parts.array)
    #expect(whole.array.allSatisfy { $0 >= -0.1 && $0 < 0.1 })
  }

  @Test("a dropout mask keeps its share and scales by it")
  func mask() throws {
    let mask = try Buffer<Float>(count: 10_000)
    Philox(seed: 3, purpose: 5).fillMask(mask.base, count: 10_000, keep: 0.8)
    #expect(mask.array.allSatisfy { $0 == 0 || $0 == 1.25 })
    #expect(abs(mask.array.reduce(0, +) / 10_000 - 1) < 0.02)
  }
}
