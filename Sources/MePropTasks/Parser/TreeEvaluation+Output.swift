// The figures of predicted trees as tables of text and as JSON.

import Foundation
import MePropData
import MePropTraining

extension TreeEvaluation {
  /// The figures as tables, percentages with two decimals.
  public var tables: [ReportTable] {
    var figures: [[String]] = [["words", "count", "UAS", "LAS"]]
    figures.append(["all", "\(all.count)", fixed(all.uas), fixed(all.las)])
    figures.append([
      "without punctuation", "\(withoutPunctuation.count)", fixed(withoutPunctuation.uas),
      fixed(withoutPunctuation.las),
    ])
    var tables = [ReportTable("Attachment", rows: figures)]
    let content = [("CLAS", clas), ("MLAS", mlas)].compactMap { name, score in
      score.map {
        [name, fixed($0.precision * 100), fixed($0.recall * 100), fixed($0.f1 * 100)]
      }
    }
    if !content.isEmpty {
      tables.append(
        ReportTable("Content words", rows: [["", "precision", "recall", "F1"]] + content))
    }
    func arcs(_ title: String, _ name: String, _ figures: [ClassFigures]) -> ReportTable {
      ReportTable(
        title,
        rows: [[name, "precision", "recall", "F1", "gold", "found"]]
          + figures.map {
            [$0.name] + $0.texts + ["\($0.goldCount)", "\($0.foundCount)"]
          })
    }
    tables.append(arcs("Head and relation, by relation", "relation", byRelation))
    tables.append(arcs("Heads, by distance in words", "distance", byDistance))
    tables.append(
      ReportTable(
        "Attachment, by words in the sentence",
        rows: [["words", "sentences", "words in all", "UAS", "LAS"]]
          + byLength.map {
            [
              $0.name, "\($0.sentences)", "\($0.attachment.count)", fixed($0.attachment.uas),
              fixed($0.attachment.las),
            ]
          }))
    return tables
  }

  /// The members of the object that `evaluate --json` prints: `uas`, `las`, `clas`, `mlas` and
  /// `count` of all words, `withoutPunctuation`, `byRelation`, `byDistance` and `bySentenceLength`,
  /// in percent.
  public var jsonMembers: [JSONValue.Member] {
    func attachment(_ figures: Attachment) -> [JSONValue.Member] {
      [
        .init("uas", .number(figures.uas)), .init("las", .number(figures.las)),
        .init("count", .integer(figures.count)),
      ]
    }
    func arcs(_ key: String, _ figures: [ClassFigures]) -> JSONValue {
      .array(
        figures.map {
          .object(
            [.init(key, .string($0.name))] + $0.members + [
              .init("gold", .integer($0.goldCount)), .init("found", .integer($0.foundCount)),
            ])
        })
    }
    var members = attachment(all)
    if let clas { members.append(.init("clas", .number(clas.f1 * 100))) }
    if let mlas { members.append(.init("mlas", .number(mlas.f1 * 100))) }
    members += [
      .init("withoutPunctuation", .object(attachment(withoutPunctuation))),
      .init("byRelation", arcs("relation", byRelation)),
      .init("byDistance", arcs("distance", byDistance)),
      .init(
        "bySentenceLength",
        .array(
          byLength.map {
            .object(
              [
                .init("length", .string($0.name)), .init("sentences", .integer($0.sentences)),
              ] + attachment($0.attachment))
          })),
    ]
    return members
  }

  /// What `evaluate` prints.
  func report(seconds: Double) -> EvaluationReport {
    EvaluationReport(
      summary: "UAS \(fixed(all.uas)) %, LAS \(fixed(all.las)) % of \(all.count) words",
      count: all.count, unit: "words", seconds: seconds, tables: tables,
      members: jsonMembers.filter { $0.key != "count" }, chart: chart)
  }

  /// A drawing of F1 by relation and by distance, and of LAS by the length of sentences.
  private var chart: ReportChart {
    let shown = byRelation.prefix(30)
    let rest =
      byRelation.count > shown.count
      ? ", the \(shown.count) most frequent of \(byRelation.count)" : ""
    return ReportChart(
      title: "UAS \(fixed(all.uas)) %, LAS \(fixed(all.las)) %",
      summary: "\(all.count) words; without punctuation \(withoutPunctuation.count) words, "
        + "UAS \(fixed(withoutPunctuation.uas)) %, LAS \(fixed(withoutPunctuation.las)) %. Bars "
        + "show "
        + "percentages: F1 by relation and by the distance between head and dependent, and LAS by "
        + "the number of words in the sentence.",
      groups: [
        .init(
          title: "F1 of head and relation, by relation\(rest)", counts: "arcs",
          bars: shown.map(\.bar)),
        .init(
          title: "F1 of heads, by distance in words", counts: "arcs", bars: byDistance.map(\.bar)),
        .init(
          title: "LAS, by words in the sentence", counts: "words",
          bars: byLength.map {
            .init(name: $0.name, value: $0.attachment.las, count: $0.attachment.count)
          }),
      ])
  }
}
