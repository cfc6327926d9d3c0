// The data of experiments: read once for each task, refused before anything is done with them, and
// with advice that `meprop reproduce` can take.

import Foundation
import MePropData
import MePropTasks
import MePropTraining

/// Data that experiments cannot be run on, in a line that names options of `meprop reproduce`.
public struct ReproductionDataError: Error, Equatable, Sendable, CustomStringConvertible,
  LocalizedError
{
  /// One line: place, expected, found, what to do.
  public var description: String
  /// The same line, for callers that print Foundation's errors.
  public var errorDescription: String? { description }
}

/// Makes tasks of experiments, from data that are kept for the next experiment of the same task.
public final class ReproductionData {
  private let treebank: String?
  private let locator: DataLocator
  private let source: DataSource
  private var preparers: [String: TaskPreparer] = [:]
  /// The tasks whose sections of the treebank are all there.
  private var checked: Set<String> = []

  /// Reads nothing yet.
  ///
  /// - Parameters:
  ///   - settings: Name the treebank, if there is one.
  ///   - locator: Finds data.
  ///   - downloads: Told of downloads, on an arbitrary thread.
  public init(
    _ settings: ReproductionSettings, locator: DataLocator,
    downloads: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) {
    treebank = settings.treebank
    self.locator = locator
    source = DataSource(locator, progress: downloads)
  }

  /// Makes the task of an experiment.
  ///
  /// - Parameters:
  ///   - experiment: Names the task.
  ///   - configuration: With the settings of the experiment.
  /// - Returns: The task at the start of a run.
  /// - Throws: `ConfigurationError`; `UsageError`, `ReproductionDataError` and what else preparing
  ///   throws.
  func prepare(_ experiment: Experiment, _ configuration: Configuration) throws -> PreparedTask {
    let prepare =
      try preparers[experiment.task] ?? experiment.definition.makePreparer(source)
    preparers[experiment.task] = prepare
    let usesTreebank = usesTreebank(configuration)
    if usesTreebank, !checked.contains(experiment.task) {
      try checkTreebank(for: [experiment.task])
      checked.insert(experiment.task)
    }
    do {
      return try prepare(configuration)
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw Self.advised(error, task: experiment.task, usesTreebank: usesTreebank)
    }
  }

  /// Whether a configuration is for the treebank of `--ptb`; settings may put other data in its
  /// place.
  func usesTreebank(_ configuration: Configuration) -> Bool {
    treebank != nil && configuration.value("data").text == treebank
  }

  /// Refuses a treebank that is nowhere, or that lacks a section which the paper trains or tests
  /// on.
  ///
  /// - Parameter tasks: The tasks that are trained on it.
  /// - Throws: `UsageError`, `ReproductionDataError` naming all sections that are missing.
  func checkTreebank(for tasks: [String]) throws {
    guard let treebank, !tasks.isEmpty else { return }
    let place: URL?
    do {
      place = try locator.localTreebankFolder(treebank)
    } catch TreebankError.notFound(let name, let places) {
      throw UsageError(
        "--ptb: found no folder \(places.first ?? name), expected one that has the sections 00 to "
          + "24 of the Penn "
          + "Treebank as folders of .mrg or CoNLL-X files")
    }
    guard let folder = place else { return }
    let divisions = tasks.compactMap { TaskRegistry.current[$0]?.treebankUse?.sections }
    do {
      try Treebank.requireSections(of: divisions, in: folder)
    } catch {
      throw Self.advised(error, task: tasks[0], usesTreebank: true)
    }
  }

  /// An error with options of `meprop reproduce` in the place of those of `meprop train`, which it
  /// does not have.
  private static func advised(
    _ error: any Error, task: String, usesTreebank: Bool
  ) -> any Error {
    let line = String(describing: error)
    var advice = line
    for (flag, option) in [
      ("--data", usesTreebank ? "--ptb" : "--set \(task).data=FOLDER"),
      ("--column ", "--set \(task).column="), ("--system ", "--set \(task).system="),
    ] {
      advice = advice.replacing(flag, with: option)
    }
    if advice == line { return error }
    if UsageError.isUsage(error) { return UsageError(advice) }
    return ReproductionDataError(description: advice)
  }
}
