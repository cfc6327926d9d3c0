// The tasks that there are: one line for each.

/// A list of tasks.
public struct TaskRegistry: Sendable {
  /// The tasks of this package.
  public static let standard = TaskRegistry([
    Digits.self,
    Tagger.self,
    Parser.self,
    Images.self,
    Table.self,
  ])

  /// The tasks that commands, plans and experiments know; tests put others in their place.
  @TaskLocal package static var current = TaskRegistry.standard

  /// The tasks, in the order in which they are listed.
  public let tasks: [any TaskDefinition.Type]

  /// Creates a list; two tasks of one name are a programmer's error.
  public init(_ tasks: [any TaskDefinition.Type]) {
    precondition(
      Set(tasks.map { $0.name }).count == tasks.count,
      "TaskRegistry: two of the tasks \(tasks.map { $0.name }) have the same name")
    self.tasks = tasks
  }

  /// The names of all tasks.
  public var names: [String] { tasks.map { $0.name } }

  /// The task of this name, or `nil`.
  public subscript(name: String) -> (any TaskDefinition.Type)? { tasks.first { $0.name == name } }
}
