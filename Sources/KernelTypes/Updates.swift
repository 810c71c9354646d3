/// w -= rate * (g * gradientScale + decay * w) over flat arrays.
public struct DescentUpdate {
  public var weights: UnsafeMutablePointer<Float>
  public var gradients: UnsafePointer<Float>
  public var count: Int
  public var rate: Float
  /// The factor of clipping, 1 for none.
  public var gradientScale: Float
  /// Weight of the L2 penalty's gradient.
  public var decay: Float

  public init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>, count: Int,
    rate: Float, gradientScale: Float = 1, decay: Float = 0
  ) {
    self.weights = weights
    self.gradients = gradients
    self.count = count
    self.rate = rate
    self.gradientScale = gradientScale
    self.decay = decay
  }
}

/// v = momentum v + g'; w -= rate * v, or rate * (g' + momentum v) after Nesterov, over flat arrays, with
/// g' = g * gradientScale + decay * w.
public struct MomentumUpdate {
  public var weights: UnsafeMutablePointer<Float>
  public var gradients: UnsafePointer<Float>
  public var velocity: UnsafeMutablePointer<Float>
  public var count: Int
  public var rate: Float
  public var momentum: Float
  public var isNesterov: Bool
  public var gradientScale: Float
  public var decay: Float

  public init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    velocity: UnsafeMutablePointer<Float>, count: Int, rate: Float, momentum: Float,
    isNesterov: Bool, gradientScale: Float = 1, decay: Float = 0
  ) {
    self.weights = weights
    self.gradients = gradients
    self.velocity = velocity
    self.count = count
    self.rate = rate
    self.momentum = momentum
    self.isNesterov = isNesterov
    self.gradientScale = gradientScale
    self.decay = decay
  }
}

/// s = smoothing s + (1 - smoothing) g'^2; w -= rate * u with u = g' / (sqrt(s) + epsilon), or with
/// v = momentum v + u in the place of u where there is a velocity, over flat arrays.
public struct RMSpropUpdate {
  public var weights: UnsafeMutablePointer<Float>
  public var gradients: UnsafePointer<Float>
  public var squares: UnsafeMutablePointer<Float>
  public var velocity: UnsafeMutablePointer<Float>?
  public var count: Int
  public var rate: Float
  public var smoothing: Float
  public var momentum: Float
  public var epsilon: Float
  public var gradientScale: Float
  public var decay: Float

  public init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    squares: UnsafeMutablePointer<Float>, velocity: UnsafeMutablePointer<Float>?, count: Int,
    rate: Float, smoothing: Float, momentum: Float, epsilon: Float, gradientScale: Float = 1,
    decay: Float = 0
  ) {
    self.weights = weights
    self.gradients = gradients
    self.squares = squares
    self.velocity = velocity
    self.count = count
    self.rate = rate
    self.smoothing = smoothing
    self.momentum = momentum
    self.epsilon = epsilon
    self.gradientScale = gradientScale
    self.decay = decay
  }
}

/// One step of Adam over flat arrays (Kingma and Ba 2015, algorithm 1), with optional weight decay:
/// L2 in the gradient, or decoupled from it (Loshchilov and Hutter 2019, algorithm 2).
///
/// g' = g * gradientScale + decay * w; m = beta1 m + (1 - beta1) g'; v = beta2 v + (1 - beta2) g'^2;
/// w -= rate * (m / correction1 / (sqrt(v / correction2) + epsilon) + decoupledDecay * w), where
/// correction1 = 1 - beta1^t and correction2 = 1 - beta2^t at step t, from 1.
public struct AdamUpdate {
  public var weights: UnsafeMutablePointer<Float>
  public var gradients: UnsafePointer<Float>
  public var first: UnsafeMutablePointer<Float>
  public var second: UnsafeMutablePointer<Float>
  public var count: Int
  public var rate: Float
  public var beta1: Float
  public var beta2: Float
  public var epsilon: Float
  public var correction1: Float
  public var correction2: Float
  public var gradientScale: Float
  public var decay: Float
  public var decoupledDecay: Float

  public init(
    weights: UnsafeMutablePointer<Float>, gradients: UnsafePointer<Float>,
    first: UnsafeMutablePointer<Float>, second: UnsafeMutablePointer<Float>, count: Int,
    rate: Float, beta1: Float, beta2: Float, epsilon: Float, correction1: Float,
    correction2: Float, gradientScale: Float = 1, decay: Float = 0, decoupledDecay: Float = 0
  ) {
    self.weights = weights
    self.gradients = gradients
    self.first = first
    self.second = second
    self.count = count
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.correction1 = correction1
    self.correction2 = correction2
    self.gradientScale = gradientScale
    self.decay = decay
    self.decoupledDecay = decoupledDecay
  }
}
