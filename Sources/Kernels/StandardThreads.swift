import Glibc

/// The most threads that one call may use.
package let threadLimit = 256

/// How many threads work where nobody says: `RNNCELL_THREADS`, or one for each processor.
package var standardThreads: Int {
  if let text = getenv("RNNCELL_THREADS"), let threads = Int(String(cString: text)), threads > 0 {
    return min(threads, threadLimit)
  }
  return min(max(sysconf(Int32(_SC_NPROCESSORS_ONLN)), 1), threadLimit)
}
