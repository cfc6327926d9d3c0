// How long a reproduction will take, corrected by how long its parts took.

import MePropTraining

/// Estimated seconds of parts that are still to be done.
struct Forecast {
  private var open: [String: [Double]] = [:]
  private var estimated = 0.0
  private var actual = 0.0

  /// Adds a part.
  mutating func add(_ key: String, seconds: Double) { open[key, default: []].append(seconds) }

  /// The estimate of a part that is to be done.
  func estimate(_ key: String) -> Double { (open[key]?.first ?? 0) * correction }

  /// Takes note of a finished part.
  ///
  /// - Parameters:
  ///   - key: The part.
  ///   - seconds: What it took; `nil` if that says nothing of the others.
  mutating func finish(_ key: String, actual seconds: Double?) {
    guard let estimate = open[key]?.popLast() else { return }
    guard let seconds else { return }
    estimated += estimate
    actual += seconds
  }

  /// Actual over estimated seconds so far; believed once some time has passed.
  private var correction: Double {
    estimated > 0 ? (actual + 5) / (estimated + 5) : 1
  }

  /// Seconds left.
  var remaining: Double {
    correction * open.values.reduce(0) { $0 + $1.reduce(0, +) }
  }

  /// A time for people: `40 s`, `12 min`, `3.5 h`.
  static func text(_ seconds: Double) -> String {
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
