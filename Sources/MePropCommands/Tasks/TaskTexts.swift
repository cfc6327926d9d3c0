// Help that is put together from what tasks say of themselves.

import MePropTasks

/// Texts of commands that are for all tasks.
enum TaskTexts {
  /// A discussion with a paragraph for each task, and examples.
  ///
  /// - Parameters:
  ///   - start: What is true of all tasks.
  ///   - text: What a task says.
  ///   - examples: Which of the examples of tasks are of the command.
  /// - Returns: The discussion.
  static func discussion(
    _ start: String, _ text: (any TaskDefinition.Type) -> String, examples: (String) -> Bool
  ) -> String {
    let tasks = TaskRegistry.current.tasks
    let paragraphs = tasks.map { "For \($0.name): \(text($0))." }
    return ([start] + paragraphs).joined(separator: "\n\n")
      + self.examples(tasks.flatMap { $0.help.uses }.filter(examples))
  }

  /// Examples as the end of a discussion.
  static func examples(_ commands: [String]) -> String {
    commands.isEmpty
      ? "" : "\n\nEXAMPLES:\n" + commands.map { "  \($0)" }.joined(separator: "\n")
  }
}
