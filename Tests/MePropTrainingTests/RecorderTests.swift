import Foundation
import MePropTraining
import Testing

@Suite struct RecorderTests {
  @discardableResult
  private func train(
    _ url: URL, epochs: Int = 3, resuming: Bool = false, interruptAt: (Int, Int)? = nil,
    recorders: (RunFolder) -> [any Recorder]
  ) throws -> TrainingResult {
    let run = try RunFolder(at: url, resuming: resuming)
    let flag = InterruptFlag()
    let task = ToyTask()
    task.willTrain = { epoch, step in
      if let interruptAt, interruptAt == (epoch, step) { flag.request(SIGINT) }
    }
    return try TrainingLoop(
      task: task, stopping: StoppingRule(epochs: epochs), run: run, recorders: recorders(run),
      interrupt: flag, progressInterval: .zero
    ).run()
  }

  // MARK: metrics.jsonl

  private func rows(_ url: URL) throws -> [[String: Any]] {
    let text = try String(
      contentsOf: url.appendingPathComponent("metrics.jsonl"), encoding: .utf8)
    #expect(text.isEmpty || text.hasSuffix("\n"))
    return try text.split(separator: "\n").map {
      try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
    }
  }

  @Test func metricsHaveARowAnEpochAfterAnyResumption() throws {
    let folder = try TemporaryFolder()
    let url = folder("run")
    try train(url, interruptAt: (3, 2)) { [JSONLRecorder(run: $0)] }
    let metrics = url.appendingPathComponent("metrics.jsonl")
    let before = try Data(contentsOf: metrics)
    #expect(try rows(url).compactMap { $0["epoch"] as? Int } == [1, 2])
    // A row of an epoch that is not in the checkpoint, and a torn one.
    try (before + Data("{\"epoch\":3,\"dev\":null}\n{\"epo".utf8)).write(to: metrics)
    try train(url, epochs: 4, resuming: true) { [JSONLRecorder(run: $0)] }
    let after = try rows(url)
    #expect(after.compactMap { $0["epoch"] as? Int } == [1, 2, 3, 4])
    #expect(try Data(contentsOf: metrics).prefix(before.count) == before)
    let row = try #require(after.first)
    #expect(
      Set(row.keys) == [
        "epoch", "seconds", "train", "dev", "test", "pointsPerSecond", "touchedRows",
        "keptMagnitude",
      ])
    #expect((row["dev"] as? [String: Double])?.keys.sorted() == ["accuracy", "loss"])
    #expect((row["touchedRows"] as? [Double]) == [3])
  }

  // MARK: TensorBoard

  @Test func checksumsAreThoseOfTheStandard() {
    #expect(crc32c("123456789".utf8) == 0xE306_9283)
    #expect(crc32c([UInt8](repeating: 0, count: 32)) == 0x8A91_36AA)
    #expect(crc32c([]) == 0)
    let frame = tfRecord(Data([1, 2, 3]))
    #expect(frame.count == 8 + 4 + 3 + 4)
    #expect([UInt8](frame.prefix(8)) == [3, 0, 0, 0, 0, 0, 0, 0])
  }

  /// The bytes are those of `Event(…).SerializeToString()` in Python's tensorboard 2.20.
  @Test func eventsAreThoseOfTheStandard() {
    func hexadecimal(
      _ step: Int, _ content: TensorBoardEvent.Content, wallTime: Double = 1_700_000_000.25
    ) -> String {
      TensorBoardEvent(wallTime: wallTime, step: step, content: content).bytes
        .map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
    #expect(
      hexadecimal(0, .fileVersion("brain.Event:2"))
        == "0900001040fc54d9411a0d627261696e2e4576656e743a32")
    #expect(
      hexadecimal(300, .scalars([("train/loss", 0.1), ("touched-rows/é", 0)]))
        == "0900001040fc54d94110ac022a2b0a110a0a747261696e2f6c6f737315cdcccc3d0a160a0f"
        + "746f75636865642d726f77732fc3a91500000000")
    #expect(
      hexadecimal(1 << 40, .sessionStart)
        == "0900001040fc54d941108080808080203a020801")
    #expect(hexadecimal(.max, .scalars([]), wallTime: 0) == "10ffffffffffffffff7f2a00")
    #expect(
      hexadecimal(-1, .sessionStart, wallTime: -0.0)
        == "09000000000000008010ffffffffffffffffff013a020801")
    // Lengths and steps on both sides of what fits seven bits.
    #expect(
      hexadecimal(127, .scalars([(String(repeating: "x", count: 120), -1)]), wallTime: 0)
        == "107f2a81010a7f0a78" + String(repeating: "78", count: 120) + "15000080bf")
    #expect(
      hexadecimal(128, .scalars([("", .infinity)]), wallTime: 0)
        == "1080012a070a05150000807f")
  }

  /// TensorBoard reads them in the order of their names.
  @Test func eventFilesComeAfterThoseThatAreThere() throws {
    let folder = try TemporaryFolder()
    let url = folder("run")
    func files() throws -> [String] {
      try FileManager.default.contentsOfDirectory(atPath: url.path)
        .filter { $0.hasPrefix("events.out.tfevents.") }.sorted()
    }
    try train(url, interruptAt: (2, 3)) { [TensorBoardRecorder(run: $0)] }
    let first = try #require(try files().first)
    // Written before the clock was put back by a hundred years, and by no clock at all.
    for name in ["4951411200.host.1", "99999999999999999999.host.1", "x.host.1"] {
      try FileManager.default.copyItem(
        at: url.appendingPathComponent(first),
        to: url.appendingPathComponent("events.out.tfevents.\(name)"))
    }
    let before = try files()
    try train(url, resuming: true) { [TensorBoardRecorder(run: $0)] }
    let added = try files().filter { !before.contains($0) }
    #expect(added.count == 1 && added[0].hasPrefix("events.out.tfevents.4951411201."), "\(added)")
  }

  @Test func tensorBoardReadsTheEvents() throws {
    let folder = try TemporaryFolder()
    let url = folder("run")
    try train(url, interruptAt: (2, 3)) { [TensorBoardRecorder(run: $0)] }
    let result = try train(url, resuming: true) { [TensorBoardRecorder(run: $0)] }
    let script = """
      import sys
      try:
          from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
          from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
      except ImportError as error:
          print("missing", error)
          sys.exit(0)
      import glob
      accumulator = EventAccumulator(sys.argv[1])
      accumulator.Reload()
      for tag in sorted(accumulator.Tags()["scalars"]):
          for event in accumulator.Scalars(tag):
              print(tag, event.step, repr(event.value))
      for path in sorted(glob.glob(sys.argv[1] + "/events*")):
          for event in EventFileLoader(path).Load():
              if event.HasField("session_log"):
                  print("session", event.step, event.session_log.status)
      """
    guard let output = try python(script, url.path), !output.hasPrefix("missing") else {
      print("skipped: Python has no tensorboard package")
      return
    }
    let lines = Set(output.split(separator: "\n").map(String.init))
    #expect(result.history.count == 3)
    for record in result.history {
      let step = record.epoch * 7
      let accuracy = try #require(record.dev?.primary)
      for (tag, value) in [
        ("train/loss", record.trainLoss), ("dev/accuracy", accuracy), ("test/accuracy", accuracy),
        ("touched-rows/hidden.0", record.layers[0].touchedRows),
        ("kept-magnitude/hidden.0", 0.5), ("seconds/forward", 1.75),
      ] {
        let found = lines.filter { $0.hasPrefix("\(tag) \(step) ") }
        #expect(found.count == 1, "\(tag) \(step): \(found)")
        let number = found.first?.split(separator: " ").last.flatMap { Float($0) }
        #expect(abs((number ?? .nan) - Float(value)) <= 1e-6 * max(1, abs(Float(value))))
      }
    }
    #expect(lines.filter { $0.hasPrefix("train/loss ") }.count == 3)
    #expect(lines.contains("session 8 1"), "\(lines.filter { $0.hasPrefix("session") })")
  }

  /// Runs a script; `nil` where there is no Python.
  private func python(_ script: String, _ argument: String) throws -> String? {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    let python = ProcessInfo.processInfo.environment["MEPROP_PYTHON"] ?? "python3"
    process.arguments = [python, "-c", script, argument]
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus == 127 { return nil }
    #expect(process.terminationStatus == 0)
    return String(decoding: data, as: UTF8.self)
  }

  // MARK: Progress

  private func progress(isTerminal: Bool, interval: Duration, interruptAt: (Int, Int)? = nil) throws
    -> String
  {
    let folder = try TemporaryFolder()
    let url = folder("progress.txt")
    try Data().write(to: url)
    let file = try FileHandle(forWritingTo: url)
    try train(folder("run"), epochs: 2, interruptAt: interruptAt) { _ in
      [
        ProgressRecorder(
          descriptor: file.fileDescriptor, isTerminal: isTerminal, lineInterval: interval)
      ]
    }
    return try String(contentsOf: url, encoding: .utf8)
  }

  @Test func logsHavePlainLines() throws {
    let text = try progress(isTerminal: false, interval: .seconds(3600))
    let lines = text.split(separator: "\n")
    #expect(lines.count == 4, "\(text)")
    #expect(lines[0].hasPrefix("run /"))
    let pattern =
      #/
      epoch\ 1/2\ \ loss\ \d+\.\d{4}\ \ dev\ accuracy\ \d+\.\d\d\ \ test\ accuracy
      \ \d+\.\d\d\ \ \d+\.\d\d\ s\ \ best
      /#
    #expect(lines[1].wholeMatch(of: pattern) != nil, "\(lines[1])")
    #expect(lines.dropFirst().allSatisfy { $0.count <= 80 }, "\(text)")
    #expect(lines[3].hasPrefix("finished after 2 epochs; best epoch"))
    #expect(!text.contains("\u{1B}") && !text.contains("\r"))
    let often = try progress(isTerminal: false, interval: .zero)
    #expect(often.split(separator: "\n").count == 4 + 14)
    #expect(often.contains("epoch 1/2  14%  loss "))
    let cut = try progress(isTerminal: false, interval: .seconds(3600), interruptAt: (1, 4))
    #expect(cut.hasSuffix("interrupted by SIGINT at epoch 1, step 5; continue with --resume\n"))
  }

  @Test func terminalsHaveABar() throws {
    let text = try progress(isTerminal: true, interval: .zero)
    #expect(text.contains("\repoch 1/2 ") && text.contains("█") && text.contains("ETA 0:0"))
    #expect(text.split(separator: "\n").count == 4)
    for line in text.split(whereSeparator: { $0 == "\r" || $0 == "\n" })
    where line.contains("ETA") {
      #expect(line.count < 80 + 3)
    }
  }
}
