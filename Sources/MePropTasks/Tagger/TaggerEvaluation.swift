// Accuracy of a tagger: all words, known and unknown ones, each tag, confusions.

import MePropTraining

/// What a tagger makes of tagged sentences.
public struct TaggerEvaluation: Sendable, Equatable {
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
  public var accuracy: Double { percent(correct, of: count) }
  /// The same for words whose lower-cased form training data do not have.
  public var unknownAccuracy: Double { percent(unknownCorrect, of: unknownCount) }
  /// The same for all other words.
  public var knownAccuracy: Double {
    percent(correct - unknownCorrect, of: count - unknownCount)
  }

  /// The figures of each tag in the data, the most frequent first.
  public var perTag: [ClassFigures] {
    goldCounts.keys.sorted {
      (-(goldCounts[$0] ?? 0), $0) < (-(goldCounts[$1] ?? 0), $1)
    }.map { tag in
      ClassFigures(
        name: tag, goldCount: goldCounts[tag] ?? 0, foundCount: foundCounts[tag] ?? 0,
        correctCount: correctCounts[tag] ?? 0)
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
    let known = perTag.map(\.name)
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

  /// What `evaluate` prints.
  func report(seconds: Double) -> EvaluationReport {
    let tags = perTag
    let confused = mostConfused(20)
    let unknown =
      unknownCount > 0
      ? "unknown \(fixed(unknownAccuracy)) % of \(unknownCount)" : "none is unknown"
    let summary = "accuracy \(fixed(accuracy)) % of \(count) words"
    return EvaluationReport(
      summary: summary + " (known \(fixed(knownAccuracy)) %, \(unknown))", count: count,
      unit: "words", seconds: seconds,
      tables: [
        tags.table("tag", counts: "words"),
        ReportTable(
          rows: [["true", "found", "words"]] + confused.map { [$0.gold, $0.found, "\($0.count)"] }),
      ],
      members: [
        .init("accuracy", .number(accuracy)), .init("knownAccuracy", .number(knownAccuracy)),
        .init("unknownAccuracy", unknownCount > 0 ? .number(unknownAccuracy) : .null),
        .init("unknownCount", .integer(unknownCount)), .init("perTag", tags.json("tag")),
        .init(
          "mostConfused",
          .array(
            confused.map {
              .object([
                .init("gold", .string($0.gold)), .init("found", .string($0.found)),
                .init("count", .integer($0.count)),
              ])
            })),
      ], chart: tags.chart(summary, "tag", counts: "words"))
  }
}
