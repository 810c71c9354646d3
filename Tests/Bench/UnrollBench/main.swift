// Time of forward and backward of a network, with its multiply-adds per second.
//
//     swift run -c release UnrollBench [CELL|EQUATIONS [HIDDEN [BATCH [STEPS [LAYERS [THREADS [forward|backward|both|inference|plan]]]]]]]
import Cells
import Execution
import Glibc
import Kernels
import Quiet

let arguments = CommandLine.arguments.dropFirst()
func argument(_ index: Int, _ standard: Int) -> Int {
  index < arguments.count ? Int(Array(arguments)[index]) ?? standard : standard
}
let name = arguments.first ?? "lstm"
let (hidden, batch, steps) = (argument(1, 200), argument(2, 20), argument(3, 20))
let (layers, threads) = (argument(4, 2), argument(5, standardThreads))

let cell = try name.contains("=") ? Cell(parsing: name) : Cell.stock(name)
var layout = ParameterLayout()
let network = try Network(
  cells: Array(repeating: cell, count: layers), inputSize: hidden,
  hiddenSizes: Array(repeating: hidden, count: layers), layout: &layout)
let weights = try ParameterBuffer(layout)
network.initialize(weights, seed: 1)
let unroll = try Unroll(
  network, weights: weights, gradients: try ParameterBuffer(layout), steps: steps, batch: batch)
let inference = try Unroll(network, weights: weights, gradients: nil, steps: steps, batch: batch)
let team = try Team(threads: threads)
for row in 0..<(steps * batch) {
  for run in [unroll, inference] {
    run.input.setRow(row, (0..<hidden).map { Float(sin(Double(row * 7 + $0))) })
  }
  unroll.outputGradient.setRow(row, (0..<hidden).map { Float(cos(Double(row * 5 + $0))) })
}
let matrices = layout.entries.filter { $0.role == .weight }.reduce(0) { $0 + $1.count }
let operations = 2.0 * Double(matrices * steps * batch)
print(
  "\(name) H\(hidden) B\(batch) T\(steps) L\(layers), \(threads) threads, "
    + "\(InstructionSet.current.rawValue)")
func show(_ what: String, _ measured: Measured, _ factor: Double) {
  let speed = factor * operations / measured.time * 1e-9
  let share = speed / Double(threads) / measured.limit
  print(
    "\(what) \((measured.time * 1e6).rounded() / 1e3) ms, \((speed * 10).rounded() / 10) GFLOP/s, "
      + "\((share * 1000).rounded() / 10) % of the limit, \(measured.quiet) quiet")
}
let only = Array(arguments).dropFirst(6).first
func measure(_ what: String, _ factor: Double, _ body: () throws -> Void) throws {
  guard only == nil || only == what else { return }
  show(what, try quietMedian(threads: threads, everywhere: team.run, seconds: 4, body), factor)
}
try unroll.forward(team)
try measure("forward", 1) { try unroll.forward(team) }
try measure("backward", 2) {
  weights.version &+= 1
  try unroll.backward(team)
}
try measure("both", 3) {
  weights.version &+= 1
  try unroll.forward(team)
  try unroll.backward(team)
}
try measure("inference", 1) { try inference.forward(team) }
if only == nil || only == "plan" {
  let planned = try quietMedian {
    var layout = ParameterLayout()
    let network = try Network(cells: [cell], inputSize: 8, hiddenSizes: [8], layout: &layout)
    _ = try Unroll(
      network, weights: ParameterBuffer(layout), gradients: ParameterBuffer(layout), steps: 1,
      batch: 1)
  }
  print("a small plan with its memory: \((planned.time * 1e7).rounded() / 10) us")
}
