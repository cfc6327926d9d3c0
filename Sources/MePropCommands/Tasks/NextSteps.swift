// What to do next, for those who call a command without saying on what.

import Foundation
import MePropTasks

/// Texts for commands that were called without what they need.
enum NextSteps {
  /// What `meprop train` says without a task.
  static var training: String {
    let tasks = TaskRegistry.current.tasks
    let width = tasks.map { $0.name.count }.max() ?? 0
    let first = tasks.first?.name ?? "TASK"
    let names = tasks.map { task in
      "  \(task.name)\(String(repeating: " ", count: width - task.name.count))  "
        + task.help.abstract
    }
    let commands = [
      ("meprop train \(first)", "trains with the default recipe"),
      ("meprop plan \(first)", "says first what that will cost"),
      ("meprop train \(first) --help", "lists the options"),
    ]
    let room = commands.map { $0.0.count }.max() ?? 0
    return
      (["Name what to train:", ""] + names + ["", "For example:", ""]
      + commands.map { command, meaning in
        "  \(command)\(String(repeating: " ", count: room - command.count))  \(meaning)"
      }).joined(separator: "\n") + "\n"
  }

  /// The folder of a model, where one was named.
  ///
  /// - Parameters:
  ///   - folder: What was named.
  ///   - command: The command, for example `meprop evaluate`.
  ///   - rest: What may follow the folder, for example ` images-idx3-ubyte.gz`.
  /// - Returns: The folder.
  /// - Throws: `UsageError` that says which command would work.
  static func model(_ folder: String?, for command: String, _ rest: String = "") throws -> String {
    if let folder { return folder }
    let remedy =
      if let run = newestRun {
        "the newest in runs/ here: '\(command) \(run)\(rest)'"
      } else {
        "train one first: 'meprop train \(TaskRegistry.current.names.first ?? "TASK")'"
      }
    throw UsageError("\(command): expected the folder of a run; \(remedy)")
  }

  /// The newest folder in `runs` that has a model.
  private static var newestRun: String? {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: "runs")) ?? []
    let runs = names.compactMap { name -> (name: String, date: Date)? in
      let model = URL(fileURLWithPath: "runs/\(name)/model/model.json")
      let values = try? model.resourceValues(forKeys: [.contentModificationDateKey])
      return values?.contentModificationDate.map { (name, $0) }
    }
    return runs.max { ($0.date, $0.name) < ($1.date, $1.name) }.map { "runs/\($0.name)" }
  }
}
