// Tasks that several processes train, here threads: the same bits, one run folder, and what keeps
// processes from training together.

import Foundation
import MePropCore
import MePropTasks
import MePropTraining
import Testing

@Suite struct ProcessGroupTests {
  private static let makers: [@Sendable ([String]) throws -> any TrainingTask] = [
    { try TinyTasks.digits($0) }, { try TinyTasks.tagger($0) }, { try TinyTasks.parser($0) },
  ]

  @Test(
    "Any number of processes gives the same bits", arguments: [0, 1, 2],
    ["select=top-k", "select=unified", "select=batch-top-k"])
  func bits(maker: Int, policy: String) throws {
    func tensors(_ processes: Int) throws -> [[NamedTensor]] {
      try inProcesses(processes) { communicator in
        let task = try Self.makers[maker]([policy, "memory=0.5"])
        try task.shard(into: 4, communicator: communicator)
        try task.train(epochs: 1...2)
        return task.checkpointTensors().tensors
      }.map { try $0.get() }
    }
    let one = try tensors(1)
    #expect(try tensors(1)[0] == one[0])
    for processes in [2, 3, 4] {
      for found in try tensors(processes) { #expect(found == one[0], "\(processes) processes") }
    }
  }

  @Test("Processes share exploration and evaluation", arguments: [0, 1, 2])
  func evaluations(maker: Int) throws {
    struct Outcome: Equatable, Sendable {
      var tensors: [NamedTensor]
      var evaluations: [Evaluation?]
      var confusions: [ConfusionMatrix?]
    }
    func outcomes(_ processes: Int) throws -> [Outcome] {
      try inProcesses(processes) { communicator in
        let task = try Self.makers[maker](
          maker == 2 ? ["explore-from=2", "explore=0.5", "system=arc-hybrid"] : [])
        try task.shard(into: 6, communicator: communicator)
        try task.train(epochs: 1...3)
        return Outcome(
          tensors: task.checkpointTensors().tensors,
          evaluations: try [task.evaluate(.dev), task.evaluate(.test)],
          confusions: EvaluationSplit.allCases.map(task.confusion))
      }.map { try $0.get() }
    }
    let one = try outcomes(1)[0]
    #expect(one.evaluations[0] != nil)
    for processes in [2, 3, 5] {
      for found in try outcomes(processes) { #expect(found == one, "\(processes) processes") }
    }
  }

  @Test("Processes know which images of the others are easy")
  func easyImages() throws {
    func outcome(_ processes: Int) throws -> [[NamedTensor]] {
      try inProcesses(processes) { communicator in
        let task = try TinyTasks.digits(["skip-easy=0.8", "easy-loss=1.2"])
        let all = task.stepsPerEpoch
        try task.shard(into: 4, communicator: communicator)
        try task.train(epochs: 1...4)
        #expect(task.stepsPerEpoch < all)
        return task.checkpointTensors().tensors
      }.map { try $0.get() }
    }
    let one = try outcome(1)[0]
    for processes in [2, 3] {
      for found in try outcome(processes) { #expect(found == one, "\(processes) processes") }
    }
  }

  // MARK: Runs

  private func train(
    _ processes: Int, _ data: URL, run: URL, epochs: Int, resumes: Bool = false,
    _ more: @escaping @Sendable (Int) -> [String] = { _ in [] }
  ) -> [Result<TrainingReport, any Error>] {
    inProcesses(processes) { communicator in
      let request = TrainingRequest(
        assignments: [
          "data=\(data.path)", "classes=4", "hidden=24,16", "batch=20", "dropout=0.1", "k=5",
          "threads=1", "dev-count=60", "epochs=\(epochs)", "learning-rate-schedule=constant",
        ] + (processes == 1 ? ["shards=8"] : []) + more(communicator.rank),
        runFolder: run, resumes: resumes)
      return try Digits.train(
        request, from: DataSource(DataLocator(environment: [:])), recorders: [],
        handlesSignals: false)
    }
  }

  @Test("The first process alone writes, and a run goes on with other processes")
  func runs() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      at: folder("data"), withIntermediateDirectories: true)
    try SyntheticDigits.write(SyntheticDigits.data(), to: folder("data"))
    _ = try train(1, folder("data"), run: folder("whole"), epochs: 3).map { try $0.get() }
    for (place, processes) in [2, 3, 1].enumerated() {
      let reports = try train(
        processes, folder("data"), run: folder("parts"), epochs: place + 1, resumes: place > 0
      ).map { try $0.get() }
      #expect(reports[0].model != nil && reports[0].summary.epochs.count == place + 1)
      #expect(reports.dropFirst().allSatisfy { $0.model == nil })
      let sent = reports[0].summary.epochs[place].bytesSent
      #expect(processes == 1 ? sent == nil : sent ?? 0 > 0)
    }
    let states = try ["whole", "parts"].map {
      try SafeTensors.read(
        from: folder($0).appendingPathComponent("checkpoints/last/tensors.safetensors")
      ).tensors
    }
    #expect(states[0] == states[1])
  }

  @Test("Processes that differ, or of which one fails, all end with one line")
  func failures() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(
      at: folder("data"), withIntermediateDirectories: true)
    try SyntheticDigits.write(SyntheticDigits.data(), to: folder("data"))
    func messages(_ more: @escaping @Sendable (Int) -> [String]) -> [String] {
      train(2, folder("data"), run: folder("run"), epochs: 4, more).map { result in
        message { _ = try result.get() }
      }
    }
    let other = "process 1: expected the setting seed '1' as in process 0, found '2'; start all "
    for found in messages({ $0 == 1 ? ["seed=2"] : [] }) { #expect(found.hasPrefix(other)) }
    let missing = messages { $0 == 1 ? ["data=/nowhere"] : [] }
    #expect(missing[0] == "process 1: \(missing[1])" && !missing[1].isEmpty)
    for found in messages({ _ in ["simplify=0.1"] }) {
      #expect(found.contains("shards: simplification cannot be used with shards of a batch"))
    }
    for found in messages({ _ in ["select=auto"] }) {
      #expect(found.contains("auto measures each process by itself"))
    }
    #expect(!FileManager.default.fileExists(atPath: folder("run").path))
  }
}
