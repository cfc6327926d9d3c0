// How a model is used, and finding out whose model it is.

import Foundation
import MePropCore
import MePropData
import MePropTraining

/// How a model is used by `evaluate` and `predict`.
public struct ModelUse: Sendable {
  /// The values of the task's own options.
  public var options: Configuration
  /// The threads to compute with.
  public var threadCount: Int
  /// What finds data.
  public var source: DataSource

  /// Creates a record; `options` has the keys of the task's options.
  public init(
    options: Configuration, threadCount: Int = ComputeContext.availableThreads,
    source: DataSource = DataSource()
  ) {
    self.options = options
    self.threadCount = threadCount
    self.source = source
  }

  /// A new place to compute, with so many threads.
  var context: ComputeContext { ComputeContext(threadCount: threadCount) }

  /// The value of a key `precision`, or `nil` where it says that a model computes as it was
  /// trained.
  func precision<Value: RawRepresentable<String>>() -> Value? {
    options.optionalString("precision").flatMap(Value.init(rawValue:))
  }
}

extension ConfigurationKey {
  /// The option of a model that may read other numbers than it was trained with.
  static func precision(_ choices: [String], _ summary: String) -> ConfigurationKey {
    .init("precision", .auto(.choice(choices)), default: .auto, summary)
  }
}

extension TaskRegistry {
  /// The task of the model in a folder, or in the folder of its run.
  ///
  /// - Throws: `ModelFileError`, also where the model is of no task of this list.
  public func task(ofModelAt url: URL) throws -> any TaskDefinition.Type {
    let saved = try SavedModel(at: url)
    guard let name = saved.task, let task = self[name] else {
      throw ModelFileError.wrongField(
        path: saved.descriptionPath, key: "task",
        expected: names.count == 1 ? names[0] : "one of \(names.joined(separator: ", "))",
        found: saved.task ?? "nothing")
    }
    return task
  }
}
