// The name that somebody probably meant.

/// Returns the candidate that is closest to `word` by edit distance; of equals the first.
///
/// - Returns: `nil` where none is close: within a third of the word's length, or 1 for short words.
package func nearest(to word: String, among candidates: some Sequence<String>) -> String? {
  let limit = max(1, word.count / 3)
  let best = candidates.map { (name: $0, distance: editDistance(word, $0)) }
    .min { $0.distance < $1.distance }
  return best.flatMap { $0.distance <= limit ? $0.name : nil }
}

/// Returns the number of insertions, deletions, substitutions and swaps of neighbors between texts.
///
/// - Complexity: O(*nm*) for texts of *n* and *m* characters.
package func editDistance(_ first: String, _ second: String) -> Int {
  let a = Array(first)
  let b = Array(second)
  guard !a.isEmpty, !b.isEmpty else { return max(a.count, b.count) }
  var twoAbove = [Int](repeating: 0, count: b.count + 1)
  var above = Array(0...b.count)
  for i in 1...a.count {
    var row = [i] + [Int](repeating: 0, count: b.count)
    for j in 1...b.count {
      row[j] = min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
      if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] {
        row[j] = min(row[j], twoAbove[j - 2] + 1)
      }
    }
    (twoAbove, above) = (above, row)
  }
  return above[b.count]
}
