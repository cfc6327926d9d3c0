import Foundation
import MePropData
import MePropTraining
import Synchronization
import Testing

@Suite struct RunFolderTests {
  private struct Death: Error {}

  /// Counts file operations and throws at one of them, as if the process had died there.
  private final class Deathbed {
    var countdown = Int.max
    var operations: [String] = []

    var files: FileSystem {
      FileSystem { [self] operation, path in
        operations.append("\(operation) \(path)")
        countdown -= 1
        // Once dead, nothing is done any more.
        if countdown <= 0 { throw Death() }
      }
    }
  }

  private func checkpoint(_ epoch: Int, settings: [String: String] = [:]) -> Checkpoint {
    let tensors = [NamedTensor(name: "w", shape: [2], values: [Float(epoch), 1])]
    let record = EpochRecord(
      epoch: 1, seconds: PhaseSeconds(), trainLoss: 0, exampleCount: 1, exampleUnit: "points",
      dev: nil, test: nil, layers: [])
    let history = (1...epoch).map { number in
      var record = record
      record.epoch = number
      return record
    }
    let state = CheckpointState(
      task: "toy", position: TrainingPosition(epoch: epoch + 1), progress: EpochProgress(),
      history: history, counters: ["a": 1], settings: settings)
    return Checkpoint(tensors: tensors, state: state)
  }

  private func writeModel(_ epoch: Int) -> (URL) throws -> Void {
    { try Data("\(epoch)".utf8).write(to: $0.appendingPathComponent("model.txt")) }
  }

  @Test(arguments: [true, false])
  func deathAtAnyOperationLeavesAWholeCheckpoint(isBest: Bool) throws {
    let folder = try TemporaryFolder()
    var stage = 0
    var isComplete = false
    var found: [Int] = []
    while !isComplete {
      stage += 1
      let url = folder("run-\(stage)")
      do {
        let run = try RunFolder(at: url, resuming: false)
        try run.save(Configuration(schema: ConfigurationSchema([])))
        try run.save(checkpoint(1), writeModel: writeModel(1))
      }
      let bed = Deathbed()
      do {
        let run = try RunFolder(at: url, resuming: true, files: bed.files)
        bed.countdown = stage
        try run.save(checkpoint(2), writeModel: isBest ? writeModel(2) : nil)
        isComplete = true
      } catch is Death {}
      // What somebody else sees without waiting for the next start.
      let seen = try String(
        contentsOf: RunFolder.modelFolder(at: url).appendingPathComponent("model.txt"),
        encoding: .utf8)
      #expect(seen == "1" || seen == "2")
      // A second death while cleaning up, at every operation.
      var cleaning = 0
      var isClean = false
      while !isClean {
        cleaning += 1
        let second = Deathbed()
        second.countdown = cleaning
        do {
          _ = try RunFolder(at: url, resuming: true, files: second.files)
          isClean = true
        } catch is Death {}
        #expect(cleaning < 40)
      }
      let run = try RunFolder(at: url, resuming: true)
      let loaded = try #require(try run.loadCheckpoint()).checkpoint
      let epoch = loaded.state.history.count
      found.append(epoch)
      #expect(loaded == checkpoint(epoch), "stage \(stage): \(bed.operations.last ?? "")")
      let best = try RunFolder.loadCheckpoint(from: run.bestCheckpointURL)
      let bestEpoch = best.state.history.count
      #expect(best == checkpoint(bestEpoch))
      let model = try String(
        contentsOf: run.modelURL.appendingPathComponent("model.txt"), encoding: .utf8)
      // Best and model are never behind what the last checkpoint says.
      #expect(isBest ? bestEpoch >= epoch : bestEpoch == 1)
      #expect(isBest ? Int(model) ?? 0 >= epoch : model == "1")
      let names = try FileManager.default.contentsOfDirectory(atPath: run.checkpointsPath)
      // The one before the last is there once the last has been replaced.
      let kept = epoch == 2 ? ["previous"] : []
      #expect(names.sorted() == ["best", "history.jsonl", "last"] + kept)
      for name in ["last"] + kept {
        let folder = run.lastCheckpointURL.deletingLastPathComponent().appendingPathComponent(name)
        let saved = try RunFolder.loadCheckpoint(from: folder)
        #expect(saved == checkpoint(name == "last" ? epoch : 1))
      }
      let all = try FileManager.default.contentsOfDirectory(atPath: url.path)
      #expect(all.sorted() == [".lock", "checkpoints", "config.yaml", "model"])
      #expect(stage < 100)
    }
    #expect(found.first == 1 && found.last == 2 && found == found.sorted(), "\(found)")
    #expect(stage > (isBest ? 20 : 8))
  }

  @Test func deathBeforeTheFirstCheckpointStartsOver() throws {
    let folder = try TemporaryFolder()
    var stage = 0
    var isComplete = false
    while !isComplete {
      stage += 1
      let bed = Deathbed()
      bed.countdown = stage
      let url = folder("run-\(stage)")
      do {
        let run = try RunFolder(at: url, resuming: false, files: bed.files)
        try run.save(Configuration(schema: ConfigurationSchema([])))
        try run.save(checkpoint(1), writeModel: writeModel(1))
        isComplete = true
      } catch is Death {}
      if stage == 1 { continue }
      let run = try RunFolder(at: url, resuming: true)
      if let loaded = try run.loadCheckpoint() { #expect(loaded.checkpoint == checkpoint(1)) }
      try run.save(checkpoint(1), writeModel: writeModel(1))
      #expect(try run.loadCheckpoint()?.checkpoint == checkpoint(1))
    }
    #expect(stage > 20)
  }

  @Test func takesTheOldCheckpointWhereOnlyThatIsLeft() throws {
    let folder = try TemporaryFolder()
    let last = folder("run/checkpoints/last")
    let old = folder("run/checkpoints/last.old")
    do {
      let run = try RunFolder(at: folder("run"), resuming: false)
      try run.save(checkpoint(3), writeModel: nil)
    }
    try FileManager.default.moveItem(at: last, to: old)
    let run = try RunFolder(at: folder("run"), resuming: true)
    #expect(try run.loadCheckpoint()?.checkpoint == checkpoint(3))
    #expect(!FileManager.default.fileExists(atPath: old.path))
  }

  @Test func refusesWhatIsNotForIt() throws {
    let folder = try TemporaryFolder()
    let url = folder("run")
    func open(_ url: URL, resuming: Bool = false) -> String {
      message { _ = try RunFolder(at: url, resuming: resuming) }
    }
    #expect(
      open(url, resuming: true)
        == "\(url.path): no run to resume; check the path, or leave out --resume to start a new run"
    )
    do {
      let run = try RunFolder(at: url, resuming: false)
      try run.save(Configuration(schema: ConfigurationSchema([])))
      let expected =
        "\(url.path): another run is using this folder (process \(getpid())); wait for it, stop "
        + "it, or choose another folder with --run"
      #expect(open(url) == expected)
      #expect(open(url, resuming: true) == expected)
    }
    #expect(
      open(url)
        == "\(url.path): the folder already holds a run; continue it with --resume, or choose "
        + "another folder with --run")
    #expect(open(url, resuming: true) == "")
    // Killed after the recorders began and before the first checkpoint.
    let early = folder("early")
    _ = try RunFolder(at: early, resuming: false)
    try Data().write(to: early.appendingPathComponent("metrics.jsonl"))
    #expect(open(early).contains("the folder already holds a run"))
    #expect(open(early, resuming: true) == "")
    try FileManager.default.createDirectory(at: folder("model"), withIntermediateDirectories: true)
    #expect(open(folder.url).contains("expected an empty folder or a run, found other files"))
    #expect(open(folder.url, resuming: true).contains("found other files"))
    try Data().write(to: folder("file"))
    #expect(open(folder("file")).hasPrefix("\(folder("file").path): cannot be written"))
    #expect(open(folder("file/run")).contains("cannot be written"))
    #expect(open(URL(fileURLWithPath: "/proc/run")).hasPrefix("/proc/run: cannot be written"))
  }

  @Test func aFullDiskIsOneLine() throws {
    guard FileManager.default.fileExists(atPath: "/dev/full") else {
      print("skipped: no /dev/full")
      return
    }
    let full = URL(fileURLWithPath: "/dev/full")
    let text = message { try FileSystem().write(Data([1]), to: full) }
    #expect(text.hasPrefix("/dev/full: cannot be written, no space left on the disk"))
    #expect(!text.contains("\n"))
  }

  /// Opens and closes a file again and again, and counts how often somebody else closed it.
  private final class FileWatch: Sendable {
    private let isDone = Atomic<Bool>(false)
    private let lostCount = Atomic<Int>(0)
    private let end = DispatchSemaphore(value: 0)

    init() {
      Thread.detachNewThread { [self] in
        while !isDone.load(ordering: .relaxed) {
          let descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC)
          for _ in 0..<20 where fcntl(descriptor, F_GETFD) == -1 {
            lostCount.add(1, ordering: .relaxed)
          }
          close(descriptor)
        }
        end.signal()
      }
    }

    func stop() -> Int {
      isDone.store(true, ordering: .relaxed)
      end.wait()
      return lostCount.load(ordering: .relaxed)
    }
  }

  /// A descriptor that is closed twice is, the second time, that of a file opened in between.
  @Test func aFolderInUseClosesNoFileOfOthers() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    let watch = FileWatch()
    for _ in 0..<2_000 {
      #expect(throws: RunFolderError.self) { try RunFolder(at: run.url, resuming: true) }
    }
    #expect(watch.stop() == 0)
  }

  @Test func defaultNamesAreUniqueAndSortable() throws {
    let folder = try TemporaryFolder()
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    var runs: [RunFolder] = []
    for _ in 1...11 {
      runs.append(try RunFolder.create(task: "toy", in: folder("a/runs"), at: date))
    }
    let names = runs.map(\.url.lastPathComponent)
    #expect(Set(names).count == 11)
    #expect(names[0].wholeMatch(of: /toy-\d{8}-\d{6}/) != nil)
    #expect(names[1] == names[0] + "-2" && names[10] == names[0] + "-11")
    #expect(RunFolder.latest(task: "toy", in: folder("a/runs"))?.lastPathComponent == names[10])
    let later = try RunFolder.create(task: "toy", in: folder("a/runs"), at: date + 3600)
    #expect(
      RunFolder.latest(task: "toy", in: folder("a/runs"))?.lastPathComponent
        == later.url.lastPathComponent)
    #expect(RunFolder.latest(task: "other", in: folder("a/runs")) == nil)
    #expect(RunFolder.latest(task: "toy", in: folder("none")) == nil)
  }

  // MARK: Damaged checkpoints

  private func damaged(_ damage: (URL) throws -> Void) throws -> String {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    try run.save(checkpoint(1), writeModel: nil)
    try damage(run.lastCheckpointURL)
    let text = message { _ = try run.loadCheckpoint() }
    #expect(!text.contains("\n"))
    #expect(text.hasPrefix(run.lastCheckpointURL.path), "\(text)")
    return String(text.dropFirst(run.lastCheckpointURL.path.count))
  }

  @Test func damageIsNamed() throws {
    let tensors = "tensors.safetensors"
    for keep in [0, 5, 8, 40, -4, -1] {
      let text = try damaged { folder in
        let url = folder.appendingPathComponent(tensors)
        let data = try Data(contentsOf: url)
        try data.prefix(keep < 0 ? data.count + keep : keep).write(to: url)
      }
      #expect(text.hasPrefix("/\(tensors): corrupt checkpoint: expected SHA-256"), "\(text)")
    }
    // One bit anywhere.
    for name in [tensors, "state.json", "SHA256SUMS"] {
      for place in stride(from: 0, to: 200, by: 7) {
        let text = try damaged { folder in
          let url = folder.appendingPathComponent(name)
          var data = try Data(contentsOf: url)
          data[place % data.count] ^= 2
          try data.write(to: url)
        }
        #expect(text.contains("corrupt checkpoint"), "\(name), byte \(place): \(text)")
      }
    }
    let gone = try damaged {
      try FileManager.default.removeItem(at: $0.appendingPathComponent("state.json"))
    }
    #expect(gone.hasPrefix("/state.json: cannot read the checkpoint: No such file"), "\(gone)")
    for (content, expected) in [
      ("", "text that is not JSON"), ("{\"version\": 1", "text that is not JSON"),
      ("{}", "no 'version'"), ("{\"version\": 3}", "SHA-256"), ("[1]", "another type"),
      ("{\"version\": 99}", "expected checkpoint format 3, found 99; use the version"),
      ("{\"version\": 1}", "format 3, found 1, written by meprop 0.1; use the version"),
    ] {
      let text = try damaged {
        try Data(content.utf8).write(
          to: $0.appendingPathComponent("state.json"), options: .atomic)
      }
      #expect(text.hasPrefix("/state.json: ") && text.contains(expected), "\(content): \(text)")
    }
  }

  /// Three checkpoints, the second the best one; then `damage` to the folder of checkpoints.
  private func resumed(
    _ damage: (URL) throws -> Void
  ) throws -> (epoch: Int?, told: [String], error: String) {
    let folder = try TemporaryFolder()
    do {
      let run = try RunFolder(at: folder("run"), resuming: false)
      try run.save(Configuration(schema: ConfigurationSchema([])))
      try run.save(checkpoint(1), writeModel: nil)
      try run.save(checkpoint(2), writeModel: writeModel(2))
      try run.save(checkpoint(3), writeModel: nil)
      try run.save(checkpoint(4), writeModel: nil)
    }
    let checkpoints = folder("run/checkpoints")
    try damage(checkpoints)
    let told = NoticeLog()
    var epoch: Int?
    let error = message {
      try told.during {
        let run = try RunFolder(at: folder("run"), resuming: true)
        guard let loaded = try run.loadCheckpoint()?.checkpoint else { return }
        epoch = loaded.state.history.count
        #expect(loaded == checkpoint(loaded.state.history.count))
        // And it can be gone on from there.
        try run.save(checkpoint(5), writeModel: nil)
        #expect(try run.loadCheckpoint()?.checkpoint == checkpoint(5))
      }
    }
    return (epoch, told.lines, error)
  }

  private func flip(_ url: URL) throws {
    var data = try Data(contentsOf: url)
    data[data.count / 2] ^= 4
    try data.write(to: url, options: .atomic)
  }

  @Test func aDamagedCheckpointGivesWayToTheOneBefore() throws {
    let whole = try resumed { _ in }
    #expect(whole.epoch == 4 && whole.told.isEmpty && whole.error.isEmpty)
    for file in ["tensors.safetensors", "state.json", "SHA256SUMS"] {
      let one = try resumed { try flip($0.appendingPathComponent("last/\(file)")) }
      #expect(one.epoch == 3 && one.told.count == 1, "\(one)")
      #expect(one.told[0].contains("going on from") && one.told[0].contains("previous, epoch 4"))
      let two = try resumed { url in
        for name in ["last", "previous"] { try flip(url.appendingPathComponent("\(name)/\(file)")) }
      }
      #expect(two.epoch == 2 && two.told[0].contains("best, epoch 3"), "\(two)")
      let all = try resumed { url in
        for name in ["last", "previous", "best"] {
          try flip(url.appendingPathComponent("\(name)/\(file)"))
        }
      }
      #expect(all.epoch == nil && all.error.contains("/last/"), "\(all)")
    }
    let removed = try resumed {
      try FileManager.default.removeItem(at: $0.appendingPathComponent("last"))
    }
    #expect(removed.epoch == 3)
  }

  @Test func theFiguresOfEpochsAreCheckedToo() throws {
    let flipped = try resumed { try flip($0.appendingPathComponent("history.jsonl")) }
    // The middle of the file is in the rows that the best checkpoint needs, or right after them.
    #expect(flipped.epoch ?? 2 == 2, "\(flipped)")
    let cut = try resumed { url in
      let file = url.appendingPathComponent("history.jsonl")
      let data = try Data(contentsOf: file)
      try data.dropLast(1).write(to: file)
    }
    #expect(cut.epoch == 3, "\(cut)")
    let longer = try resumed { url in
      let file = url.appendingPathComponent("history.jsonl")
      try (Data(contentsOf: file) + Data("{\"epoch\":".utf8)).write(to: file)
    }
    #expect(longer.epoch == 4 && longer.told.isEmpty, "\(longer)")
    let gone = try resumed {
      try FileManager.default.removeItem(at: $0.appendingPathComponent("history.jsonl"))
    }
    #expect(gone.error.contains("history.jsonl: cannot read"), "\(gone)")
  }

  /// What an epoch writes does not grow with the epochs before it.
  @Test func checkpointsDoNotGrowWithTheRun() throws {
    let folder = try TemporaryFolder()
    let run = try RunFolder(at: folder("run"), resuming: false)
    func size(_ epoch: Int) throws -> Int {
      try run.save(checkpoint(epoch), writeModel: nil)
      return try Data(contentsOf: run.lastCheckpointURL.appendingPathComponent("state.json")).count
    }
    let first = try size(1)
    for epoch in 2..<200 { _ = try size(epoch) }
    #expect(try size(200) <= first + 10)
  }

  /// Digests that fit numbers which no run has.
  @Test(
    arguments: [
      ("\"step\" : 0", "\"step\" : -1"), ("\"exampleCount\" : 0", "\"exampleCount\" : \(Int.max)"),
      ("\"layerSteps\" : 0", "\"layerSteps\" : \(Int.max)"),
      ("\"layerSteps\" : 0", "\"layerSteps\" : 1e19"), ("\"epoch\" : 2", "\"epoch\" : \(Int.max)"),
      ("\"count\" : 1", "\"count\" : \(Int.max)"),
    ])
  func impossibleNumbersAreNoTraps(old: String, new: String) throws {
    let text = try damaged { folder in
      let file = folder.appendingPathComponent("state.json")
      let state = try String(contentsOf: file, encoding: .utf8)
      #expect(state.contains(old), "\(state)")
      try state.replacing(old, with: new).write(to: file, atomically: true, encoding: .utf8)
      try FileManager.default.removeItem(at: folder.appendingPathComponent("SHA256SUMS"))
      try FolderDigests.contents(of: folder)
        .write(to: folder.appendingPathComponent("SHA256SUMS"))
    }
    #expect(text.contains("corrupt checkpoint"), "\(text)")
  }

  @Test func theClockDoesNotDecideWhichRunIsNewest() throws {
    let folder = try TemporaryFolder()
    let date = Date(timeIntervalSince1970: 1_700_000_000)
    let runs = folder("runs")
    var names: [String] = []
    // Back by an hour, by a year, and on again.
    for seconds in [0.0, -3600, -3e7, 0, 10] {
      names.append(
        try RunFolder.create(task: "toy", in: runs, at: date + seconds).url.lastPathComponent)
      #expect(RunFolder.latest(task: "toy", in: runs)?.lastPathComponent == names.last)
    }
    #expect(Set(names).count == 5)
    #expect(names[1] == names[0] + "-2" && names[3] == names[0] + "-4")
    #expect(!names[4].hasPrefix(names[0]))
  }

  @Test func otherSettingsTasksAndShapesAreRefused() throws {
    let folder = try TemporaryFolder()
    let schema = ConfigurationSchema([
      ConfigurationKey("epochs", .int(1...100), default: .int(1), mayChangeOnResume: true, "E."),
      ConfigurationKey("batch", .int(1...100), default: .int(10), "B."),
    ])
    func train(_ settings: [String], task: ToyTask = ToyTask(), resuming: Bool) throws {
      var configuration = Configuration(schema: schema)
      for setting in settings { try configuration.apply(assignment: setting) }
      let run = try RunFolder(at: folder("run"), resuming: resuming)
      let rule = StoppingRule(epochs: configuration.int("epochs"))
      _ = try TrainingLoop(
        task: task, stopping: rule, run: run, configuration: configuration,
        interrupt: InterruptFlag()
      ).run()
    }
    try train([], resuming: false)
    let saved = try String(contentsOf: folder("run/config.yaml"), encoding: .utf8)
    #expect(saved.contains("batch: 10"))
    let last = folder("run/checkpoints/last").path
    #expect(
      message { try train(["batch=11"], resuming: true) }
        == "\(last): the run was started with batch = 10, found 11 now; a resumed run keeps its "
        + "settings, so leave it as it was or start a new run")
    #expect(try String(contentsOf: folder("run/config.yaml"), encoding: .utf8) == saved)
    #expect(
      message { try train([], task: ToyTask(size: 6), resuming: true) }
        == "\(last): tensor 'weights': expected shape [6, 1], found [5, 1]")
    try train(["epochs=2"], resuming: true)
    let state = try RunFolder.loadCheckpoint(from: folder("run/checkpoints/last")).state
    #expect(state.history.count == 2)
    #expect(state.settings == ["batch": "10"])
    #expect(
      "\(CheckpointError(.otherTask(expected: "a", found: "b")))"
        == "checkpoint: expected a checkpoint of task 'a', found one of 'b'")
  }
}

extension RunFolder {
  fileprivate var checkpointsPath: String { url.appendingPathComponent("checkpoints").path }
}
