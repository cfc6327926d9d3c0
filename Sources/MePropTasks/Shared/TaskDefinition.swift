// What plans and experiments need to know of a task, so that they work for every task alike.

import MePropData
import MePropTraining

/// Makes the task that a configuration describes ready for the training loop.
public typealias TaskPreparer = (Configuration) throws -> PreparedTask

/// A task by its name, its keys and how it is made.
public struct TaskDefinition: Sendable {
  /// The name in the command line.
  public var name: String
  /// The keys of its configuration; among them `select`, `k`, `threads`, `epochs` and `seed`.
  public var schema: ConfigurationSchema
  /// Returns a preparer, which keeps the data that it read last for the next call.
  ///
  /// Its arguments: what finds data, and what is told of downloads, on an arbitrary thread.
  public var makePreparer:
    @Sendable (DataLocator, @escaping @Sendable (DownloadProgress) -> Void) -> TaskPreparer

  /// Creates a definition.
  public init(
    name: String, schema: ConfigurationSchema,
    makePreparer:
      @escaping @Sendable (DataLocator, @escaping @Sendable (DownloadProgress) -> Void)
      -> TaskPreparer
  ) {
    self.name = name
    self.schema = schema
    self.makePreparer = makePreparer
  }

  /// All tasks.
  public static let all: [TaskDefinition] = [
    DigitsTask.definition, TaggerTask.definition, ParserTask.definition,
  ]

  /// The task of this name, or `nil`.
  public static func named(_ name: String) -> TaskDefinition? { all.first { $0.name == name } }
}

/// Keeps what was read last, for tasks that are made from the same data one after another.
final class DataCache<Value> {
  private var last: (key: [String], value: Value)?

  /// Returns what was read with the same key last, or reads it.
  func value(for key: [String], read: () throws -> Value) rethrows -> Value {
    if let last, last.key == key { return last.value }
    // Not two at a time.
    last = nil
    let value = try read()
    last = (key, value)
    return value
  }
}

extension Configuration {
  /// The texts of some values, as a key for data that depend on nothing else.
  func texts(of names: [String]) -> [String] { names.map { value($0).text } }
}
