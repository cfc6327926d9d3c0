// What sparse back propagation gains on this machine, in a minute: the same network trained twice.

import Foundation
import MePropNN
import MePropReport
import MePropTasks
import MePropTraining

/// A comparison of dense and sparse training of one network on the same images.
///
/// What is compared is the time to an accuracy that both runs reach, not the time of a step: a
/// method that is fast and learns less would gain nothing.
public struct DigitsDemo: Sendable {
  /// One of the two runs.
  public struct Run: Sendable {
    /// The policy, for example `dense`.
    public var name: String
    /// What was measured in each epoch.
    public var epochs: [EpochRecord]

    /// Creates a record of a run.
    public init(name: String, epochs: [EpochRecord]) {
      self.name = name
      self.epochs = epochs
    }

    /// Seconds of training, evaluation and checkpoints excluded, by phase.
    public var seconds: PhaseSeconds {
      epochs.reduce(into: PhaseSeconds()) { $0 += $1.seconds }
    }

    /// The accuracy on development images, in percent, after the best epoch.
    public var bestAccuracy: Double { epochs.best?.dev?.primary ?? 0 }

    /// The accuracy on test images, in percent, after the epoch that is best on development images.
    public var testAccuracy: Double { epochs.best?.test?.primary ?? 0 }

    /// Seconds of training until the end of the first epoch that reaches an accuracy on development
    /// images, or `nil` where none does.
    public func seconds(to accuracy: Double) -> Double? {
      var seconds = 0.0
      for record in epochs {
        seconds += record.seconds.total
        if record.dev?.primary ?? 0 >= accuracy { return seconds }
      }
      return nil
    }
  }

  /// The dense run, then the sparse one.
  public var runs: [Run]
  /// The report of both.
  public var report: URL

  /// Creates a comparison of a dense run and a sparse one, in this order.
  public init(dense: Run, sparse: Run, report: URL) {
    runs = [dense, sparse]
    self.report = report
  }

  /// Trains, first dense and then with the default recipe, and writes a report of both.
  ///
  /// - Parameters:
  ///   - assignments: Settings of both runs in the form `KEY=VALUE`.
  ///   - folder: The folder for the folders of both runs, and for the report.
  ///   - source: Finds the data.
  ///   - recorders: Who is told how far the runs are.
  /// - Throws: What `TrainingRequest.train`, `Digits.prepare` and writing the report throw.
  public init(
    assignments: [String], in folder: URL, source: DataSource, recorders: [any Recorder]
  ) throws {
    runs = []
    report = RunReport.url(in: folder)
    let folders = ["dense", "default"].map {
      folder.appendingPathComponent($0, isDirectory: true)
    }
    var settings = assignments + ["select=dense"]
    for run in folders {
      let request = TrainingRequest(assignments: settings, runFolder: run)
      let trained = try Digits.train(
        request, from: source, recorders: recorders, handlesSignals: false)
      let configuration = try request.configuration(for: Digits.schema)
      let select = configuration.string("select")
      runs.append(
        Run(
          name: select == "dense" ? select : "\(select) \(configuration.value("k").text)",
          epochs: trained.summary.epochs))
      // What suits the dense run is good enough for the other, and only so they compare.
      settings = assignments + ["threads=\(trained.summary.threads)"]
    }
    try RunReport(RunRecord.read(folders)).write(to: report)
  }

  /// The accuracy on development images that both runs reach, in percent, rounded down to a half.
  public var target: Double { (2 * (runs.map(\.bestAccuracy).min() ?? 0)).rounded(.down) / 2 }

  /// The time to the accuracy that both reach, drawn.
  ///
  /// - Parameter width: The characters of the longest bar.
  /// - Returns: A line for each run.
  public func bars(width: Int = 40) -> [String] {
    let times = runs.map { $0.seconds(to: target) ?? 0 }
    let longest = max(times.max() ?? 0, .leastNonzeroMagnitude)
    let room = runs.map(\.name.count).max() ?? 0
    return zip(runs, times).map { run, seconds -> String in
      let name = run.name.padding(toLength: room, withPad: " ", startingAt: 0)
      let length = max(1, Int((Double(width) * seconds / longest).rounded()))
      return "\(name)  \(String(repeating: "█", count: length)) \(Self.fixed(seconds, 1)) s"
    }
  }

  /// The comparison as rows of a table: a title, then the figures of each run and the gain.
  public var table: [[String]] {
    var rows = [[""] + runs.map(\.name) + ["gain"]]
    func add(_ title: String, _ time: (Run) -> Double) {
      let times = runs.map(time)
      let gain = times[0] > 0 && times[1] > 0 ? Self.fixed(times[0] / times[1], 1) + " x" : "-"
      rows.append([title] + times.map { Self.fixed($0, 1) } + [gain])
    }
    add("seconds to \(Self.fixed(target, 1)) % of dev") { $0.seconds(to: target) ?? 0 }
    add("seconds of all epochs") { $0.seconds.total }
    add("  forward and loss") { $0.seconds.forward }
    // Sparse updates are a part of back propagation, so only the sum compares like with like.
    add("  backward and optimizer") { $0.seconds.backward + $0.seconds.optimizer }
    let difference = runs[1].testAccuracy - runs[0].testAccuracy
    rows.append(
      ["test accuracy, %"] + runs.map { Self.fixed($0.testAccuracy, 2) }
        + [(difference >= 0 ? "+" : "") + Self.fixed(difference, 2)])
    return rows
  }

  private static func fixed(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }
}
