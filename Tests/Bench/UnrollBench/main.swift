// Time of forward and backward of a network, with its multiply-adds per second.
//
//     swift run -c release UnrollBench [CELL [HIDDEN [BATCH [STEPS [LAYERS [THREADS]]]]]]
import Cells
import Execution
import Glibc
import Kernels

func now() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

func median(_ body: () throws -> Void) rethrows -> Double {
  var times: [Double] = []
  let start = now()
  while times.count < 5 || now() - start < 1 {
    let before = now()
    try body()
    times.append(now() - before)
  }
  return times.sorted()[times.count / 2]
}

let arguments = CommandLine.arguments.dropFirst()
func argument(_ index: Int, _ standard: Int) -> Int {
  index < arguments.count ? Int(Array(arguments)[index]) ?? standard : standard
}
let name = arguments.first ?? "lstm"
let (hidden, batch, steps) = (argument(1, 200), argument(2, 20), argument(3, 20))
let (layers, threads) = (argument(4, 2), argument(5, standardThreads))

let cell = try Cell.stock(name)
let planned = try median {
  var layout = ParameterLayout()
  let network = try Network(cells: [cell], inputSize: 8, hiddenSizes: [8], layout: &layout)
  _ = try Unroll(
    network, weights: ParameterBuffer(layout), gradients: ParameterBuffer(layout), steps: 1,
    batch: 1)
}
var layout = ParameterLayout()
let network = try Network(
  cells: Array(repeating: cell, count: layers), inputSize: hidden,
  hiddenSizes: Array(repeating: hidden, count: layers), layout: &layout)
let weights = try ParameterBuffer(layout)
network.initialize(weights, seed: 1)
let unroll = try Unroll(
  network, weights: weights, gradients: try ParameterBuffer(layout), steps: steps, batch: batch)
let team = try Team(threads: threads)
for row in 0..<(steps * batch) {
  unroll.input.setRow(row, (0..<hidden).map { Float(sin(Double(row * 7 + $0))) })
  unroll.outputGradient.setRow(row, (0..<hidden).map { Float(cos(Double(row * 5 + $0))) })
}
let forward = try median { try unroll.forward(team) }
let backward = try median {
  weights.version &+= 1
  try unroll.backward(team)
}
let both = try median {
  weights.version &+= 1
  try unroll.forward(team)
  try unroll.backward(team)
}
let matrices = layout.entries.filter { $0.role == .weight }.reduce(0) { $0 + $1.count }
let operations = 2.0 * Double(matrices * steps * batch)
print(
  "\(name) H\(hidden) B\(batch) T\(steps) L\(layers), \(threads) threads, "
    + "\(InstructionSet.current.rawValue)")
func show(_ what: String, _ seconds: Double, _ factor: Double) {
  let speed = (factor * operations / seconds / 1e8).rounded() / 10
  print("\(what) \((seconds * 1e7).rounded() / 1e4) ms, \(speed) GFLOP/s")
}
show("forward", forward, 1)
show("backward", backward, 2)
show("both", both, 3)
print("a small plan with its memory: \((planned * 1e7).rounded() / 10) us")
