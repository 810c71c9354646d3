import CRNNCell
import Kernels

@_cdecl("rnncell_version") @implementation
public func rnncell_version() -> UnsafePointer<CChar>? { Texts.forever[version] }

/// The version of the library, as in the header.
var version: String {
  "\(RNNCELL_VERSION_MAJOR).\(RNNCELL_VERSION_MINOR).\(RNNCELL_VERSION_PATCH)"
}
