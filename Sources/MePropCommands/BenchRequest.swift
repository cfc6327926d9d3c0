// What `meprop bench` is asked to measure, and which options go with it.

import MePropBench
import MePropTaskBench
import MePropTasks

/// The groups of a benchmark and, behind the word `accuracy`, tasks.
struct BenchRequest {
  /// The groups of measurements that are rows of one operation.
  private(set) var groups: [BenchmarkGroup] = []
  /// The tasks whose time to an accuracy is measured.
  private(set) var accuracyTasks: [AccuracyTask] = []

  /// Whether the processes that this one was started with are measured, and nothing else.
  private(set) var measuresProcesses = false

  private static let accuracy = "accuracy"
  private static let processes = "mpi"
  /// All groups, by the names that a user writes.
  static let groupNames = BenchmarkGroup.allCases.map(\.rawValue) + [accuracy, processes]
  /// What may follow `accuracy`.
  static let taskNames = AccuracyTask.allCases.map(\.rawValue)

  /// Understands the arguments: groups, then `accuracy` and its tasks; none are kernels and steps,
  /// and `accuracy` alone is all tasks.
  ///
  /// - Throws: `UsageError`.
  init(_ names: [String]) throws {
    if names.contains(Self.processes) {
      guard names.count == 1 else {
        throw UsageError("mpi: expected no other group with it; start it with mpirun")
      }
      measuresProcesses = true
      return
    }
    let split = names.firstIndex(of: Self.accuracy)
    groups = try names[..<(split ?? names.count)].map { name in
      guard let group = BenchmarkGroup(rawValue: name) else {
        throw UsageError(
          "found '\(name)', expected one of \(Self.groupNames.joined(separator: ", "))")
      }
      return group
    }
    if let split {
      accuracyTasks = try names[(split + 1)...].map { name in
        guard let task = AccuracyTask(rawValue: name) else {
          throw UsageError(
            "accuracy: found '\(name)', expected tasks "
              + "(\(Self.taskNames.joined(separator: ", "))); other groups come before it")
        }
        return task
      }
      if accuracyTasks.isEmpty { accuracyTasks = AccuracyTask.allCases }
    } else if groups.isEmpty {
      groups = [.kernels, .steps]
    }
  }

  /// Refuses options that nothing of what is asked for would read.
  ///
  /// - Throws: `UsageError`.
  func check(
    hasPrecision: Bool, hasTorch: Bool, hasTarget: Bool, hasSeeds: Bool, threads: Int
  ) throws {
    if hasPrecision, !groups.contains(where: \.hasPrecisions) {
      throw UsageError(
        accuracyTasks.isEmpty
          ? "--precision: images, widths and lstm read f32 only; leave it out"
          : "--precision: accuracy trains with the default recipe, images, widths and lstm read "
            + "f32 only; leave it out")
    }
    if hasTorch, accuracyTasks.isEmpty, !groups.contains(where: \.hasTorch) {
      throw UsageError("--torch: lstm is not measured in PyTorch; leave it out")
    }
    if hasTarget, accuracyTasks.count != 1 {
      throw UsageError(
        "--target: expected accuracy and one of its tasks "
          + "(\(Self.taskNames.joined(separator: ", "))), found \(accuracyTasks.count); leave it "
          + "out, or name the task")
    }
    if hasSeeds, accuracyTasks.isEmpty {
      throw UsageError("--seeds: only accuracy trains with several; leave it out")
    }
    if !accuracyTasks.isEmpty, threads > 256 {
      throw UsageError("--threads: found \(threads), expected 1 to 256 with accuracy")
    }
  }
}
