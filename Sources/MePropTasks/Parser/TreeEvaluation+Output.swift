// The figures of predicted trees as tables of text and as JSON.

import Foundation
import MePropData
import MePropTraining

extension TreeEvaluation {
  /// A table: a title, heads of columns, and rows whose first column names them.
  public struct Table: Sendable, Equatable {
    /// What is shown.
    public var title: String
    /// The heads of columns, then the rows.
    public var rows: [[String]]
  }

  /// The figures as tables, percentages with two decimals.
  public var tables: [Table] {
    var figures: [[String]] = [["words", "count", "UAS", "LAS"]]
    figures.append(["all", "\(all.count)", fixed(all.uas), fixed(all.las)])
    figures.append([
      "without punctuation", "\(withoutPunctuation.count)", fixed(withoutPunctuation.uas),
      fixed(withoutPunctuation.las),
    ])
    var tables = [Table(title: "Attachment", rows: figures)]
    let content = [("CLAS", clas), ("MLAS", mlas)].compactMap { name, score in
      score.map {
        [name, fixed($0.precision * 100), fixed($0.recall * 100), fixed($0.f1 * 100)]
      }
    }
    if !content.isEmpty {
      tables.append(
        Table(title: "Content words", rows: [["", "precision", "recall", "F1"]] + content))
    }
    func arcs(_ title: String, _ name: String, _ figures: [ArcFigures]) -> Table {
      Table(
        title: title,
        rows: [[name, "precision", "recall", "F1", "gold", "found"]]
          + figures.map {
            [
              $0.name, fixed($0.precision), fixed($0.recall), fixed($0.f1), "\($0.goldCount)",
              "\($0.foundCount)",
            ]
          })
    }
    tables.append(arcs("Head and relation, by relation", "relation", byRelation))
    tables.append(arcs("Heads, by distance in words", "distance", byDistance))
    tables.append(
      Table(
        title: "Attachment, by words in the sentence",
        rows: [["words", "sentences", "words in all", "UAS", "LAS"]]
          + byLength.map {
            [
              $0.name, "\($0.sentences)", "\($0.attachment.count)", fixed($0.attachment.uas),
              fixed($0.attachment.las),
            ]
          }))
    return tables
  }

  /// The members of the object that `evaluate --json` prints: `uas`, `las`, `clas`, `mlas` and `count`
  /// of all words, `withoutPunctuation`, `byRelation`, `byDistance` and `bySentenceLength`, in percent.
  public var jsonMembers: [JSONValue.Member] {
    func attachment(_ figures: Attachment) -> [JSONValue.Member] {
      [
        .init("uas", .number(figures.uas)), .init("las", .number(figures.las)),
        .init("count", .integer(figures.count)),
      ]
    }
    func arcs(_ key: String, _ figures: [ArcFigures]) -> JSONValue {
      .array(
        figures.map {
          .object([
            .init(key, .string($0.name)), .init("precision", .number($0.precision)),
            .init("recall", .number($0.recall)), .init("f1", .number($0.f1)),
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

  private func fixed(_ value: Double) -> String { String(format: "%.2f", value) }
}
