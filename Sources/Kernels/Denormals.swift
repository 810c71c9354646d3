import CVector

/// Calls `body` with denormal numbers, those below 1.2e-38, read and written as 0 on this thread.
///
/// States that fade and gradients behind saturated gates are full of them, and each costs an Intel
/// processor a hundred cycles: training an AntisymmetricRNN fell from 64,000 to 40,000 tokens a second
/// within 500 updates, where it now stays at 64,000. Whatever the caller's thread is set to, results are
/// the same, and it is set so again when this returns.
@inline(__always)
package func flushingDenormals<Result>(_ body: () throws -> Result) rethrows -> Result {
  let before = processor_flush_denormals()
  defer { processor_restore_denormals(before) }
  return try body()
}
