// Learning, evaluating and predicting made-up tables.

import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

@Suite("Tables")
struct TableTests {
  /// Rows of two numbers, a category, a date and what follows from them.
  private static func rows(_ count: Int, seed: UInt64 = 1) -> [[String]] {
    var random = Philox(seed: seed)
    return (0..<count).map { row in
      let x = random.nextDouble(-1, 1)
      let y = random.nextDouble(-1, 1)
      let color = ["red", "green", "blue"][Int(random.next(below: 3))]
      let isIn = color == "red" ? x * y > 0 : color == "green" ? x > 0.2 : y * y < 0.3
      return [
        row % 31 == 7 ? "" : String(x), String(y), row % 29 == 3 ? "NA" : color,
        "2024-0\(1 + row % 9)-1\(row % 9)", isIn ? "in" : "out", String(3 + 2 * x - y),
      ]
    }
  }

  private static let header = ["x", "y", "color", "day", "place", "height"]

  private static func csv(_ rows: [[String]], _ header: [String] = header) -> String {
    ([header] + rows).map { $0.joined(separator: ",") + "\n" }.joined()
  }

  private func write(_ text: String, _ name: String, _ folder: TemporaryFolder) throws -> String {
    try Data(text.utf8).write(to: folder(name))
    return folder(name).path
  }

  private func configuration(_ assignments: [String]) throws -> Configuration {
    try TrainingRequest(assignments: ["threads=1", "hidden=32,16"] + assignments)
      .configuration(for: Table.schema)
  }

  private func task(_ assignments: [String]) throws -> TableTask {
    let prepared = try Table.prepare(configuration(assignments), from: DataSource())
    return try #require(prepared.task as? TableTask)
  }

  private func train(_ assignments: [String], epochs: Int = 40) throws -> TableTask {
    let task = try task(["epochs=\(epochs)"] + assignments)
    try task.train(epochs: 1...epochs)
    return task
  }

  private func figure(_ task: TableTask, _ name: String) throws -> Double {
    try #require(try task.evaluate(.dev)?.metrics.first { $0.name == name }?.value)
  }

  private func use(_ assignments: [String] = []) throws -> ModelUse {
    var options = Configuration(schema: ConfigurationSchema(Table.predictionKeys))
    for assignment in assignments {
      let parts = assignment.split(separator: "=", maxSplits: 1).map(String.init)
      try options.set(parts[0], to: parts[1], from: .assignment(assignment))
    }
    return ModelUse(options: options, threadCount: 1)
  }

  private func predict(
    _ model: TableModel, _ text: String, _ folder: TemporaryFolder, _ options: [String] = [],
    objects: Bool = false
  ) throws -> String {
    let path = try write(text, "new-\(UUID().uuidString).csv", folder)
    var bytes: [UInt8] = []
    try Table.predict(
      model, InputFile(path: path), use(options), writesObjects: objects
    ) { bytes += $0 }
    return String(decoding: bytes, as: UTF8.self)
  }

  @Test("Classes, numbers and labels are learned from one file")
  func kinds() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(3000)), "a.csv", folder)
    let classes = try train(["data=\(path)", "target=place", "ignore=height"])
    #expect(classes.data.schema.target.kind == .classes)
    #expect(classes.data.schema.target.classes == ["in", "out"])
    #expect(try figure(classes, "accuracy") > 90)
    #expect(try figure(classes, "auc") > 95)
    #expect(classes.confusion(.dev)?.total == classes.data.developmentCount)
    let number = try train(["data=\(path)", "target=height", "ignore=place"])
    #expect(number.data.schema.target.kind == .number)
    #expect(try figure(number, "r2") > 0.95)
    let labels = try train(["data=\(path)", "target=place", "kind=labels", "ignore=height"])
    #expect(labels.data.schema.target.classes == ["in", "out"])
    #expect(try figure(labels, "accuracy") > 88)
    // A tenth of each class is held out.
    #expect((280...320).contains(classes.data.developmentCount))
    #expect(classes.data.trainingCount + classes.data.developmentCount == 3000)
  }

  @Test("A model keeps what training learned, and takes columns in any order")
  func model() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(600)
    let path = try write(Self.csv(rows), "a.csv", folder)
    let task = try train(["data=\(path)", "target=place", "ignore=height"], epochs: 3)
    try FileManager.default.createDirectory(
      at: folder("model"), withIntermediateDirectories: true)
    try task.writeModel(to: folder("model"))
    let model = try TableModel(at: folder("model"))
    #expect(model.schema == task.data.schema)
    #expect(model.network.parameters.map(\.values) == task.trainer.model.parameters.map(\.values))
    let first = try predict(model, Self.csv(rows), folder)
    let reversed = Self.csv(rows.map { $0.reversed() }, Self.header.reversed())
    #expect(try predict(model, reversed, folder) == first)
    #expect(first.hasPrefix("prediction,probability\n"))
    #expect(first.split(separator: "\n").count == 601)
    // Semicolons, and without the target.
    let others = rows.map { Array($0[..<4]) + ["more"] }
    let semicolons = ([["x", "y", "color", "day", "extra"]] + others)
      .map { $0.joined(separator: ";") + "\n" }.joined()
    #expect(try predict(model, semicolons, folder) == first)
    // Evaluation of the file counts what was predicted.
    let report = try Table.evaluate(model, on: .test, of: path, use())
    let right = zip(first.split(separator: "\n").dropFirst(), rows).count {
      $0.split(separator: ",")[0] == $1[4]
    }
    #expect(report.count == 600)
    #expect(report.members.first { $0.key == "accuracy" }?.value == .number(Double(right) / 6))
    // The rows that were held out are found again.
    let dev = try Table.evaluate(model, on: .dev, of: nil, use())
    #expect(dev.count == task.data.developmentCount)
    let figures = try #require(try task.evaluate(.dev))
    #expect(dev.members.first { $0.key == "logLoss" }?.value == .number(figures.metrics[2].value))
  }

  @Test("Predictions keep columns, and are written as CSV or objects")
  func formats() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(300)), "a.csv", folder)
    let task = try train(["data=\(path)", "target=place", "ignore=height"], epochs: 1)
    let model = TableModel(of: task)
    let new =
      "y,color,x,day,id\n0.5,red,\"0.5\",2024-01-10,\"a,\"\"b\"\"\"\n?,violet,,2030-01-01,2\n"
    let text = try predict(model, new, folder, ["keep=id,color", "probabilities=true"])
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines[0] == "id,color,prediction,probability,p(in),p(out)")
    #expect(lines.count == 3)
    #expect(lines[1].hasPrefix("\"a,\"\"b\"\"\",red,") && lines[2].hasPrefix("2,violet,"))
    let fields = lines[2].split(separator: ",").map(String.init)
    let (p, q) = (try #require(Double(fields[4])), try #require(Double(fields[5])))
    #expect(abs(p + q - 1) < 2e-4 && abs(max(p, q) - (Double(fields[3]) ?? 0)) < 1e-9)
    let objects = try predict(model, new, folder, ["keep=id", "format=jsonl"])
    for (index, line) in objects.split(separator: "\n").enumerated() {
      let object = try #require(
        try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
      #expect(Set(object.keys) == ["id", "prediction", "probability"])
      #expect(object["id"] as? String == ["a,\"b\"", "2"][index])
      #expect(
        object["prediction"] as? String
          == (index == 0 ? lines[1] : lines[2])
          .split(separator: ",").dropLast(3).last.map(String.init))
    }
    let all = try predict(model, new, folder, ["keep=all"])
    #expect(all.hasPrefix("y,color,x,day,id,prediction,probability\n0.5,red,0.5,2024-01-10,"))
    #expect(try predict(model, "x,y,color,day\n", folder) == "prediction,probability\n")
  }

  @Test("Numbers are written with the digits of the target")
  func numbers() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(300)), "a.csv", folder)
    let task = try train(["data=\(path)", "target=height", "ignore=place"], epochs: 1)
    let text = try predict(TableModel(of: task), Self.csv(Self.rows(5)), folder)
    for line in text.split(separator: "\n").dropFirst() {
      #expect(line.firstMatch(of: /^-?\d+\.\d{5}$/) != nil, "\(line)")
    }
  }

  @Test("What does not fit is refused by name, and what is before it is predicted")
  func refusals() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(300)), "a.csv", folder)
    let task = try train(["data=\(path)", "target=place", "ignore=height"], epochs: 1)
    let model = TableModel(of: task)
    do {
      _ = try predict(model, "x,day\n1,2024-01-01\n", folder)
      Issue.record("a missing column was taken")
    } catch {
      #expect("\(error)".contains("columns 'y', 'color', found only 'x', 'day'"), "\(error)")
    }
    var bytes: [UInt8] = []
    let broken = try write(
      "x,y,color,day\n1,1,red,2024-01-01\n1,1\n", "broken.csv", folder)
    do {
      try Table.predict(model, InputFile(path: broken), use(), writesObjects: false) {
        bytes += $0
      }
      Issue.record("a ragged row was taken")
    } catch {
      #expect("\(error)".contains("broken.csv:3: expected 4 fields"))
    }
    #expect(String(decoding: bytes, as: UTF8.self).split(separator: "\n").count == 2)
    for (text, assignments, expected) in [
      (Self.csv(Self.rows(100)), ["target=color2"], "expected a column 'color2'"),
      ("a,b\n", ["target=a"], "has a header and no rows"), ("", ["target=a"], "is empty"),
      ("a,b\n1,x\n2,x\n", ["target=b"], "the class 'x' only"),
      ("a,b\n1,\n2,\n", ["target=b"], "target column 'b' is empty"),
      ("a,b\n1,x\n1,y\n", ["target=b"], "no column is left"),
      ("a,b\n1,x\n2,y\n", ["target=b", "kind=number"], "fields that are no numbers"),
      ("a,b,w\n1,x,1\n2,y,-1\n", ["target=b", "weight=w"], "a number of 0 or more"),
      ("a,b\n1,2\n", [], "expected the name of the column"),
      ("a,b\n1,x\n2,y\n", ["target=b", "ignore=b"], "'b' is the target, which cannot be ignored"),
    ] as [(String, [String], String)] {
      let path = try write(text, "bad.csv", folder)
      do {
        _ = try self.task(["data=\(path)"] + assignments)
        Issue.record("taken: \(text.prefix(40)) \(assignments)")
      } catch {
        #expect("\(error)".contains(expected), "\(error)")
      }
    }
  }

  @Test("Odd tables are read")
  func oddTables() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(200)
    for (text, assignments) in [
      // No header: columns by their places.
      (rows.map { $0.joined(separator: ",") + "\n" }.joined(), ["target=5", "ignore=6"]),
      // Tabs, carriage returns and a byte-order mark.
      (
        "\u{feff}"
          + ([Self.header] + rows).map { $0.joined(separator: "\t") + "\r\n" }.joined(),
        ["target=place"]
      ),
      // Decimal commas.
      (
        ([Self.header] + rows).map {
          $0.joined(separator: ";").replacing(".", with: ",") + "\n"
        }.joined(), ["target=place"]
      ),
      // The same name twice.
      (Self.csv(rows, ["x", "x", "color", "day", "place", "height"]), ["target=place"]),
      // A column of keys, an empty one and a constant one.
      (
        Self.csv(
          rows.enumerated().map { $1 + ["key\($0)", "", "7"] },
          Self.header + ["key", "none", "seven"]), ["target=place"]
      ),
    ] {
      let path = try write(text, "odd.csv", folder)
      let task = try train(["data=\(path)"] + assignments, epochs: 1)
      #expect(task.data.schema.inputs.count >= 4)
      #expect(task.data.schema.target.classes == ["in", "out"])
      #expect(task.data.trainingCount + task.data.developmentCount == 200)
    }
  }

  @Test("Chunks on disk train as well, and a run of them is repeatable")
  func chunks() throws {
    let folder = try TemporaryFolder()
    // Sorted by class, which chunks in the order of the file could not stand.
    let rows = Self.rows(3000).sorted { $0[4] < $1[4] }
    let path = try write(Self.csv(rows), "a.csv", folder)
    let settings = ["data=\(path)", "target=place", "ignore=height", "chunk-rows=500"]
    let task = try train(settings)
    #expect(task.stepsPerEpoch >= 24)
    #expect(try figure(task, "accuracy") > 90)
    let again = try train(settings)
    #expect(again.trainer.model == task.trainer.model)
  }

  @Test("A run that was interrupted goes on with the same bits")
  func resumption() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(500)), "a.csv", folder)
    for more in [[], ["chunk-rows=100"]] {
      let settings = ["data=\(path)", "target=height", "epochs=2", "batch=32"] + more
      let whole = try task(settings)
      try whole.train(epochs: 1...2)
      let first = try task(settings)
      first.beginEpoch(1)
      try first.train(steps: 0..<7, ofEpoch: 1)
      let (tensors, counters) = first.checkpointTensors()
      let second = try task(settings)
      try second.restore(tensors: tensors, counters: counters)
      second.beginEpoch(1)
      try second.train(steps: 7..<second.stepsPerEpoch, ofEpoch: 1)
      try second.train(epochs: 2...2)
      #expect(second.trainer.model == whole.trainer.model)
    }
  }

  @Test("Weights of rows and of classes are followed")
  func weights() throws {
    let folder = try TemporaryFolder()
    // One row in twenty is rare; nothing tells which.
    let rows = (0..<2000).map {
      ["\($0 % 7)", $0 % 20 == 0 ? "rare" : "often", $0 % 20 == 0 ? "19" : "1"]
    }
    let path = try write(Self.csv(rows, ["x", "kind", "w"]), "a.csv", folder)
    func found(_ more: [String]) throws -> Double {
      let task = try train(["data=\(path)", "target=kind"] + more, epochs: 5)
      let text = try predict(
        TableModel(of: task), Self.csv(Array(rows.prefix(7)), ["x", "kind", "w"]), folder,
        ["probabilities=true"])
      let line = try #require(text.split(separator: "\n").dropFirst().first)
      return try #require(Double(line.split(separator: ",")[3]))
    }
    #expect(try found(["ignore=w"]) < 0.15)
    #expect(abs(try found(["ignore=w", "balanced=true"]) - 0.5) < 0.1)
    #expect(abs(try found(["weight=w"]) - 0.5) < 0.1)
  }

  @Test("Shuffling a column that nothing follows from changes nothing")
  func importance() throws {
    let folder = try TemporaryFolder()
    let path = try write(Self.csv(Self.rows(2000)), "a.csv", folder)
    let task = try train(["data=\(path)", "target=height", "ignore=place"])
    let report = try Table.importance(
      TableModel(of: task), on: .test, of: path, repeats: 2, use())
    #expect(report.parts.map(\.name).prefix(2) == ["x", "y"])
    #expect(report.parts[0].drop > 1 && report.parts[1].drop > 0.2)
    #expect(report.parts[2].drop < 0.05 && report.parts[3].drop < 0.05)
    #expect(report.metric.name == "r2" && report.count == 2000)
  }

  @Test("A check tells what would hurt")
  func check() throws {
    let folder = try TemporaryFolder()
    let rows = Self.rows(400).enumerated().map { index, row in
      row + ["key\(index)", "same", row[4] == "in" ? "yes" : "no", index == 5 ? "odd" : "\(index)"]
    }
    let path = try write(
      Self.csv(rows, Self.header + ["key", "same", "leak", "number"]), "a.csv", folder)
    let report = try Table.check(
      configuration(["data=\(path)", "target=place"]), DataSource())
    #expect(report.errors.isEmpty)
    for text in [
      "'key' has another text in nearly every row", "'same' has one value only",
      "'leak' alone tells the target", "'number' has 1 fields that are no numbers, first \"odd\"",
    ] {
      #expect(report.warnings.contains { $0.contains(text) }, "\(text): \(report.warnings)")
    }
    #expect(!report.warnings.contains { $0.contains("'x' alone") })
    #expect(report.table.rows.count == 11)
    let bad = try Table.check(configuration(["data=\(path)", "target=z"]), DataSource())
    #expect(bad.errors.count == 1 && bad.errors[0].contains("'z'"))
  }

  @Test("The area under the curve counts ties by halves", .timeLimit(.minutes(1)))
  func areas() throws {
    func area(_ pairs: [(Float, Bool)]) -> Double? {
      var scores = RankedScores()
      for (score, isTrue) in pairs { scores.add(score, isTrue: isTrue) }
      return scores.area
    }
    #expect(area([(1, false), (2, true)]) == 1)
    #expect(area([(1, true), (2, false)]) == 0)
    #expect(area([(1, true), (1, false)]) == 0.5)
    #expect(area([(1, false), (2, true), (2, false), (3, true)]) == 0.875)
    #expect(area([(1, true)]) == nil)
    // A network that has come apart.
    #expect(try #require(area([(1, true), (.nan, false), (.nan, true), (0, false)])).isNaN)
  }

  @Test("Knots lie where the numbers are")
  func knots() {
    #expect(Knots(sorted: [1, 1, 2, 5], count: 4).places == [1, 2, 5])
    let sorted = (0..<10_000).map { Double($0) } + Array(repeating: 20_000.0, count: 10_000)
    let knots = Knots(sorted: sorted, count: 12)
    #expect(knots.places.count <= 12 && knots.places.first == 0 && knots.places.last == 20_000)
    let gaps = zip(knots.places.dropLast(), knots.places.dropFirst().dropLast()).map { $1 - $0 }
    #expect(gaps.allSatisfy { (300...1500).contains($0) }, "\(gaps)")
    #expect(zip(knots.scores, knots.scores.dropFirst()).allSatisfy { $0 < $1 })
    #expect(abs(Knots(sorted: [0, 1], count: 2).scores[1] - 0.67449) < 1e-4)
  }
}

extension Philox {
  fileprivate mutating func nextDouble(_ low: Double, _ high: Double) -> Double {
    low + (high - low) * Double(next32()) * 0x1p-32
  }
}
