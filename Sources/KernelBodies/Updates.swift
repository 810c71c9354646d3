import CVector
import KernelTypes

/// Calls the body with the place of each 16 floats and how many of them are in use.
@inline(__always)
private func forEachVector(_ count: Int, _ body: (_ place: Int, _ lanes: Int) -> Void) {
  var place = 0
  while place &+ 16 <= count {
    body(place, 16)
    place &+= 16
  }
  if place < count { body(place, count &- place) }
}

/// The first `lanes` floats, the rest 0; never reads behind them.
@inline(__always)
private func load(_ at: UnsafePointer<Float>, _ lanes: Int) -> Vector {
  if lanes == 16 { return vector_load(at) }
  var values = Vector()
  for lane in 0..<lanes { values[lane] = at[lane] }
  return values
}

@inline(__always)
private func store(_ at: UnsafeMutablePointer<Float>, _ values: Vector, _ lanes: Int) {
  if lanes == 16 { return vector_store(at, values) }
  for lane in 0..<lanes { at[lane] = values[lane] }
}

/// Floats whose squares are summed in single precision before they go to double precision.
private let normBlock = 1024

/// See `KernelTable.squaredNorm`.
func squaredNorm(_ numbers: UnsafePointer<Float>, _ count: Int) -> Double {
  var total = 0.0
  var start = 0
  while start < count {
    let block = numbers + start
    var (s0, s1, s2, s3) = (Vector(), Vector(), Vector(), Vector())
    // The chains change places, so that each takes every fourth vector.
    forEachVector(min(normBlock, count &- start)) { place, lanes in
      let values = load(block + place, lanes)
      let sum = vector_fma(values, values, s0)
      (s0, s1, s2, s3) = (s1, s2, s3, sum)
    }
    total += Double(vector_sum((s0 + s1) + (s2 + s3)))
    start &+= normBlock
  }
  return total
}

/// See `DescentUpdate`.
func descend(_ update: UnsafePointer<DescentUpdate>) {
  let call = update.pointee
  let step = splat(-call.rate)
  let (scale, decay) = (splat(call.gradientScale), splat(call.decay))
  forEachVector(call.count) { place, lanes in
    let weight = load(call.weights + place, lanes)
    let slope = load(call.gradients + place, lanes) * scale
    store(
      call.weights + place, vector_fma(vector_fma(weight, decay, slope), step, weight), lanes)
  }
}

/// See `MomentumUpdate`.
func descendWithMomentum(_ update: UnsafePointer<MomentumUpdate>) {
  let call = update.pointee
  let (step, momentum) = (splat(-call.rate), splat(call.momentum))
  let (scale, decay) = (splat(call.gradientScale), splat(call.decay))
  let isNesterov = call.isNesterov
  forEachVector(call.count) { place, lanes in
    let weight = load(call.weights + place, lanes)
    let slope = vector_fma(weight, decay, load(call.gradients + place, lanes) * scale)
    let velocity = vector_fma(load(call.velocity + place, lanes), momentum, slope)
    let change = isNesterov ? vector_fma(velocity, momentum, slope) : velocity
    store(call.velocity + place, velocity, lanes)
    store(call.weights + place, vector_fma(change, step, weight), lanes)
  }
}

/// See `RMSpropUpdate`.
func rmsprop(_ update: UnsafePointer<RMSpropUpdate>) {
  let call = update.pointee
  let (step, momentum) = (splat(-call.rate), splat(call.momentum))
  let (smoothing, rest) = (splat(call.smoothing), splat(1 - call.smoothing))
  let (scale, decay, epsilon) = (splat(call.gradientScale), splat(call.decay), splat(call.epsilon))
  forEachVector(call.count) { place, lanes in
    let weight = load(call.weights + place, lanes)
    let slope = vector_fma(weight, decay, load(call.gradients + place, lanes) * scale)
    let squares = vector_fma(load(call.squares + place, lanes), smoothing, slope * slope * rest)
    var change = slope / (vector_sqrt(squares) + epsilon)
    store(call.squares + place, squares, lanes)
    if let velocity = call.velocity {
      change = vector_fma(load(velocity + place, lanes), momentum, change)
      store(velocity + place, change, lanes)
    }
    store(call.weights + place, vector_fma(change, step, weight), lanes)
  }
}

/// See `AdamUpdate`.
func adam(_ update: UnsafePointer<AdamUpdate>) {
  let call = update.pointee
  let (beta1, beta2) = (splat(call.beta1), splat(call.beta2))
  let (rest1, rest2) = (splat(1 - call.beta1), splat(1 - call.beta2))
  let step = splat(-call.rate / call.correction1)
  let secondScale = splat(1 / call.correction2)
  let (epsilon, scale) = (splat(call.epsilon), splat(call.gradientScale))
  let (decay, kept) = (splat(call.decay), splat(1 - call.rate * call.decoupledDecay))
  forEachVector(call.count) { place, lanes in
    let weight = load(call.weights + place, lanes)
    let slope = vector_fma(weight, decay, load(call.gradients + place, lanes) * scale)
    let first = vector_fma(load(call.first + place, lanes), beta1, slope * rest1)
    let second = vector_fma(load(call.second + place, lanes), beta2, slope * slope * rest2)
    let size = vector_sqrt(second * secondScale) + epsilon
    store(call.first + place, first, lanes)
    store(call.second + place, second, lanes)
    store(call.weights + place, vector_fma(step, first / size, weight * kept), lanes)
  }
}
