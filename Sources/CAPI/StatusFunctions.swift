import CRNNCell

@_cdecl("rnncell_last_error") @implementation
public func rnncell_last_error(
  _ line: UnsafeMutablePointer<Int32>?, _ column: UnsafeMutablePointer<Int32>?
) -> UnsafePointer<CChar>? {
  let last = LastError.get()
  line?.pointee = last.line
  column?.pointee = last.column
  return last.message
}
