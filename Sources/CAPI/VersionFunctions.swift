import CRNNCell
import Cells
import Kernels

@_cdecl("rnncell_version") @implementation
public func rnncell_version() -> UnsafePointer<CChar>? { Texts.forever[version] }

/// The version of the library, as in the header.
var version: String {
  "\(RNNCELL_VERSION_MAJOR).\(RNNCELL_VERSION_MINOR).\(RNNCELL_VERSION_PATCH)"
}

@_cdecl("rnncell_build_info") @implementation
public func rnncell_build_info(
  _ text: UnsafeMutablePointer<CChar>?, _ capacity: Int, _ needed: UnsafeMutablePointer<Int>?
) -> Int32 {
  write(text, capacity, needed) { () throws(Failure) in
    JSON.object([
      JSON.Member("version", .string(version)),
      JSON.Member("target", .string(target)),
      JSON.Member("isa", .string(InstructionSet.current.rawValue)),
      JSON.Member("available", .array(InstructionSet.available.map { .string($0.rawValue) })),
      JSON.Member("threads", .integer(standardThreads)),
    ]).text
  }
}

/// The processor family that the library is built for.
private var target: String {
  #if arch(x86_64)
    "x86_64"
  #elseif arch(arm64)
    "aarch64"
  #else
    "other"
  #endif
}
