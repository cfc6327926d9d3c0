// Names of subcommands that do not exist, and those that were probably meant.

import ArgumentParser
import MePropTasks

/// Looks up the words of a command line that should be subcommands.
///
/// The parser would complain about what follows them first, and suggests names of options only.
enum CommandNames {
  /// Checks the words before the first option.
  ///
  /// - Parameter arguments: What follows the command's name.
  /// - Throws: `UsageError` that says which word is no subcommand.
  static func check(_ arguments: [String]) throws {
    var command: any ParsableCommand.Type = MePropTool.self
    var path = "meprop"
    for (place, word) in arguments.enumerated() {
      if word.hasPrefix("-") { return }
      if place == 0, word == "help" { continue }
      let subcommands = command.configuration.subcommands
      if subcommands.isEmpty { return }
      guard let next = subcommands.first(where: { name(of: $0) == word }) else {
        throw unknown(word, of: path, expected: subcommands.map(name))
      }
      command = next
      path += " " + word
    }
  }

  private static func name(of command: any ParsableCommand.Type) -> String {
    command.configuration.commandName ?? ""
  }

  private static func unknown(
    _ word: String, of path: String, expected names: [String]
  ) -> UsageError {
    let kind = names.contains { TaskRegistry.current[$0] != nil } ? "task" : "subcommand"
    let remedy =
      nearest(to: word.lowercased(), among: names).map { "did you mean '\($0)'?" }
      ?? "expected one of \(names.joined(separator: ", "))"
    return UsageError("\(path): found '\(word)', which is no \(kind); \(remedy)")
  }
}
