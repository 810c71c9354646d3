import CVector

/// See `KernelTable.transposePack`.
func transposePack(
  _ weights: UnsafePointer<Float>, _ inputs: Int, _ outputs: Int,
  _ transpose: UnsafeMutablePointer<Float>
) {
  var input = 0
  while input < inputs {
    let to = transpose + (input >> 4) &* outputs &* 16 + (input & 15)
    var output = 0
    while output < outputs {
      let from = weights + ((output >> 4) &* inputs &+ input) &* 16 + (output & 15)
      turn(from, min(8, inputs &- input), to + output &* 16, min(8, outputs &- output))
      output &+= 8
    }
    input &+= 8
  }
  guard inputs & 15 != 0, inputs & 15 <= 8 else { return }
  // The upper half of the last strip is pad that no block reached.
  let last = transpose + (inputs >> 4) &* outputs &* 16 + 8
  for output in 0..<max(outputs, 0) { half_store(last + output &* 16, SIMD8()) }
}

/// Turns `inputs` x `outputs` numbers over, at most 8 x 8; lanes of further inputs become 0.
@inline(__always)
private func turn(
  _ from: UnsafePointer<Float>, _ inputs: Int, _ to: UnsafeMutablePointer<Float>, _ outputs: Int
) {
  if inputs == 8, outputs == 8 {
    half_transpose(from, 16, to, 16)
  } else {
    for output in 0..<outputs {
      for input in 0..<8 {
        to[output &* 16 &+ input] = input < inputs ? from[input &* 16 &+ output] : 0
      }
    }
  }
}
