import CVector

/// See `KernelTable.transposePack`.
func transposePack(
  _ weights: UnsafePointer<Float>, _ inputs: Int, _ outputs: Int,
  _ transpose: UnsafeMutablePointer<Float>
) {
  for inputStrip in 0..<max((inputs &+ 15) >> 4, 0) {
    let to = transpose + inputStrip &* outputs &* 16
    let inputLanes = min(16, inputs &- inputStrip &* 16)
    for outputStrip in 0..<max((outputs &+ 15) >> 4, 0) {
      let from = weights + (outputStrip &* inputs &+ inputStrip &* 16) &* 16
      let outputLanes = min(16, outputs &- outputStrip &* 16)
      if inputLanes == 16, outputLanes == 16 {
        vector_transpose(from, 16, to + outputStrip &* 256, 16)
      } else {
        let at = to + outputStrip &* 256
        for output in 0..<outputLanes {
          for input in 0..<16 {
            at[output &* 16 &+ input] = input < inputLanes ? from[input &* 16 &+ output] : 0
          }
        }
      }
    }
  }
}
