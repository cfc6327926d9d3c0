// Numbers for words, features and tags.

/// The items of training data by falling frequency; number 0 stands for all unknown ones.
///
/// Of items that are equally frequent the one seen first comes first. Items seen once are the last,
/// from number ``rareStart`` on: training turns some of them into the unknown item, so that it
/// learns what unknown items are like.
public struct Vocabulary: Sendable, Equatable {
  /// The items; number n is at n − 1.
  public let items: [String]
  /// The lowest number of an item that was seen once; at most ``count``.
  public let rareStart: Int
  private let numbers: [String: UInt32]

  /// Creates the vocabulary of a list of items.
  public init(counting list: some Sequence<String>) { self.init(Self.counts(of: list)) }

  /// How often each item of a list comes, in the order in which items are first seen.
  public static func counts(of list: some Sequence<String>) -> [(item: String, count: Int)] {
    counts(adding: list.lazy.map { ($0, 1) })
  }

  /// The same for a list whose items each come a number of times.
  public static func counts(
    adding list: some Sequence<(item: String, count: Int)>
  ) -> [(item: String, count: Int)] {
    var places: [String: Int] = [:]
    var counted: [(item: String, count: Int)] = []
    for (item, count) in list {
      if let place = places[item] {
        counted[place].count += count
      } else {
        places[item] = counted.count
        counted.append((item, count))
      }
    }
    return counted
  }

  /// Creates the vocabulary of items in the order in which they are first seen, with how often they
  /// come.
  public init(_ counted: [(item: String, count: Int)]) {
    // Equal counts in the order of first sight: `sorted` alone does not promise it.
    let order = counted.indices.sorted {
      (counted[$1].count, $0) < (counted[$0].count, $1)
    }
    self.init(
      items: order.map { counted[$0].item },
      rareStart: 1 + counted.count { $0.count > 1 })
  }

  /// Creates a vocabulary from its items, which must differ.
  public init(items: [String], rareStart: Int) {
    self.items = items
    self.rareStart = rareStart
    numbers = Dictionary(
      items.enumerated().map { ($1, UInt32($0 + 1)) }, uniquingKeysWith: { first, _ in first })
  }

  /// How many numbers there are: one more than items.
  public var count: Int { items.count + 1 }

  /// The number of an item; 0 for an unknown one.
  public subscript(item: String) -> UInt32 { numbers[item] ?? 0 }
}
