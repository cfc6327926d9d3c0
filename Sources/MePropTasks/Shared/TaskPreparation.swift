// From a configuration to a task at the start of a run, and to a trained one: the same for every
// task.

import Foundation
import MePropCore
import MePropData
import MePropTraining

extension TaskDefinition {
  /// Returns a preparer, which keeps the examples that it read last for the next call.
  ///
  /// What it throws is `ConfigurationError`, and what finding and reading data throws.
  public static func makePreparer(_ source: DataSource) -> TaskPreparer {
    let cache = DataCache<Examples>()
    return { try prepare($0, source, cache) }
  }

  /// Makes the task that a configuration describes: finds and loads data, chooses threads.
  ///
  /// - Parameters:
  ///   - configuration: Of ``schema``.
  ///   - source: Finds the data.
  /// - Returns: The task at the start of a run, with what the loop needs besides.
  /// - Throws: As ``makePreparer(_:)``.
  public static func prepare(
    _ configuration: Configuration, from source: DataSource
  ) throws -> PreparedTask {
    try prepare(configuration, source, DataCache())
  }

  private static func prepare(
    _ configuration: Configuration, _ source: DataSource, _ cache: DataCache<Examples>
  ) throws -> PreparedTask {
    let (asked, _) = try resolve(configuration, for: nil)
    let examples = try cache.value(for: configuration.texts(of: dataKeys)) {
      try load(asked, from: source)
    }
    let (settings, resolved) = try resolve(configuration, for: examples)
    let chosen = resolved.optionalInt("threads")
    let threads = try chosen ?? fastestThreadCount(resolved, examples)
    let context = ComputeContext(threadCount: threads)
    let task = try makeTask(settings, examples, context)
    try shard(task, by: resolved)
    let precision = schema["precision"].map { ", " + resolved.value($0.name).text } ?? ""
    var prepared = PreparedTask(
      task: task, configuration: resolved, stopping: resolved.stoppingRule, threadCount: threads,
      description: describe(task, examples) + [
        "\(threads) \(threads == 1 ? "thread" : "threads")" + (chosen == nil ? " (measured)" : "")
          + ", \(context.instructionSet.rawValue) kernels" + precision
      ])
    prepared.files = try files(of: examples)
    prepared.skipsNonFiniteSteps =
      schema["on-nan"] != nil && resolved.string("on-nan") == "skip"
    return prepared
  }

  /// Cuts batches into shards where a configuration says so; several processes share them later.
  private static func shard(_ task: Task, by configuration: Configuration) throws {
    guard schema["shards"] != nil, let count = configuration.optionalInt("shards") else { return }
    do {
      try task.shard(into: count, communicator: SingleProcess())
    } catch let error as ShardingError {
      throw configuration.conflict("shards", error.description)
    }
  }

  /// Measures a few steps on some of the examples with each number of threads.
  private static func fastestThreadCount(
    _ configuration: Configuration, _ examples: Examples
  ) throws -> Int {
    var trial = configuration
    // What diverges would be measured on NaN.
    if configuration.double("learning-rate") > 1e-3 {
      try trial.set("learning-rate", to: "0.001", from: configuration.origin(of: "learning-rate"))
    }
    var (settings, _) = try resolve(trial, for: examples)
    var some = examples
    shorten(&settings, &some)
    return ThreadChoice.fastest { threadCount in
      // What is wrong with the data the run will tell, and a step that fails is as long as any
      // other.
      guard
        let task = try? makeTask(settings, some, ComputeContext(threadCount: threadCount)),
        (try? shard(task, by: trial)) != nil, (try? task.beginEpoch(1)) != nil
      else { return {} }
      var step = 0
      return {
        _ = try? task.trainStep(step, ofEpoch: 1)
        step = (step + 1) % task.stepsPerEpoch
      }
    }
  }

  /// Does what `meprop train` is asked for.
  ///
  /// - Parameters:
  ///   - request: What the user wants.
  ///   - source: Finds the data.
  ///   - recorders: Who is told, besides the files in the run folder.
  ///   - handlesSignals: Whether Ctrl-C and SIGTERM end the run with a checkpoint.
  /// - Returns: What came of it.
  /// - Throws: As `TrainingRequest.train` and ``makePreparer(_:)``.
  public static func train(
    _ request: TrainingRequest, from source: DataSource = DataSource(),
    recorders: [any Recorder] = [ProgressRecorder()], handlesSignals: Bool = true
  ) throws -> TrainingReport {
    var source = source
    if request.resumes { source.run = request.runFolder ?? RunFolder.latest(task: name) }
    // A plan makes the task many times from the same examples; a run does not need them once it has
    // begun.
    let isPlanned = try request.configuration(for: schema).leavesSelectionOpen
    let planned = DataCache<Examples>()
    return try request.train(
      name, schema: schema, recorders: recorders, handlesSignals: handlesSignals
    ) { try prepare($0, source, isPlanned ? planned : DataCache()) }
  }
}

/// Where the data of tasks come from.
public struct DataSource: Sendable {
  /// Finds data sets by name.
  public var locator: DataLocator
  /// The run that is gone on with, whose folder may have files of its preparation; `nil` for a new
  /// one.
  public var run: URL?
  /// Told of downloads, on an arbitrary thread.
  public var progress: @Sendable (DownloadProgress) -> Void

  /// Creates a source; without arguments for the environment of this process, with downloads that
  /// nobody is told of.
  public init(
    _ locator: DataLocator = .ofProcess,
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) {
    self.locator = locator
    self.progress = progress
  }

  /// Finds a treebank; see `DataLocator.treebankFolder(_:progress:)`.
  func treebank(_ name: String, _ sections: TreebankSections) throws -> Treebank {
    try Treebank(folder: locator.treebankFolder(name, progress: progress), sections: sections)
  }
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
