import MePropCore

/// Which rows of a parameter have a gradient in any shard.
enum RowUnion: Equatable {
  case all
  /// In increasing order.
  case some([UInt32])

  /// The rows of a shard's gradient.
  init(of gradient: WeightGradient) {
    guard gradient.rows != .all else {
      self = .all
      return
    }
    let rows = gradient.rowIndices[..<gradient.validCount]
    let isSorted = zip(rows, rows.dropFirst()).allSatisfy { $0 < $1 }
    self = .some(isSorted ? Array(rows) : rows.sorted())
  }

  /// Takes in the rows of another one.
  mutating func form(with other: RowUnion) {
    guard case .some(let mine) = self, case .some(let theirs) = other else {
      self = .all
      return
    }
    guard mine != theirs else { return }
    var rows: [UInt32] = []
    rows.reserveCapacity(mine.count + theirs.count)
    var (left, right) = (0, 0)
    while left < mine.count || right < theirs.count {
      let next =
        right == theirs.count || (left < mine.count && mine[left] <= theirs[right])
        ? mine[left] : theirs[right]
      if left < mine.count && mine[left] == next { left += 1 }
      if right < theirs.count && theirs[right] == next { right += 1 }
      rows.append(next)
    }
    self = .some(rows)
  }

  /// The rows, of `rowCount` there are.
  func rows(of rowCount: Int) -> [UInt32] {
    switch self {
    case .all: (0..<UInt32(rowCount)).map { $0 }
    case .some(let rows): rows
    }
  }

  // MARK: Messages

  private static let allMark: UInt32 = .max
  private static let bitsMark: UInt32 = .max - 1

  /// Appends a message: a mark for all, a bit a row, or the rows, whichever is the shortest.
  func append(to message: inout [UInt8], rowCount: Int) {
    func write(_ number: UInt32) {
      withUnsafeBytes(of: number) { message.append(contentsOf: $0) }
    }
    guard case .some(let rows) = self else { return write(Self.allMark) }
    guard rows.count * 32 > rowCount else {
      write(UInt32(rows.count))
      return rows.withUnsafeBytes { message.append(contentsOf: $0) }
    }
    write(Self.bitsMark)
    let start = message.count
    message.append(contentsOf: repeatElement(0, count: (rowCount + 7) / 8))
    for row in rows { message[start + Int(row / 8)] |= 1 << (row % 8) }
  }

  /// Reads such a message from `place` on.
  init(of message: [UInt8], at place: inout Int, rowCount: Int) {
    func read() -> UInt32 {
      defer { place += 4 }
      return message.withUnsafeBytes {
        $0.loadUnaligned(fromByteOffset: place, as: UInt32.self)
      }
    }
    switch read() {
    case Self.allMark: self = .all
    case Self.bitsMark:
      let start = place
      place += (rowCount + 7) / 8
      self = .some(
        (0..<UInt32(rowCount)).filter { message[start + Int($0 / 8)] >> ($0 % 8) & 1 == 1 })
    case let count: self = .some((0..<count).map { _ in read() })
    }
  }
}
