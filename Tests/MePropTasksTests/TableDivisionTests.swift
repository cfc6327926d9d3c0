// Tables whose rows are divided among shards, read by several processes, here threads.

import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

@Suite("Divided tables")
struct TableDivisionTests {
  /// Rows of two numbers, a word with ends of lines in quotes, and what follows from them.
  private static func rows(_ count: Int, seed: UInt64 = 1) -> [[String]] {
    var random = Philox(seed: seed)
    return (0..<count).map { row in
      let (x, y) = (random.nextUniform(), random.nextUniform())
      let word = ["plain", "two\nlines", "a \"word\",\r\n\nmore"][Int(random.next(below: 3))]
      let isIn = x > y || (word == "plain" && x > 0.3)
      return [
        row % 31 == 7 ? "?" : "\(x)", "\(y)", word, row % 41 == 3 ? "" : isIn ? "in" : "out",
        "\(3 + 2 * x - y)", "1",
      ]
    }
  }

  private static let header = ["x", "y", "word", "place", "height", "weight"]

  private static func csv(_ rows: [[String]], blank: Int = .max) -> String {
    ([header] + rows).enumerated().map { index, row in
      row.map { field in
        field.contains("\n") ? "\"" + field.replacing("\"", with: "\"\"") + "\"" : field
      }.joined(separator: ",") + (index % blank == 2 ? "\n\n\n" : "\n")
    }.joined()
  }

  private static func write(_ text: String, _ name: String, _ folder: TemporaryFolder) throws
    -> String
  {
    try Data(text.utf8).write(to: folder(name))
    return folder(name).path
  }

  private static func prepare(_ assignments: [String]) throws -> TableTask {
    let configuration = try TrainingRequest(
      assignments: ["threads=1", "hidden=16,8", "batch=48", "epochs=2"] + assignments
    ).configuration(for: Table.schema)
    let source = DataSource(DataLocator(environment: [:]))
    return try #require(
      try Table.prepare(configuration, from: source).task as? TableTask)
  }

  /// What a process finds after two epochs, and how many rows it holds.
  private struct Outcome: Sendable, Equatable {
    var tensors: [NamedTensor]
    var counters: [String: Int]
    var metrics: [Evaluation?]
    var confusion: ConfusionMatrix?
    var counts: [Int]
    var steps: Int
  }

  private static func outcomes(
    _ processes: Int, _ assignments: [String]
  ) throws -> (found: [Outcome], held: [Int]) {
    let all = try inProcesses(processes) { communicator in
      let task = try prepare(assignments + ["shards=5"])
      try task.shard(into: 5, communicator: communicator)
      try task.train(epochs: 1...2)
      let metrics = try [task.evaluate(.dev), task.evaluate(.test)]
      let (tensors, counters) = task.checkpointTensors()
      let data = task.data
      return (
        Outcome(
          tensors: tensors, counters: counters, metrics: metrics,
          confusion: task.confusion(.dev),
          counts: [data.trainingCount, data.developmentCount, data.testCount],
          steps: task.stepsPerEpoch), data.heldCount
      )
    }.map { try $0.get() }
    return (all.map(\.0), all.map(\.1))
  }

  @Test(
    "Any number of processes gives the same bits, and each holds its share",
    arguments: [
      ["target=place", "select=top-k", "k=4"],
      ["target=place", "select=unified", "k=4", "balanced=true", "weight=weight"],
      ["target=height", "select=batch-top-k", "k=4", "chunk-rows=100"],
      ["target=place", "train-limit=700", "select=dense"],
    ], ["a.csv", "a.csv.gz", "folder"])
  func bits(settings: [String], file: String) throws {
    let folder = try TemporaryFolder()
    let text = Self.csv(Self.rows(1100), blank: 7)
    var path = try Self.write(text, "a.csv", folder)
    if file == "a.csv.gz" {
      let gzip = try Process.run(
        URL(fileURLWithPath: "/usr/bin/gzip"), arguments: [path], terminationHandler: nil)
      gzip.waitUntilExit()
      path += ".gz"
    }
    if file == "folder" {
      path = folder("parts").path
      try FileManager.default.createDirectory(
        at: folder("parts"), withIntermediateDirectories: true)
      _ = try Self.write(text, "parts/train.csv", folder)
      _ = try Self.write(Self.csv(Self.rows(90, seed: 2)), "parts/dev.csv", folder)
      _ = try Self.write(Self.csv(Self.rows(3, seed: 3)), "parts/test.csv", folder)
    }
    let (one, held) = try Self.outcomes(1, ["data=\(path)"] + settings)
    #expect(held[0] == one[0].counts.reduce(0, +))
    let limit = settings.contains("train-limit=700") ? 700 : 1100
    #expect(one[0].counts[0] > limit * 4 / 5 && one[0].counts[0] <= limit)
    for processes in [2, 3, 4] {
      let (found, held) = try Self.outcomes(processes, ["data=\(path)"] + settings)
      for outcome in found { #expect(outcome == one[0], "\(processes) processes") }
      #expect(held.reduce(0, +) == one[0].counts.reduce(0, +))
      #expect(held.allSatisfy { $0 <= held.reduce(0, +) * 2 / processes })
    }
  }

  @Test("All rows are found wherever the pieces of a file begin")
  func pieces() throws {
    let folder = try TemporaryFolder()
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = Philox(seed: seed, stream: 1)
      let count = 330 + Int(random.next(below: 300))
      let shards = 3 + Int(random.next(below: 7))
      let bad = Int(random.next(below: UInt32(count)))
      var rows = Self.rows(count, seed: seed).map { row in
        row.map { $0 == "" ? "in" : $0 }
      }
      let blank = [3, 50, .max][Int(seed % 3)]
      let path = try Self.write(Self.csv(rows, blank: blank), "a.csv", folder)
      let settings = ["data=\(path)", "target=place", "weight=weight", "shards=\(shards)"]
      let found = inProcesses(1 + Int(seed % 3)) { _ in
        let data = try Self.prepare(settings).data
        return data.trainingCount + data.developmentCount
      }
      for found in found { #expect(try found.get() == count, "seed \(seed)") }
      // A row that is refused is named by its line, whoever reads it.
      rows[bad][5] = "heavy"
      let text = Self.csv(rows, blank: blank)
      _ = try Self.write(text, "a.csv", folder)
      let before = text.prefix(upTo: try #require(text.range(of: "heavy")).lowerBound)
      let start = before.utf8.count { $0 == 10 } + 1
      let lines = rows[bad].reduce(0) { $0 + $1.count { $0.isNewline } }
      let expected =
        "weight column 'weight': expected a number of 0 or more in every row, found "
        + "\"heavy\" in line \(start - lines)"
      for found in inProcesses(2, { _ in message { _ = try Self.prepare(settings) } }) {
        let found = try found.get()
        #expect(found.contains(expected), "seed \(seed): \(found), expected \(expected)")
      }
    }
  }

  @Test("A row that cannot be read is named by its line in all processes")
  func badRows() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(600)
    let good = Self.csv(rows)
    for (text, expected) in [
      (good + "1,2\n", ": expected 6 fields as in the first row, found 2"),
      (good + "1,2,\"open,in,3,1\n", "the quote of a field that starts in this row is never"),
    ] {
      let path = try Self.write(text, "a.csv", folder)
      let line = text.utf8.count { $0 == 10 }
      for processes in [1, 3] {
        let found = inProcesses(processes) { _ in
          message { _ = try Self.prepare(["data=\(path)", "target=place", "shards=5"]) }
        }
        for text in found {
          #expect(try text.get().contains("a.csv:\(line):"))
          #expect(try text.get().contains(expected))
        }
      }
    }
  }

  @Test("Few rows, or rows of small batches, are not divided: all processes have all of them")
  func fewRows() throws {
    let folder = try TemporaryFolder()
    for (count, batch) in [(250, 48), (1000, 4)] {
      let path = try Self.write(Self.csv(Self.rows(count)), "a.csv", folder)
      let settings = ["data=\(path)", "target=place", "batch=\(batch)"]
      let (one, held) = try Self.outcomes(1, settings)
      let (two, both) = try Self.outcomes(2, settings)
      #expect(two == [one[0], one[0]])
      #expect(both == [held[0], held[0]])
      #expect(one[0].steps == (one[0].counts[0] + batch - 1) / batch)
    }
  }

  @Test("Processes with other files, or other settings, all end with one line")
  func otherFiles() throws {
    let folder = try TemporaryFolder()
    let paths = try [1, 2].map {
      try Self.write(Self.csv(Self.rows(600, seed: $0)), "\($0).csv", folder)
    }
    let found = inProcesses(2) { communicator in
      message {
        _ = try Self.prepare(["data=\(paths[communicator.rank])", "target=place", "shards=5"])
      }
    }
    for text in found {
      #expect(try text.get().hasPrefix("process 1: expected train data of fingerprint '"))
    }
    // Settings on which it depends what processes tell each other while they read.
    for (key, values) in [
      ("shards", ["4", "5"]), ("batch", ["128", "2"]), ("train-limit", ["none", "50"]),
    ] {
      let found = inProcesses(2) { communicator in
        message {
          let request = TrainingRequest(
            assignments: [
              "data=\(paths[0])", "target=place", "threads=1",
              "\(key)=\(values[communicator.rank])",
            ])
          _ = try Table.train(
            request, from: DataSource(DataLocator(environment: [:])), recorders: [],
            handlesSignals: false)
        }
      }
      let expected =
        "process 1: expected the setting \(key) '\(values[0])' as in process 0, found "
        + "'\(values[1])'"
      for text in found { #expect(try text.get().hasPrefix(expected)) }
    }
  }

  @Test("A run goes on with the same bits in any number of processes")
  func resumption() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(Self.csv(Self.rows(1200)), "a.csv", folder)
    let settings = ["data=\(path)", "target=place", "shards=6", "chunk-rows=300"]
    /// The state after some steps of the first epoch, from a state before them.
    func state(
      _ processes: Int, _ steps: Range<Int>, from state: ([NamedTensor], [String: Int])?
    ) throws -> (tensors: [NamedTensor], counters: [String: Int]) {
      let all = try inProcesses(processes) { communicator in
        let task = try Self.prepare(settings)
        try task.shard(into: 6, communicator: communicator)
        if let state { try task.restore(tensors: state.0, counters: state.1) }
        task.beginEpoch(1)
        try task.train(steps: steps, ofEpoch: 1)
        return task.checkpointTensors()
      }.map { try $0.get() }
      return all[0]
    }
    let whole = try state(1, 0..<20, from: nil)
    var parts = try state(3, 0..<6, from: nil)
    parts = try state(2, 6..<13, from: parts)
    parts = try state(6, 13..<20, from: parts)
    #expect(parts.tensors == whole.tensors)
    #expect(parts.counters == whole.counters)
  }

  @Test("A model knows which rows were held out")
  func model() throws {
    let folder = try TemporaryFolder()
    let path = try Self.write(Self.csv(Self.rows(1200)), "a.csv", folder)
    let (source, run) = (DataSource(DataLocator(environment: [:])), folder("run"))
    let summaries = try inProcesses(3) { _ in
      let request = TrainingRequest(
        assignments: [
          "data=\(path)", "target=place", "hidden=16", "threads=1", "epochs=3", "shards=6",
        ], runFolder: run)
      return try Table.train(request, from: source, recorders: [], handlesSignals: false).summary
    }.map { try $0.get() }
    let model = try TableModel(at: folder("run/model"))
    #expect(model.details.shards == 6)
    let use = ModelUse(
      options: Configuration(schema: ConfigurationSchema([])), threadCount: 1, source: source)
    let report = try Table.evaluate(model, on: .dev, of: nil, use)
    guard case .number(let found) = report.members.first(where: { $0.key == "accuracy" })?.value
    else { return #expect(Bool(false), "no accuracy") }
    let best = summaries[0].epochs.compactMap { $0.dev?.metrics[0].value }.max()
    #expect(found == best)
    #expect(FileManager.default.fileExists(atPath: folder("run/figures.json").path))
  }
}
