import CRNNCell
import Kernels
import Training

extension Export {
  /// Writes to a path that a C program passed.
  fileprivate func write(_ form: Int32, _ path: UnsafePointer<CChar>?) throws(Failure) {
    guard let form = Form(rawValue: form) else {
      throw .invalid("form \(form) is none; pass one of RNNCELL_EXPORT_…, 1 to 4")
    }
    try write(form, to: try read(path, "path"))
  }
}

@_cdecl("rnncell_network_export") @implementation
public func rnncell_network_export(
  _ network: OpaquePointer?, _ form: Int32, _ path: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(network, as: NetworkObject.self)
    try Export(object.network, object.weights).write(form, path)
  }
}

@_cdecl("rnncell_model_export") @implementation
public func rnncell_model_export(
  _ model: OpaquePointer?, _ form: Int32, _ path: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(Failure) in
    try Export(try Handle.object(model, as: ModelObject.self).model).write(form, path)
  }
}
