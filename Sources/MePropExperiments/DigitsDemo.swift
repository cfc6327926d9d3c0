// What sparse back propagation gains on this machine, in a minute: the same network trained twice.

import Foundation
import MePropData
import MePropTasks
import MePropTraining

/// A comparison of dense and sparse training of one network on the same images.
public struct DigitsDemo: Sendable {
  /// One of the two runs.
  public struct Run: Sendable {
    /// The policy, for example `dense`.
    public var name: String
    /// Mean seconds of an epoch, by phase.
    public var seconds: PhaseSeconds
    /// The accuracy on test images after the epoch of the best dev accuracy, in percent.
    public var testAccuracy: Double
    /// The number of threads.
    public var threadCount: Int
  }

  /// The dense run, then the sparse one.
  public var runs: [Run]
  /// What was trained, in lines.
  public var description: [String]

  /// Trains without a run folder, first dense, then with the default recipe.
  ///
  /// - Parameters:
  ///   - assignments: Settings of both runs in the form `KEY=VALUE`.
  ///   - source: Finds the data.
  ///   - recorders: Who is told how far the runs are.
  /// - Throws: What `Digits.prepare` and the training loop throw.
  public init(assignments: [String], source: DataSource, recorders: [any Recorder]) throws {
    runs = []
    description = []
    var threads = "auto"
    for select in ["dense", "batch-top-k"] {
      // What suits the dense run is good enough for the sparse one, and only so they compare.
      let configuration = try TrainingRequest(
        assignments: assignments + ["select=\(select)", "threads=\(threads)"]
      )
      .configuration(for: DigitsConfiguration.schema)
      let prepared = try Digits.prepare(configuration, from: source)
      let result = try TrainingLoop(
        task: prepared.task, stopping: prepared.stopping, configuration: prepared.configuration,
        description: prepared.description, recorders: recorders
      ).run()
      let epochs = Double(max(result.history.count, 1))
      var sum = PhaseSeconds()
      for record in result.history { sum += record.seconds }
      runs.append(
        Run(
          name: Self.name(of: prepared.configuration), seconds: sum.divided(by: epochs),
          testAccuracy: result.best?.test?.primary ?? 0, threadCount: prepared.threadCount))
      threads = String(prepared.threadCount)
      if description.isEmpty { description = Array(prepared.description.prefix(2)) }
    }
  }

  private static func name(of configuration: Configuration) -> String {
    let select = configuration.string("select")
    return select == "dense" ? select : "\(select) \(configuration.value("k").text)"
  }

  /// The comparison as rows of a table: a title, then the figures of each run and the gain.
  public var table: [[String]] {
    let phases: [(String, KeyPath<PhaseSeconds, Double>)] = [
      ("forward and loss", \.forward), ("backward", \.backward),
      ("  of it selection", \.selection), ("  of it products", \.products),
      ("optimizer", \.optimizer), ("data", \.data),
    ]
    func fixed(_ value: Double, _ places: Int) -> String {
      String(format: "%.\(places)f", value)
    }
    var rows = [["seconds an epoch"] + runs.map(\.name) + ["gain"]]
    func add(_ title: String, _ time: (PhaseSeconds) -> Double) {
      let times = runs.map { time($0.seconds) }
      let gain = times[0] > 0 && times[1] > 0 ? fixed(times[0] / times[1], 1) + " x" : "-"
      rows.append([title] + times.map { fixed($0, 2) } + [gain])
    }
    for (title, path) in phases { add(title) { $0[keyPath: path] } }
    // Sparse updates are a part of back propagation, so only the sum compares like with like.
    add("backward and optimizer") { $0.backward + $0.optimizer }
    add("whole epoch", \.total)
    let accuracies = runs.map(\.testAccuracy)
    let difference = accuracies[1] - accuracies[0]
    rows.append(
      ["test accuracy, %"] + accuracies.map { fixed($0, 2) }
        + [(difference >= 0 ? "+" : "") + fixed(difference, 2)])
    rows.append(["threads"] + runs.map { String($0.threadCount) } + [""])
    return rows
  }
}
