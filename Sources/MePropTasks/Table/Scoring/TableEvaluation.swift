// What a network makes of rows whose targets are known: figures of classes, labels and numbers.

import Foundation
import MePropCore
import MePropNN
import MePropTraining

/// The figures of a model on a table.
public struct TableEvaluation: Sendable, Equatable {
  /// What the target is.
  public let kind: TargetKind
  /// The number of rows.
  public internal(set) var count = 0
  /// The names of classes or labels.
  public let classes: [String]

  // Of classes.
  /// How often rows of a class (row) were taken for a class (column); of labels, pairs of label and
  /// of whether it holds, see ``labelCounts``.
  public internal(set) var confusion: [[Int]] = []
  /// The mean of `−log p` of what is true, in nats; of labels added up over labels.
  public internal(set) var logLoss = 0.0
  /// The area under the ROC curve, in percent: the mean over classes, each against the others, or
  /// over labels; those that all rows or none have are left out, and 50 where all are.
  public internal(set) var auc = 50.0
  /// Of labels: how many rows have it and were found to, have it, were found to.
  public internal(set) var labelCounts: [(correct: Int, gold: Int, found: Int)] = []
  /// Of labels: the rows all of whose labels were found.
  var exactCount = 0

  // Of numbers.
  /// The share of the variance that is explained; 0 where the target does not vary.
  public internal(set) var r2 = 0.0
  /// The root of the mean square error, in units of the target.
  public internal(set) var rmse = 0.0
  /// The mean absolute error, in units of the target.
  public internal(set) var mae = 0.0

  init(_ target: TableSchema.Target) {
    kind = target.kind
    classes = target.kind == .number ? [] : target.classes
  }

  /// Compares figures.
  public static func == (one: TableEvaluation, other: TableEvaluation) -> Bool {
    one.count == other.count && one.confusion == other.confusion && one.logLoss == other.logLoss
      && one.auc == other.auc && one.r2 == other.r2 && one.rmse == other.rmse
      && one.mae == other.mae
  }

  /// The share of rows whose class, or all of whose labels, were found, in percent.
  public var accuracy: Double {
    kind == .labels
      ? percent(exactCount, of: count)
      : percent(confusion.indices.reduce(0) { $0 + confusion[$1][$1] }, of: count)
  }

  /// The mean recall of the classes, or labels, that there are, in percent.
  public var balancedAccuracy: Double {
    mean(perClass.filter { $0.goldCount > 0 }.map(\.recall))
  }

  /// The mean F1 of the classes, or labels, that there are, in percent.
  public var f1: Double { mean(perClass.filter { $0.goldCount > 0 }.map(\.f1)) }

  private func mean(_ values: [Double]) -> Double {
    values.isEmpty ? 0 : values.reduce(0, +) / Double(values.count)
  }

  /// The figures of each class or label.
  public var perClass: [ClassFigures] {
    if kind == .labels {
      return zip(classes, labelCounts).map { name, counts in
        ClassFigures(
          name: name, goldCount: counts.gold, foundCount: counts.found,
          correctCount: counts.correct)
      }
    }
    return confusion.indices.map { index in
      ClassFigures(
        name: classes[index], goldCount: confusion[index].reduce(0, +),
        foundCount: confusion.reduce(0) { $0 + $1[index] }, correctCount: confusion[index][index])
    }
  }

  /// The confusion as run folders keep it; `nil` of numbers and labels.
  public var confusionMatrix: ConfusionMatrix? {
    guard kind == .classes else { return nil }
    var matrix = ConfusionMatrix(labels: classes)
    for (gold, row) in confusion.enumerated() {
      for (found, count) in row.enumerated() { matrix.add(gold: gold, found: found, count: count) }
    }
    return matrix
  }

  /// The figures as the training loop takes them: the accuracy, or R², first.
  public var evaluation: Evaluation {
    switch kind {
    case .number:
      Evaluation([.init("r2", r2), .init("rmse", rmse), .init("mae", mae)])
    case .classes, .labels:
      Evaluation([
        .init("accuracy", accuracy), .init("balancedAccuracy", balancedAccuracy),
        .init("logLoss", logLoss), .init("auc", auc), .init("f1", f1),
      ])
    }
  }

  /// What `evaluate` prints; `data` says what was evaluated.
  package func report(seconds: Double, data: String) -> EvaluationReport {
    guard kind != .number else {
      return EvaluationReport(
        summary: "R2 \(fixed(r2, 4)), RMSE \(short(rmse)), MAE \(short(mae)), \(count) rows",
        data: data, count: count, unit: "rows", seconds: seconds, tables: [],
        members: [
          .init("r2", .number(r2)), .init("rmse", .number(rmse)), .init("mae", .number(mae)),
        ])
    }
    let figures = perClass
    let summary =
      "accuracy \(fixed(accuracy)) %, balanced \(fixed(balancedAccuracy)) %, log loss "
      + "\(fixed(logLoss, 4)), AUC \(fixed(auc)) %, \(count) rows"
    var tables: [ReportTable] = []
    if kind == .classes, classes.count <= 60 {
      tables.append(
        ReportTable(
          rows: [["true \\ found"] + classes]
            + zip(classes, confusion).map { [$0] + $1.map(String.init) }))
    }
    let unit = kind == .labels ? "label" : "class"
    tables.append(figures.table(unit, counts: "rows"))
    return EvaluationReport(
      summary: summary, data: data, count: count, unit: "rows", seconds: seconds,
      tables: tables,
      members: [
        .init("accuracy", .number(accuracy)), .init("balancedAccuracy", .number(balancedAccuracy)),
        .init("logLoss", .number(logLoss)), .init("auc", .number(auc)), .init("f1", .number(f1)),
        .init("perClass", figures.json(unit)),
      ], chart: figures.chart(summary, unit, counts: "rows"))
  }
}

/// A number with four or five digits.
func short(_ value: Double) -> String { String(format: "%.5g", value) }

/// Scores and truths, for the area under the ROC curve.
package struct RankedScores {
  private var scores: [Float] = []
  private var truths: [Bool] = []

  package init() {}

  package mutating func add(_ score: Float, isTrue: Bool) {
    scores.append(score)
    truths.append(isTrue)
  }

  /// Adds those of other rows.
  mutating func add(_ other: RankedScores) {
    scores += other.scores
    truths += other.truths
  }

  /// Scores and truths, one after the other.
  var bytes: [UInt8] {
    scores.withUnsafeBytes { Array($0) } + truths.map { $0 ? 1 : 0 }
  }

  /// Reads ``bytes``.
  init(_ bytes: ArraySlice<UInt8>) {
    let count = bytes.count / 5
    bytes.withUnsafeBytes { bytes in
      scores = (0..<count).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: Float.self) }
      truths = bytes[(4 * count)...].map { $0 == 1 }
    }
  }

  /// The chance that a true one scores above a false one, ties counting one half; `nil` where all
  /// are true or none is, NaN where a score is NaN.
  ///
  /// O(*n* log *n*).
  package var area: Double? {
    // Neither sorted nor equal to itself.
    if scores.contains(where: \.isNaN) { return .nan }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    var positives = 0
    var below = 0.0
    var negatives = 0
    var place = 0
    while place < order.count {
      var last = place
      var (ties, trueTies) = (0, 0)
      while last < order.count, scores[order[last]] == scores[order[place]] {
        ties += 1
        if truths[order[last]] { trueTies += 1 }
        last += 1
      }
      below += Double(trueTies) * (Double(negatives) + Double(ties - trueTies) / 2)
      positives += trueTies
      negatives += ties - trueTies
      place = last
    }
    guard positives > 0, negatives > 0 else { return nil }
    return below / Double(positives) / Double(negatives)
  }
}
