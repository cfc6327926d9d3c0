// How a parser's model is used: options of meprop evaluate and meprop predict.

import ArgumentParser
import Foundation
import MePropTasks

/// The options of a parser in use.
struct ParserUseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "For parsers, hypotheses kept a sentence; 1 (default) takes the best transition at every step.",
      valueName: "n"))
  var beam: Int?

  @Option(
    help: ArgumentHelp(
      "For parsers, the model of a tagger whose tags are read instead of the input's.",
      valueName: "folder"), completion: .directory)
  var tagger: String?

  func validate() throws {
    if let beam, !(1...1000).contains(beam) {
      throw ValidationError("--beam: found \(beam), expected 1 to 1000")
    }
  }

  /// The hypotheses kept a sentence.
  var beamWidth: Int { beam ?? 1 }

  /// Throws if any is given for a model that is no parser.
  func requireNone(for model: String) throws {
    for (name, isGiven) in [("--beam", beam != nil), ("--tagger", tagger != nil)] where isGiven {
      throw UsageError("\(name) is for parsers, and '\(model)' is none; leave it out")
    }
  }

  /// The tagger, if there is one.
  func parserTagger(threadCount: Int) throws -> ParserTagger? {
    try tagger.map { try ParserTagger(at: URL(fileURLWithPath: $0), threadCount: threadCount) }
  }
}
