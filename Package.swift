// swift-tools-version: 6.1
import PackageDescription

let package = Package(
  name: "rnncell",
  products: [
    .library(name: "rnncell", type: .dynamic, targets: ["CAPI"])
  ],
  targets: [
    // MARK: - The stack: each module imports only those above it
    .systemLibrary(name: "CRNNCell", path: "Include"),
    .target(name: "Kernels"),
    .target(name: "Cells", dependencies: ["Kernels"]),
    .target(name: "Execution", dependencies: ["Cells", "Kernels"]),
    .target(name: "Training", dependencies: ["Execution", "Cells", "Kernels"]),
    .target(name: "Search", dependencies: ["Training", "Execution", "Cells", "Kernels"]),
    .target(
      name: "CAPI",
      dependencies: ["CRNNCell", "Search", "Training", "Execution", "Cells", "Kernels"]),

    // MARK: - Tests
    .target(name: "Support", dependencies: ["Cells", "Kernels"], path: "Tests/Support"),
    .testTarget(name: "KernelsTests", dependencies: ["Kernels"]),
    .testTarget(name: "CellsTests", dependencies: ["Cells", "Support"]),
  ]
)
