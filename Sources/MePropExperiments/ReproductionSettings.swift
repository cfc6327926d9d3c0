// How experiments are run: seeds, threads, subsets, and what overrides their settings.

import MePropTasks
import MePropTraining

/// What a user asks of `meprop reproduce`, tables aside.
public struct ReproductionSettings: Sendable {
  /// Whether subsets are enough: to see that everything works and where figures lie, in minutes.
  public var isQuick = false
  /// The number of seeds, which count from 1.
  public var seedCount = 3
  /// Threads to train with; `nil`: measured for each run.
  public var threads: Int?
  /// Threads that step times are measured with.
  public var timingThreads = 1
  /// A Python interpreter with PyTorch, for steps beside ours; `nil`: none.
  public var python: String?
  /// A folder with the Penn Treebank, or another treebank, for tagging and parsing; `nil`: UD
  /// English EWT.
  public var treebank: String?
  /// Settings by task that override those of experiments.
  public var overrides: [String: [ExperimentSetting]] = [:]

  /// Creates settings for the full experiments.
  public init() {}
}

extension ReproductionSettings {
  /// The configuration of an experiment with a seed.
  ///
  /// - Throws: `ConfigurationError`.
  func configuration(of experiment: Experiment, seed: Int) throws -> Configuration {
    let task = try experiment.definition
    var all = experiment.settings
    if isQuick { all += experiment.quick }
    if let treebank, let use = task.treebankUse {
      all.append(ExperimentSetting("data", treebank))
      all += use.settings.map { ExperimentSetting($0.key, $0.value) }
    }
    all += overrides[experiment.task] ?? []
    all.append(ExperimentSetting("seed", String(seed)))
    all.append(ExperimentSetting("threads", threads.map(String.init) ?? "auto"))
    return try TrainingRequest(assignments: all.map { "\($0.key)=\($0.value)" })
      .configuration(for: task.schema)
  }
}

extension ReproductionSettings {
  /// Adds an override, `TASK.KEY=VALUE`.
  ///
  /// - Throws: `UsageError`.
  public mutating func apply(override text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    let name = parts[0].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2, name.count == 2 else {
      throw UsageError(
        "--set: found '\(text)', expected TASK.KEY=VALUE, for example digits.epochs=5")
    }
    guard let definition = TaskRegistry.current[String(name[0])] else {
      throw UsageError(
        "--set: found task '\(name[0])', expected one of "
          + TaskRegistry.current.names.joined(separator: ", "))
    }
    guard definition.schema[String(name[1])] != nil else {
      let suggestion = definition.schema.suggestion(for: String(name[1]))
      throw UsageError(
        "--set: \(definition.name) has no key '\(name[1])'"
          + (suggestion.map { "; did you mean '\($0)'?" } ?? ""))
    }
    overrides[definition.name, default: []].append(
      ExperimentSetting(String(name[1]), String(parts[1])))
  }
}
