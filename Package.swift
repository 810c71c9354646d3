// swift-tools-version: 6.1
import PackageDescription

/// Debian's static SQLite: linked in and hidden by the version script, so that users install nothing.
let sqlite: [LinkerSetting] = [.unsafeFlags(["-Xlinker", "-l:libsqlite3.a"])]

/// One SONAME, only `rnncell_*` exported, nothing undefined, read-only relocations, never unloaded.
///
/// lld, since gold leaves Swift symbols in the dynamic table.
let sharedObject: [LinkerSetting] = [
  .unsafeFlags(
    [
      "-soname=librnncell.so.1", "--gc-sections", "-zdefs", "-zrelro", "-znow", "-znodelete",
      "--version-script=\(Context.packageDirectory)/Sources/CAPI/exports.map",
    ].flatMap { ["-Xlinker", $0] } + ["-use-ld=lld"])
]

/// The same bodies compiled for each instruction set, so that no compiled function is shared by two.
let kernelVariants: [Target] = {
  func variant(_ name: String, _ settings: [SwiftSetting]? = nil) -> Target {
    .target(name: name, dependencies: ["KernelTypes", "CVector"], swiftSettings: settings)
  }
  let baseline = variant("KernelsBaseline")
  #if arch(x86_64)
    return [
      baseline,
      variant("KernelsAVX2", [.unsafeFlags(["-Xcc", "-march=x86-64-v3"])]),
      variant("KernelsAVX512", [.unsafeFlags(["-Xcc", "-march=x86-64-v4"])]),
    ]
  #else
    return [baseline]
  #endif
}()

let package = Package(
  name: "rnncell",
  products: [
    .library(name: "rnncell", type: .dynamic, targets: ["CAPI"])
  ],
  targets: [
    // MARK: - The stack: each module imports only those above it
    .systemLibrary(name: "CRNNCell", path: "Include"),
    .systemLibrary(name: "CVector"),
    // Its types are public, as what is `package` is not inlined into other modules (6 % of LSTM 200).
    .target(name: "KernelTypes"),
    .target(
      name: "Kernels",
      dependencies: ["KernelTypes", "CVector"] + kernelVariants.map { .target(name: $0.name) }),
    .target(name: "Cells", dependencies: ["Kernels"], exclude: ["Stock/README.md"]),
    .target(name: "Execution", dependencies: ["Cells", "Kernels"]),
    .target(name: "Training", dependencies: ["Execution", "Cells", "Kernels"]),
    .systemLibrary(name: "CSQLite"),
    .target(
      name: "Search", dependencies: ["CSQLite", "Training", "Execution", "Cells", "Kernels"],
      linkerSettings: sqlite),
    .target(
      name: "CAPI",
      dependencies: ["CRNNCell", "Search", "Training", "Execution", "Cells", "Kernels"],
      exclude: ["exports.map"], linkerSettings: sharedObject),

    // MARK: - Tests
    .target(name: "Support", dependencies: ["Cells", "Kernels"], path: "Tests/Support"),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels"]),
    .testTarget(name: "CellsTests", dependencies: ["Cells", "Support"]),
    .testTarget(
      name: "ExecutionTests", dependencies: ["Execution", "Cells", "Kernels", "Support"]),
    .executableTarget(
      name: "StudyProcess", dependencies: ["Search", "Cells", "Kernels"], path: "Tests/StudyProcess"
    ),
    .testTarget(
      name: "SearchTests",
      dependencies: [
        "Search", "StudyProcess", "CSQLite", "Training", "Cells", "Kernels", "Support",
      ]),
    .testTarget(
      name: "TrainingTests", dependencies: ["Training", "Execution", "Cells", "Kernels", "Support"]),
    .systemLibrary(name: "Peak", path: "Tests/Bench/Peak"),
    .target(name: "Quiet", dependencies: ["Kernels", "Peak"], path: "Tests/Bench/Quiet"),
    .executableTarget(
      name: "KernelBench", dependencies: ["Kernels", "Quiet"], path: "Tests/Bench/KernelBench"),
    .executableTarget(
      name: "UnrollBench", dependencies: ["Execution", "Cells", "Kernels", "Quiet"],
      path: "Tests/Bench/UnrollBench"),
    .executableTarget(
      name: "SoftmaxBench", dependencies: ["Training", "Execution", "Kernels"],
      path: "Tests/Bench/SoftmaxBench"),
    .executableTarget(
      name: "InheritanceBench", dependencies: ["Search", "Training", "Cells", "Kernels"],
      path: "Tests/Bench/InheritanceBench"),
    .testTarget(name: "CAPITests", dependencies: ["CRNNCell", "CAPI"]),
  ] + kernelVariants
)
