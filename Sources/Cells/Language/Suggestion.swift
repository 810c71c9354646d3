/// The candidate nearest to a mistyped word, or nil when none is near.
///
/// Near means an edit distance (insertions, deletions, replacements, swaps of neighbours) of at most a
/// third of the word's length, and at least 1, whatever the case; of equally near ones the first wins.
package func nearest(to word: String, among candidates: [String]) -> String? {
  let letters = word.utf8.prefix(40).map(lowercase)
  let allowed = max(1, letters.count / 3)
  var best: (distance: Int, candidate: String)?
  for candidate in candidates where candidate != word {
    let other = candidate.utf8.prefix(41).map(lowercase)
    if abs(other.count - letters.count) > allowed { continue }
    let distance = editDistance(letters, other)
    if distance <= allowed, distance < (best?.distance ?? .max) { best = (distance, candidate) }
  }
  return best?.candidate
}

private func lowercase(_ byte: UInt8) -> UInt8 {
  (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
}

/// The number of insertions, deletions, replacements and swaps of neighbours between two words
/// (optimal string alignment).
private func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
  var beforeLast = [Int](repeating: 0, count: b.count + 1)
  var last = Array(0...b.count)
  for i in 0..<a.count {
    var row = [Int](repeating: i + 1, count: b.count + 1)
    for j in 0..<b.count {
      row[j + 1] = min(last[j] + (a[i] == b[j] ? 0 : 1), last[j + 1] + 1, row[j] + 1)
      if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
        row[j + 1] = min(row[j + 1], beforeLast[j - 1] + 1)
      }
    }
    (beforeLast, last) = (last, row)
  }
  return last[b.count]
}
