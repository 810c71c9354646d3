import CRNNCell
import Cells
import Execution
import Kernels

/// Named arrays that belong to a network, a model or a tape.
final class ParametersObject: Handled {
  static let noun = "parameters"
  static let tag: UInt64 = 0x726E_6E70_6172_6102

  let values: ParameterBuffer
  let texts = Texts()

  init(_ values: ParameterBuffer) { self.values = values }

  /// The entry of a name that a C program passed.
  func entry(_ name: UnsafePointer<CChar>?) throws(Failure) -> ParameterEntry {
    let name = try read(name, "name")
    if let entry = values.layout[name] { return entry }
    let suggestion = nearest(to: name, among: values.layout.entries.map(\.name))
    throw .invalid(
      "there is no parameter '\(name.prefix(80))'"
        + (suggestion.map { "; did you mean '\($0)'?" }
          ?? "; rnncell_parameters_describe lists them"))
  }

  /// Checks the number of floats that a C program offers for an entry.
  func check(_ count: Int64, _ entry: ParameterEntry) throws(Failure) {
    guard count == entry.count else {
      throw .invalid(
        "\(entry.name) has \(entry.count) values (\(entry.shape.map(String.init).joined(separator: " x ")))"
          + ", not \(count)")
    }
  }
}

/// A handle of parameters that lives as long as its owner.
final class BorrowedParameters {
  let handle: OpaquePointer

  init(_ values: ParameterBuffer) throws(Failure) {
    handle = try Handle.make(ParametersObject(values))
  }

  deinit { Handle.free(handle, as: ParametersObject.self) }
}

@_cdecl("rnncell_parameters_describe") @implementation
public func rnncell_parameters_describe(
  _ out: UnsafeMutablePointer<rnncell_parameter_info>?, _ parameters: OpaquePointer?,
  _ index: Int64
) -> Int32 {
  fill(out) { () throws(Failure) in
    let object = try Handle.object(parameters, as: ParametersObject.self)
    let entry = try element(object.values.layout.entries, index, "parameters")
    var info = rnncell_parameter_info()
    info.name = object.texts[entry.name]
    info.rank = Int64(entry.shape.count)
    info.rows = Int64(entry.shape[0])
    info.columns = Int64(entry.shape.count > 1 ? entry.shape[1] : 1)
    info.count = Int64(entry.count)
    info.is_bias = entry.role == .bias ? 1 : 0
    info.blocks = Int32(clamping: entry.blocks)
    return info
  }
}

@_cdecl("rnncell_parameters_read") @implementation
public func rnncell_parameters_read(
  _ values: UnsafeMutablePointer<Float>?, _ count: Int64, _ parameters: OpaquePointer?,
  _ name: UnsafePointer<CChar>?
) -> Int32 {
  status { () throws(Failure) in
    let values = try array(values, "values")
    let object = try Handle.object(parameters, as: ParametersObject.self)
    let entry = try object.entry(name)
    try object.check(count, entry)
    object.values.read(entry, into: values)
  }
}

@_cdecl("rnncell_parameters_write") @implementation
public func rnncell_parameters_write(
  _ parameters: OpaquePointer?, _ name: UnsafePointer<CChar>?, _ values: UnsafePointer<Float>?,
  _ count: Int64
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(parameters, as: ParametersObject.self)
    let entry = try object.entry(name)
    try object.check(count, entry)
    object.values.write(entry, from: try finite(values, count: entry.count, "values"))
  }
}

@_cdecl("rnncell_parameters_add") @implementation
public func rnncell_parameters_add(
  _ parameters: OpaquePointer?, _ other: OpaquePointer?, _ scale: Double
) -> Int32 {
  status { () throws(Failure) in
    let object = try Handle.object(parameters, as: ParametersObject.self)
    let other = try Handle.object(other, as: ParametersObject.self)
    try object.values.add(other.values, scale: scale)
  }
}
