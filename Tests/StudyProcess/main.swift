// A search that kills itself: what the tests of a study start as a process of its own.
//
//     StudyProcess FILE STRATEGY SEED TRIALS WORKERS DETERMINISTIC KILLAFTER
//
// scores proposals by a formula and sends itself SIGKILL after KILLAFTER statements of SQL (0: never).

import Glibc
import Kernels
import Search

guard CommandLine.arguments.count == 8 else { exit(2) }
let arguments = Array(CommandLine.arguments.dropFirst())
var settings = StudySettings()
settings.strategy = arguments[1]
settings.seed = UInt64(arguments[2]) ?? 0
settings.rungs = 3
settings.updates = 90
settings.deterministic = arguments[5] == "1"
settings.controls = true
settings.corpus = "none"
do {
  let study = try Study(path: arguments[0], settings: settings)
  var left = Int(arguments[6]) ?? 0
  if left > 0 {
    study.database.afterStatement = {
      left -= 1
      if left == 0 { kill(getpid(), SIGKILL) }
    }
  }
  try study.run(
    FormulaEvaluator(),
    RunLimits(trials: Int(arguments[3]) ?? 10, workers: Int(arguments[4]) ?? 1))
} catch {
  print(error)
  exit(1)
}
