import Execution
import Glibc
import Kernels
import Training

// Prints how fast losses and gradients of a softmax over a vocabulary are, by rows of a block.
// Run: swift run -c release SoftmaxBench [vocabulary] [hidden size] [rows] [threads]

func seconds() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

let numbers = CommandLine.arguments.dropFirst().compactMap { Int($0) }
let vocabulary = numbers.first ?? 10_000
let hidden = numbers.dropFirst().first ?? 200
let rows = numbers.dropFirst(2).first ?? 400
let team = try Team(threads: numbers.dropFirst(3).first ?? 1)

var layout = ParameterLayout()
try layout.addMatrix("output.weight", rows: vocabulary, columns: hidden)
try layout.addVector("output.bias", count: vocabulary, role: .bias)
let weights = try ParameterBuffer(layout)
let gradients = try ParameterBuffer(layout)
for entry in layout.entries {
  var values = [Float](repeating: 0, count: entry.count)
  Philox(seed: 1, purpose: 1).fillUniform(&values, count: values.count, low: -0.1, high: 0.1)
  weights.write(entry, from: values)
}
let strips = hidden.strips
let states = try Buffer<Float>(count: strips * rows * 16)
Philox(seed: 1, purpose: 2).fillUniform(states.base, count: states.count, low: -1, high: 1)
let slopes = try Buffer<Float>(count: states.count)
let targets = try Buffer<Int32>(count: rows)
for row in 0..<rows { targets[row] = Int32(row * 7919 % vocabulary) }

func view(_ buffer: Buffer<Float>) -> StripView {
  StripView(base: buffer.base, stripStride: rows * 16, columns: hidden)
}

let operations = Double(6 * rows * hidden * vocabulary)
for blockRows in [48, 72, 96, 144, 204, 300, 400]
where blockRows <= rows {
  let softmax = try OutputLayer(
    matrix: layout.entries[0], bias: layout.entries[1], weights: weights, gradients: gradients,
    rows: rows, blockRows: blockRows, kernels: .current)
  var best = Double.infinity
  for _ in 0..<12 {
    weights.version &+= 1
    let start = seconds()
    _ = try softmax.losses(
      hidden: view(states), targets: .classes(targets.base), rows: rows,
      hiddenGradient: view(slopes),
      gradientScale: 1, team)
    best = min(best, seconds() - start)
  }
  let speed = (operations / best * 1e-8).rounded() / 10
  print("\(blockRows) rows: \((best * 1e5).rounded() / 100) ms, \(speed) GFLOP/s")
}
