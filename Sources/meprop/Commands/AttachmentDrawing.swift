// The figures of predicted trees as a drawing: a file of SVG that needs nothing else.

import Foundation
import MePropReport
import MePropTasks

extension TreeEvaluation {
  private static let relationsShown = 30

  /// A drawing of F1 by relation and by distance, and of LAS by the length of sentences.
  ///
  /// - Parameter name: What was evaluated, for the title.
  /// - Returns: The text of a file.
  func drawing(name: String) -> String {
    let shown = byRelation.prefix(Self.relationsShown)
    let rest =
      byRelation.count > shown.count
      ? ", the \(shown.count) most frequent of \(byRelation.count)" : ""
    func bars(_ figures: some Sequence<ArcFigures>) -> [BarGroups.Bar] {
      figures.map { .init($0.name, value: $0.f1, count: $0.goldCount) }
    }
    func text(_ value: Double) -> String { String(format: "%.2f", value) }
    let chart = BarGroups(
      title: "\(name): UAS \(text(all.uas)) %, LAS \(text(all.las)) %",
      summary: "\(all.count) words; without punctuation \(withoutPunctuation.count) words, "
        + "UAS \(text(withoutPunctuation.uas)) %, LAS \(text(withoutPunctuation.las)) %. Bars show "
        + "percentages: F1 by relation and by the distance between head and dependent, and LAS by "
        + "the number of words in the sentence.",
      groups: [
        .init(
          "F1 of head and relation, by relation\(rest)", counts: "arcs", bars: bars(shown)),
        .init("F1 of heads, by distance in words", counts: "arcs", bars: bars(byDistance)),
        .init(
          "LAS, by words in the sentence", counts: "words",
          bars: byLength.map {
            .init($0.name, value: $0.attachment.las, count: $0.attachment.count)
          }),
      ])
    return "\(chart.svg(id: "attachment", isStandalone: true))\n"
  }
}
