import Kernels
import Testing

@Suite struct PrimitiveTests {
  static let gradients: [(Primitive, Primitive)] = [
    (.tanh, .tanhGradient), (.sigmoid, .sigmoidGradient), (.relu, .reluGradient),
  ]

  @Test("a gradient primitive is the slope of its function", arguments: gradients)
  func slope(function: Primitive, gradient: Primitive) {
    for a in [-2.5, -0.3, 0.4, 1.7] {
      let value = { (a: Double) in function.evaluate(a, 0, 0, 0) }
      let slope = (value(a + 1e-6) - value(a - 1e-6)) / 2e-6
      #expect(abs(gradient.evaluate(3, value(a), 0, 0) - 3 * slope) < 1e-8, "at \(a)")
    }
  }
}
