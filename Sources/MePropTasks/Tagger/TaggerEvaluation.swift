// Accuracy of a tagger: all words, known and unknown ones, each tag, confusions.

import MePropTraining

/// What a tagger makes of tagged sentences.
public struct TaggerEvaluation: Sendable, Equatable {
  /// The figures of one tag, in percent; 0 where a denominator is 0.
  public struct TagFigures: Sendable, Equatable {
    /// The tag.
    public var tag: String
    /// The share of words of the tag among those that were given it.
    public var precision: Double
    /// The share of words of the tag that were given it.
    public var recall: Double
    /// The harmonic mean of both.
    public var f1: Double
    /// The number of words of the tag.
    public var count: Int
  }

  /// How often one tag was taken for another.
  public struct Confusion: Sendable, Equatable {
    /// The tag in the data.
    public var gold: String
    /// The tag found.
    public var found: String
    /// How often.
    public var count: Int
  }

  /// The number of words.
  public private(set) var count = 0
  /// The number of words whose lower-cased form training data do not have.
  public private(set) var unknownCount = 0
  private var correct = 0
  private var unknownCorrect = 0
  private var goldCounts: [String: Int] = [:]
  private var foundCounts: [String: Int] = [:]
  private var correctCounts: [String: Int] = [:]
  private var confusionCounts: [String: [String: Int]] = [:]

  /// Creates an evaluation of no words.
  public init() {}

  /// Adds a word.
  public mutating func add(gold: String, found: String, isKnown: Bool) {
    let isCorrect = gold == found
    count += 1
    correct += isCorrect ? 1 : 0
    goldCounts[gold, default: 0] += 1
    foundCounts[found, default: 0] += 1
    if isCorrect {
      correctCounts[gold, default: 0] += 1
    } else {
      confusionCounts[gold, default: [:]][found, default: 0] += 1
    }
    if !isKnown {
      unknownCount += 1
      unknownCorrect += isCorrect ? 1 : 0
    }
  }

  /// The share of words whose tag was found, in percent.
  public var accuracy: Double { Self.percent(correct, of: count) }
  /// The same for words whose lower-cased form training data do not have.
  public var unknownAccuracy: Double { Self.percent(unknownCorrect, of: unknownCount) }
  /// The same for all other words.
  public var knownAccuracy: Double {
    Self.percent(correct - unknownCorrect, of: count - unknownCount)
  }

  /// The figures of each tag in the data, the most frequent first.
  public var perTag: [TagFigures] {
    goldCounts.keys.sorted {
      (-(goldCounts[$0] ?? 0), $0) < (-(goldCounts[$1] ?? 0), $1)
    }.map { tag in
      let gold = goldCounts[tag] ?? 0
      let found = foundCounts[tag] ?? 0
      let right = correctCounts[tag] ?? 0
      return TagFigures(
        tag: tag, precision: Self.percent(right, of: found), recall: Self.percent(right, of: gold),
        f1: Self.percent(2 * right, of: gold + found), count: gold)
    }
  }

  /// The `limit` most frequent confusions.
  public func mostConfused(_ limit: Int) -> [Confusion] {
    let all = confusionCounts.flatMap { gold, row in
      row.map { Confusion(gold: gold, found: $0, count: $1) }
    }
    return Array(
      all.sorted { (-$0.count, $0.gold, $0.found) < (-$1.count, $1.gold, $1.found) }.prefix(limit))
  }

  /// How often each tag was taken for each, the most frequent tag of the data first.
  public var confusionMatrix: ConfusionMatrix {
    let known = perTag.map(\.tag)
    let labels = known + foundCounts.keys.filter { goldCounts[$0] == nil }.sorted()
    let places = Dictionary(uniqueKeysWithValues: labels.enumerated().map { ($1, $0) })
    var matrix = ConfusionMatrix(labels: labels)
    for (gold, count) in correctCounts {
      if let place = places[gold] { matrix.add(gold: place, found: place, count: count) }
    }
    for (gold, row) in confusionCounts {
      for (found, count) in row {
        if let first = places[gold], let second = places[found] {
          matrix.add(gold: first, found: second, count: count)
        }
      }
    }
    return matrix
  }

  /// The figures as the training loop takes them, the accuracy first.
  public var evaluation: Evaluation {
    Evaluation([.init("accuracy", accuracy), .init("unknownAccuracy", unknownAccuracy)])
  }

  /// The object that `evaluate --json` prints.
  public func json(split: EvaluationSplit, wordsPerSecond: Double) -> JSONValue {
    .object([
      .init("split", .string(split.rawValue)), .init("accuracy", .number(accuracy)),
      .init("knownAccuracy", .number(knownAccuracy)),
      .init("unknownAccuracy", unknownCount > 0 ? .number(unknownAccuracy) : .null),
      .init("count", .integer(count)),
      .init("unknownCount", .integer(unknownCount)),
      .init("predict", .object([.init("wordsPerSecond", .number(wordsPerSecond.rounded()))])),
      .init(
        "perTag",
        .array(
          perTag.map {
            .object([
              .init("tag", .string($0.tag)), .init("precision", .number($0.precision)),
              .init("recall", .number($0.recall)), .init("f1", .number($0.f1)),
              .init("count", .integer($0.count)),
            ])
          })),
      .init(
        "mostConfused",
        .array(
          mostConfused(20).map {
            .object([
              .init("gold", .string($0.gold)), .init("found", .string($0.found)),
              .init("count", .integer($0.count)),
            ])
          })),
    ])
  }

  private static func percent(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) * 100 / Double(whole)
  }
}
