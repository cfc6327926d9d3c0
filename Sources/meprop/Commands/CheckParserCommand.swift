// meprop check parser: what in a treebank would hurt a parser.

import ArgumentParser
import Foundation
import MePropTasks

/// `meprop check parser`.
struct CheckParserCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "parser", abstract: "Check a treebank before a parser is trained on it.",
    discussion: """
      Reports arcs that cross, sentences with several roots, cycles, heads beyond the sentence, \
      relations seen once or only in dev or test, columns without tags, sentences of dev and test that \
      are in train as well, and damaged lines with their number. The exit code is 1 if the treebank \
      cannot be used.

      EXAMPLES:
        meprop check parser --data ud-english-ewt
        meprop check parser --data UD_Czech-PDT --json
      """)

  @Option(
    help: ArgumentHelp("The treebank.", valueName: "name|folder"), completion: .directory)
  var data = "ud-english-ewt"

  @Flag(help: "Print one JSON object.")
  var json = false

  func run() throws {
    let check = ParserCheck(try Treebank(folder: DataLocator.ofProcess.treebankFolder(data)))
    if json {
      try StandardOutput.write("\(check.json)\n")
    } else {
      try StandardOutput.write(
        table: [["part", "format", "sentences", "words", "longest", "crossing arcs", "roots > 1"]]
          + check.parts.map {
            [
              $0.name, $0.format?.rawValue ?? "-", "\($0.sentences)", "\($0.words)",
              "\($0.longest)", "\($0.crossingArcs)", "\($0.severalRoots)",
            ]
          })
      try StandardOutput.write("\(check.relationCount) distinct relations\n")
      for line in check.warnings { try StandardOutput.write("warning: \(line)\n") }
      for line in check.errors { try StandardOutput.write("error: \(line)\n") }
    }
    if !check.errors.isEmpty { throw ExitCode.failure }
  }
}
