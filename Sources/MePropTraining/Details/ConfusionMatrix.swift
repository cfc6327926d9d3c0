// How often classes were taken for each other.

/// Counts of pairs of a true and a found class, without the pairs that never were.
public struct ConfusionMatrix: Sendable, Equatable {
  /// A pair of classes, and how often it was.
  public struct Cell: Sendable, Equatable {
    /// The place of the true class among the labels.
    public var gold: Int
    /// The place of the class found among the labels.
    public var found: Int
    /// How often, at least 1.
    public var count: Int

    /// Creates a cell.
    public init(gold: Int, found: Int, count: Int) {
      self.gold = gold
      self.found = found
      self.count = count
    }
  }

  /// The names of classes.
  public private(set) var labels: [String]
  /// The counts that are not 0, by true class, then by the class found.
  public var cells: [Cell] {
    counts.map { Cell(gold: $0 / labels.count, found: $0 % labels.count, count: $1) }
      .sorted { ($0.gold, $0.found) < ($1.gold, $1.found) }
  }
  private var counts: [Int: Int] = [:]

  /// Creates a matrix of zeros.
  public init(labels: [String]) { self.labels = labels }

  /// Adds to a pair's count.
  public mutating func add(gold: Int, found: Int, count: Int = 1) {
    precondition(
      labels.indices.contains(gold) && labels.indices.contains(found) && count >= 0,
      "ConfusionMatrix: \(count) of (\(gold), \(found)) with \(labels.count) labels")
    if count > 0 { counts[gold * labels.count + found, default: 0] += count }
  }

  /// The number of all pairs.
  public var total: Int { counts.values.reduce(0, +) }

  /// The full matrix: a row for every true class, a column for every class found.
  public var rows: [[Int]] {
    var rows = labels.map { _ in [Int](repeating: 0, count: labels.count) }
    for (place, count) in counts { rows[place / labels.count][place % labels.count] = count }
    return rows
  }

  /// The pairs of different classes, the most frequent first.
  public func mostConfused(_ limit: Int) -> [Cell] {
    Array(
      cells.filter { $0.gold != $0.found }
        .sorted { (-$0.count, $0.gold, $0.found) < (-$1.count, $1.gold, $1.found) }
        .prefix(limit))
  }
}
