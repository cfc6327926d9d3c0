// TensorBoard event files: a scalar a figure and epoch.

import Foundation

/// Writes the figures of each epoch as TensorBoard scalars into the run folder.
///
/// Curves are named `train/loss`, `dev/accuracy`, `seconds/total`, `touched-rows/hidden.0` and the
/// like; their horizontal axis is the number of training steps. A resumed run writes a file of its
/// own, which tells TensorBoard to drop what earlier files have beyond the checkpoint.
public final class TensorBoardRecorder: Recorder {
  private let folder: URL
  private var file: FileHandle?
  private var path = ""
  private var stepsPerEpoch = 1
  /// Names with ten digits sort as their numbers do.
  private static let latestTime = 9_999_999_999

  /// Creates a recorder for event files in a run folder.
  public convenience init(run: RunFolder) { self.init(folder: run.url) }

  /// Creates a recorder for event files in any folder.
  public init(folder: URL) { self.folder = folder }

  /// Writes the event if it is the start of a run or the end of an epoch.
  ///
  /// - Throws: `FileWriteError`.
  public func record(_ event: TrainingEvent) throws {
    switch event {
    case .runStarted(let start): try begin(start)
    case .epochEnded(let record, _):
      let scalars = Self.scalars(of: record).filter { $0.1.isFinite }
      try write(
        .scalars(scalars.map { (tag: $0.0, value: Float($0.1)) }),
        step: record.epoch * stepsPerEpoch)
    default: break
    }
  }

  private func begin(_ start: RunStart) throws {
    stepsPerEpoch = start.stepsPerEpoch
    let host = ProcessInfo.processInfo.hostName
    // TensorBoard reads the files of a run in the order of their names, so this one's comes after
    // those that are there, also where the clock was put back.
    let prefix = "events.out.tfevents."
    let names = (try? FileSystem().entries(of: folder)) ?? []
    let taken = names.filter { $0.hasPrefix(prefix) }.compactMap { name in
      Int(name.dropFirst(prefix.count).prefix { $0 != "." }).flatMap {
        (0..<Self.latestTime).contains($0) ? $0 : nil
      }
    }
    let seconds = max(FileNumber.whole(Date().timeIntervalSince1970), (taken.max() ?? 0) + 1)
    let url = folder.appendingPathComponent("\(prefix)\(seconds).\(host).\(getpid())")
    path = url.path
    file = try openForAppending(url)
    try write(.fileVersion("brain.Event:2"), step: 0)
    if start.stepsDone > 0 {
      try write(.sessionStart, step: start.history.count * start.stepsPerEpoch + 1)
    }
  }

  private func write(_ content: TensorBoardEvent.Content, step: Int) throws {
    guard let file else { return }
    let event = TensorBoardEvent(
      wallTime: Date().timeIntervalSince1970, step: step, content: content)
    try FileSystem.writeAll(tfRecord(event.bytes), to: file.fileDescriptor, path: path)
  }

  private static func scalars(of record: EpochRecord) -> [(String, Double)] {
    var scalars = [("train/loss", record.trainLoss)]
    for (split, evaluation) in [("dev", record.dev), ("test", record.test)] {
      scalars += (evaluation?.metrics ?? []).map { ("\(split)/\($0.name)", $0.value) }
    }
    let seconds = record.seconds
    scalars += [
      ("seconds/total", seconds.total), ("seconds/forward", seconds.forward),
      ("seconds/backward", seconds.backward), ("seconds/selection", seconds.selection),
      ("seconds/products", seconds.products), ("seconds/optimizer", seconds.optimizer),
      ("seconds/data", seconds.data),
      ("rate/\(record.exampleUnit)-per-second", record.examplesPerSecond),
    ]
    if let bytesSent = record.bytesSent {
      scalars += [("seconds/exchange", seconds.exchange), ("bytes-sent", Double(bytesSent))]
    }
    for layer in record.layers {
      scalars.append(("touched-rows/\(layer.name)", layer.touchedRows))
      scalars.append(("kept-magnitude/\(layer.name)", layer.keptMagnitude))
    }
    return scalars
  }
}
