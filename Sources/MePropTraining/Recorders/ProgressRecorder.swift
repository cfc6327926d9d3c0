// What a person sees of a run on standard error.

import Foundation
import MePropData

/// Shows a bar with rate and remaining time on a terminal, and plain lines in a log file.
///
/// Both begin with the complete configuration and have a line for each epoch.
public final class ProgressRecorder: Recorder {
  private let descriptor: Int32
  private let isTerminal: Bool
  private let lineInterval: Duration
  private let showsConfiguration: Bool
  private var unit = "examples"
  private var epochs = 1
  private var hasBar = false
  private var lastLine = ContinuousClock.now

  /// Creates a recorder.
  ///
  /// - Parameters:
  ///   - descriptor: The file to write to; standard error unless said otherwise.
  ///   - isTerminal: Whether to draw a bar; `nil` to ask the system.
  ///   - lineInterval: The time between two lines within an epoch, if there is no bar.
  ///   - showsConfiguration: Whether to begin with the configuration.
  public init(
    descriptor: Int32 = STDERR_FILENO, isTerminal: Bool? = nil,
    lineInterval: Duration = .seconds(5), showsConfiguration: Bool = true
  ) {
    self.descriptor = descriptor
    let isDumb = ProcessInfo.processInfo.environment["TERM"] == "dumb"
    self.isTerminal = isTerminal ?? (isatty(descriptor) == 1 && !isDumb)
    self.lineInterval = lineInterval
    self.showsConfiguration = showsConfiguration
  }

  /// Shows the event.
  public func record(_ event: TrainingEvent) {
    switch event {
    case .runStarted(let start): begin(start)
    case .epochStarted: lastLine = .now
    case .progress(let progress): show(progress)
    case .epochEnded(let record, let isBest):
      line(Self.text(of: record, epochs: epochs, isBest: isBest))
    case .unitsCut, .epochDetailed, .checkpointSaved: break
    case .finished(let result): line(Self.text(of: result))
    case .interrupted(let signal, let result):
      let place = "epoch \(result.position.epoch), step \(result.position.step)"
      let name = signal == SIGINT ? "SIGINT" : signal == SIGTERM ? "SIGTERM" : "signal \(signal)"
      line("interrupted by \(name) at \(place); continue with --resume")
    // The command prints the error itself.
    case .failed: clearBar()
    }
  }

  private func begin(_ start: RunStart) {
    unit = start.exampleUnit
    epochs = start.epochs
    if let folder = start.folder { line("run \(folder.path)") }
    for text in start.description { line(text) }
    if showsConfiguration, let configuration = start.configuration {
      let values = configuration.schema.keys.map {
        "\($0.name)=\(configuration.value($0.name).text)"
      }
      for text in Self.wrapped(values, width: 96) { line("  " + text) }
    }
    if start.stepsDone > 0 {
      line("resumed at epoch \(start.position.epoch), step \(start.position.step)")
    }
  }

  // MARK: Within an epoch

  private func show(_ progress: TrainingProgress) {
    guard isTerminal || ContinuousClock.now - lastLine >= lineInterval else { return }
    let rate = Double(progress.exampleCount) / max(progress.seconds, 1e-9)
    let share = Double(progress.step) / Double(max(progress.stepsPerEpoch, 1))
    let left = share > 0 ? progress.seconds * (1 - share) / share : 0
    let tail =
      "loss \(Self.fixed(progress.meanLoss, 4))  \(Self.grouped(rate)) \(unit)/s  "
      + "ETA \(Self.time(left))"
    let head = "epoch \(progress.epoch)/\(progress.epochs)"
    let percent = "\(Int(share * 100))%"
    if isTerminal {
      let room = columns - head.count - tail.count - percent.count - 8
      let bar = room >= 5 ? Self.bar(share, width: min(room, 30)) + " " : ""
      write(
        "\r" + String("\(head) \(bar)\(percent)  \(tail)".printable.prefix(columns - 1))
          + "\u{1B}[K")
      hasBar = true
    } else {
      lastLine = .now
      line("\(head)  \(percent)  \(tail)")
    }
  }

  private var columns: Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 20 else { return 80 }
    return Int(size.ws_col)
  }

  private func clearBar() {
    if hasBar { write("\r\u{1B}[K") }
    hasBar = false
  }

  /// Writes a line; what in it comes from files and names is made printable here.
  private func line(_ text: String) {
    clearBar()
    write(text.printable + "\n")
  }

  /// Losing progress output is no reason to lose a run, so failures are ignored.
  private func write(_ text: String) {
    try? FileSystem.writeAll(Data(text.utf8), to: descriptor, path: "progress")
  }
}

// MARK: Texts

extension ProgressRecorder {
  /// An epoch in less than 80 columns.
  static func text(of record: EpochRecord, epochs: Int, isBest: Bool) -> String {
    func figure(_ split: String, _ evaluation: Evaluation?) -> String? {
      evaluation?.metrics.first.map { "\(split) \($0.name) \(Self.figure($0))" }
    }
    let parts: [String?] = [
      "epoch \(record.epoch)/\(epochs)", "loss \(fixed(record.trainLoss, 4))",
      figure("dev", record.dev), figure("test", record.test),
      "\(fixed(record.seconds.total, 2)) s", widths(after: record.cuts ?? []),
      isBest ? "best" : nil,
    ]
    return parts.compactMap(\.self).joined(separator: "  ")
  }

  /// The widths of the layers that were cut; `nil` for none.
  private static func widths(after cuts: [UnitCut]) -> String? {
    var widths: [(layer: String, width: Int)] = []
    for cut in cuts {
      if let place = widths.firstIndex(where: { $0.layer == cut.layer }) {
        widths[place].width = cut.width
      } else {
        widths.append((cut.layer, cut.width))
      }
    }
    return widths.isEmpty
      ? nil : "widths \(widths.map { String($0.width) }.joined(separator: " "))"
  }

  static func text(of result: TrainingResult) -> String {
    let reason =
      switch result.outcome {
      case .finished: "finished after \(epochs(result.history.count))"
      case .stoppedEarly:
        "stopped after \(epochs(result.history.count)), the last "
          + "\(result.history.count - (result.best?.epoch ?? 0)) without improvement"
      case .reachedTarget: "reached the target after \(epochs(result.history.count))"
      case .interrupted: "interrupted"
      }
    guard let best = result.best, let metric = best.dev?.metrics.first else { return reason }
    return "\(reason); best epoch \(best.epoch) with dev \(metric.name) \(figure(metric))"
  }

  private static func epochs(_ count: Int) -> String { count == 1 ? "1 epoch" : "\(count) epochs" }

  /// Shares have two decimals, losses four.
  private static func figure(_ metric: Evaluation.Metric) -> String {
    MetricUnit(of: metric.name).text(metric.value)
  }

  static func fixed(_ value: Double, _ places: Int) -> String {
    String(format: "%.\(places)f", value)
  }

  /// A whole number with commas between thousands.
  static func grouped(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e15 else { return "?" }
    var digits = String(FileNumber.whole(value))
    var position = digits.count - 3
    while position > (value < 0 ? 1 : 0) {
      digits.insert(",", at: digits.index(digits.startIndex, offsetBy: position))
      position -= 3
    }
    return digits
  }

  /// Minutes and seconds, with hours if there are any.
  static func time(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "?" }
    let whole = Int(seconds.rounded())
    let (hours, minutes) = (whole / 3600, whole / 60 % 60)
    return hours > 0
      ? String(format: "%d:%02d:%02d", hours, minutes, whole % 60)
      : String(format: "%d:%02d", minutes, whole % 60)
  }

  static func bar(_ share: Double, width: Int) -> String {
    let filled = Int((min(max(share, 0), 1) * Double(width)).rounded())
    return String(repeating: "█", count: filled) + String(repeating: "░", count: width - filled)
  }

  static func wrapped(_ words: [String], width: Int) -> [String] {
    words.reduce(into: []) { lines, word in
      if let last = lines.last, last.count + 1 + word.count <= width {
        lines[lines.count - 1] = last + " " + word
      } else {
        lines.append(word)
      }
    }
  }
}
