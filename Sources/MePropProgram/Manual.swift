// The manual page, from what the parser knows of all commands.

import ArgumentParser
import Foundation
import MePropTraining

/// The page `meprop.1`, in the macros of man(7).
enum Manual {
  /// The whole page.
  ///
  /// - Throws: What decoding throws, if the parser describes commands in another way than it did.
  static var page: String {
    get throws {
      let description = Data(MePropTool._dumpHelp().utf8)
      let tool = try JSONDecoder().decode(Tool.self, from: description).command
      var lines = [
        ".TH MEPROP 1 \"\" \"meprop \(MePropVersion.current)\" \"User Commands\"",
        ".SH NAME", "meprop \\- \(text(tool.abstract ?? ""))",
        ".SH SYNOPSIS", ".B meprop", ".I subcommand", "[\\fIargument\\fR ...] [\\fIoption\\fR ...]",
        ".SH DESCRIPTION",
      ]
      lines += paragraphs(tool.discussion)
      lines.append(".SH SUBCOMMANDS")
      for command in tool.subcommands ?? [] { lines += section(command, of: "meprop") }
      return lines.joined(separator: "\n") + "\n"
    }
  }

  /// A command with its arguments and options, then those below it.
  private static func section(_ command: Command, of parent: String) -> [String] {
    guard command.commandName != "help" else { return [] }
    let name = "\(parent) \(command.commandName)"
    var lines = [".SS \(text(name))"]
    lines += paragraphs(command.abstract) + paragraphs(command.discussion)
    for argument in command.arguments ?? [] where argument.isShown {
      lines += [".TP", heading(of: argument)]
      lines += paragraphs(argument.abstract, separator: ".IP")
      lines += paragraphs(argument.discussion, separator: ".IP")
    }
    return lines + (command.subcommands ?? []).flatMap { section($0, of: name) }
  }

  /// The names of an option, or of an argument.
  private static func heading(of argument: Argument) -> String {
    let value = "\\fI\(text(argument.valueName ?? "value"))\\fR"
    let names = (argument.names ?? []).map {
      "\\fB\($0.kind == "long" ? "\\-\\-" : "\\-")\(text($0.name))\\fR"
    }
    return switch argument.kind {
    case "positional": value
    case "flag": names.joined(separator: ", ")
    default: names.joined(separator: ", ") + " " + value
    }
  }

  /// Lines of running text; a line that begins with spaces stays as it is.
  private static func paragraphs(_ text: String?, separator: String = ".PP") -> [String] {
    guard let text else { return [] }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map {
      $0.allSatisfy(\.isWhitespace) ? separator : self.text($0)
    }
  }

  /// Text that says nothing to the formatter.
  private static func text(_ text: some StringProtocol) -> String {
    let escaped = String(text).replacing("\\", with: "\\e").replacing("-", with: "\\-")
    return escaped.first == "." || escaped.first == "'" ? "\\&" + escaped : escaped
  }
}

extension Manual {
  /// What the parser prints for `--experimental-dump-help`, as far as it is needed here.
  private struct Tool: Decodable {
    var command: Command
  }

  private struct Command: Decodable {
    var commandName: String
    var abstract: String?
    var discussion: String?
    var subcommands: [Command]?
    var arguments: [Argument]?
  }

  private struct Argument: Decodable {
    struct Name: Decodable {
      var kind: String
      var name: String
    }

    var kind: String
    var shouldDisplay: Bool
    var names: [Name]?
    var valueName: String?
    var abstract: String?
    var discussion: String?

    /// Help and version are the same everywhere.
    var isShown: Bool {
      shouldDisplay && names?.contains { $0.name == "help" || $0.name == "version" } != true
    }
  }
}
