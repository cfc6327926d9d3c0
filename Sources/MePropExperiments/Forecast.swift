// How long a reproduction will take, corrected by how long its parts took.

import MePropTraining

/// Estimated seconds of parts that are still to be done.
///
/// Parts of a group, such as the runs of a task, are off by about the same factor: that of those
/// which are finished, and of all groups as long as little of their own is.
package struct Forecast {
  private struct Part {
    var seconds: Double
    var group: String?
  }
  private var open: [String: [Part]] = [:]
  private var estimated: [String: Double] = [:]
  private var actual: [String: Double] = [:]

  /// Creates a forecast without parts.
  package init() {}

  /// Adds a part.
  ///
  /// - Parameters:
  ///   - key: The part; several may have the same.
  ///   - seconds: Its estimate.
  ///   - group: Parts that are as far off as this one; `nil`: it takes the time that it is given.
  package mutating func add(_ key: String, seconds: Double, group: String? = nil) {
    open[key, default: []].append(Part(seconds: seconds, group: group))
  }

  /// The estimate of a part that is to be done.
  package func estimate(_ key: String) -> Double {
    guard let part = open[key]?.first else { return 0 }
    return part.seconds * correction(of: part.group)
  }

  /// Takes note of a finished part.
  ///
  /// - Parameters:
  ///   - key: The part.
  ///   - seconds: What it took; `nil` if that says nothing of the others.
  package mutating func finish(_ key: String, actual seconds: Double?) {
    guard let part = open[key]?.popLast() else { return }
    guard let seconds, let group = part.group else { return }
    estimated[group, default: 0] += part.seconds
    actual[group, default: 0] += seconds
  }

  /// Actual over estimated seconds so far; believed once some time has passed.
  private func correction(of group: String?) -> Double {
    guard let group else { return 1 }
    let all = Self.ratio(
      actual.values.reduce(0, +), to: estimated.values.reduce(0, +), expected: 1)
    return Self.ratio(actual[group] ?? 0, to: estimated[group] ?? 0, expected: all)
  }

  private static func ratio(
    _ actual: Double, to estimated: Double, expected: Double
  ) -> Double {
    (actual + 5 * expected) / (estimated + 5)
  }

  /// Seconds left.
  package var remaining: Double {
    var sum = 0.0
    for parts in open.values {
      for part in parts { sum += part.seconds * correction(of: part.group) }
    }
    return sum
  }

  /// A time for people: `40 s`, `12 min`, `3.5 h`.
  package static func text(_ seconds: Double) -> String {
    if seconds < 100 { return "\(Int(seconds.rounded(.up))) s" }
    if seconds < 100 * 60 { return "\(Int((seconds / 60).rounded())) min" }
    return "\((seconds / 360).rounded() / 10) h"
  }
}

/// Shows which run is under way, and how much time is left for all of them.
final class ForecastRecorder: Recorder {
  private let title: String
  private let status: StatusLine
  private let estimate: Double
  private let remaining: Double
  private var lastShown = ContinuousClock.now

  init(title: String, status: StatusLine, estimate: Double, remaining: Double) {
    self.title = title
    self.status = status
    self.estimate = estimate
    self.remaining = remaining
  }

  func record(_ event: TrainingEvent) {
    guard case .progress(let progress) = event else { return }
    guard lastShown.duration(to: .now) >= .seconds(5) else { return }
    lastShown = .now
    let share =
      (Double(progress.epoch - 1) + Double(progress.step) / Double(max(progress.stepsPerEpoch, 1)))
      / Double(max(progress.epochs, 1))
    let left = max(0, remaining - share * estimate)
    status.show(
      "\(title): \(Int(share * 100)) %; about \(Forecast.text(left)) left")
  }
}
