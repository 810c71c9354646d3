import Glibc

/// The element-wise arithmetic that kernels offer; operations are formulas over these.
///
/// d is the destination, a, b and c the operands, k a constant of the instruction.
public enum Primitive: UInt8, CaseIterable, Sendable {
  /// k
  case fill
  case copy, add, subtract, multiply, divide, maximum, minimum
  /// a * b + c
  case multiplyAdd
  /// a * k
  case scale
  /// a + k
  case offset
  case exp, log, tanh, sigmoid, relu
  /// a above 0, a * k below.
  case leakyRelu
  case sin, cos, sqrt, abs, reciprocal
  /// 1 where a > b, else 0.
  case greater
  /// 1 where a > 0, else 0.
  case positive
  /// a * (1 - b * b), for a gradient a and a result b.
  case tanhGradient
  /// a * b * (1 - b)
  case sigmoidGradient
  /// a where b > 0, else 0.
  case reluGradient
  /// d + a
  case accumulate
  /// d + a * b
  case accumulateProduct
  /// d + a * k
  case accumulateScaled
  case accumulateTanhGradient, accumulateSigmoidGradient, accumulateReluGradient
  /// d - a
  case subtractFrom

  /// The value for one element in double precision, the reference that kernels are held to.
  ///
  /// Primitives that add to their destination give what they add.
  public func evaluate(_ a: Double, _ b: Double, _ c: Double, _ k: Double) -> Double {
    switch self {
    case .fill: k
    case .copy, .accumulate: a
    case .add: a + b
    case .subtract: a - b
    case .multiply, .accumulateProduct: a * b
    case .divide: a / b
    case .maximum: a > b || a.isNaN ? a : b
    case .minimum: a < b || a.isNaN ? a : b
    case .multiplyAdd: a * b + c
    case .scale, .accumulateScaled: a * k
    case .offset: a + k
    case .exp: Glibc.exp(a)
    case .log: Glibc.log(a)
    case .tanh: Glibc.tanh(a)
    case .sigmoid: 1 / (1 + Glibc.exp(-a))
    case .relu: a < 0 ? 0 : a
    case .leakyRelu: a > 0 ? a : a * k
    case .sin: Glibc.sin(a)
    case .cos: Glibc.cos(a)
    case .sqrt: a.squareRoot()
    case .abs: a.magnitude
    case .reciprocal: 1 / a
    case .greater: a > b ? 1 : 0
    case .positive: a > 0 ? 1 : 0
    case .tanhGradient, .accumulateTanhGradient: a * (1 - b * b)
    case .sigmoidGradient, .accumulateSigmoidGradient: a * b * (1 - b)
    case .reluGradient, .accumulateReluGradient: b > 0 ? a : 0
    case .subtractFrom: -a
    }
  }
}
