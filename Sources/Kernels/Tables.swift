@_exported import KernelTypes

import CVector
import Glibc
import KernelsBaseline
#if arch(x86_64)
  import KernelsAVX2
  import KernelsAVX512
#endif

extension InstructionSet {
  /// What this processor and its system can run, slowest first.
  package static let available: [InstructionSet] =
    switch processor_level() {
    case 2: [.baseline, .avx2, .avx512]
    case 1: [.baseline, .avx2]
    default: [.baseline]
    }

  /// The one in use: what `RNNCELL_ISA` names if it can run, else the fastest.
  package static let current: InstructionSet = {
    if let text = getenv("RNNCELL_ISA"),
      let named = InstructionSet(rawValue: String(cString: text)),
      available.contains(named)
    {
      return named
    }
    return available.last ?? .baseline
  }()
}

extension KernelTable {
  /// The kernels of `InstructionSet.current`.
  package static let current = KernelTable.for(.current)

  /// The kernels of every instruction set that can run here.
  package static let all = InstructionSet.available.map { KernelTable.for($0) }

  /// The kernels of one instruction set.
  ///
  /// Ask only for an available one: already making its table runs its code.
  package static func `for`(_ set: InstructionSet) -> KernelTable {
    #if arch(x86_64)
      switch set {
      case .baseline: KernelsBaseline.kernelTable
      case .avx2: KernelsAVX2.kernelTable
      case .avx512: KernelsAVX512.kernelTable
      }
    #else
      KernelsBaseline.kernelTable
    #endif
  }
}
