// meprop score: the CoNLL 2018 evaluation of tagged and parsed text.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop score`.
struct ScoreCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "score", abstract: "Score tagged and parsed text as the CoNLL 2018 task does.",
    discussion: """
      Compares two files in CoNLL-U, plain or gzip, that are the same text; words and sentences \
      may \
      be split differently. The figures are those of the official evaluation, conll18_ud_eval.py, \
      to \
      the last digit: percentages in the table, fractions with all their digits in JSON. Files \
      that \
      the official evaluation refuses (cycles, several roots, other text, no blank line at the \
      end) \
      are errors.

      EXAMPLES:
        meprop score en_ewt-ud-dev.conllu.gz parsed.conllu
        meprop predict runs/parser text.conllu | meprop score gold.conllu - --json
      """)

  @Argument(help: "What is right, - for standard input.", completion: .file())
  var gold: String

  @Argument(help: "What a system found, - for standard input.", completion: .file())
  var system: String

  @Flag(help: "Print counts of items instead of precision, recall and F1.")
  var counts = false

  @Flag(help: "Print one JSON object.")
  var json = false

  func validate() throws {
    if gold == "-", system == "-" {
      throw ValidationError("one of the two files can be standard input, not both")
    }
  }

  func run() throws {
    let scores = try UDScores(gold: input(gold), system: input(system))
    switch (json, counts) {
    case (false, false): try StandardOutput.write(scores.table)
    case (false, true): try StandardOutput.write(scores.countTable)
    case (true, false): try StandardOutput.write("\(scores.json)\n")
    case (true, true): try StandardOutput.write("\(scores.countJSON)\n")
    }
  }

  private func input(_ name: String) throws -> InputFile {
    name == "-"
      ? try InputFile(handle: .standardInput, name: "standard input") : try InputFile(path: name)
  }
}
