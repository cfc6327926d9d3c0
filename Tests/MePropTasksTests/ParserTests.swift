import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

@Suite struct ParserTests {
  private final class Folder {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-parser-\(UUID().uuidString)", isDirectory: true)
    init() throws {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }
    deinit { try? FileManager.default.removeItem(at: url) }
  }

  private static let small = [
    "hidden=40", "embedding-size=12", "batch=50", "threads=1", "epochs=5", "learning-rate=0.01",
    "k=8",
  ]

  private func settings(_ assignments: [String] = []) throws -> ParserSettings {
    // What dense does not have is left out.
    let base =
      assignments.contains("select=dense") ? Self.small.filter { $0 != "k=8" } : Self.small
    let configuration = try TrainingRequest(assignments: base + assignments)
      .configuration(for: ParserConfiguration.schema)
    return try ParserConfiguration.resolve(configuration).settings
  }

  private func task(_ assignments: [String] = [], threads: Int = 1) throws -> ParserTask {
    try ParserTask(
      settings: settings(assignments), data: SyntheticTrees.data,
      context: ComputeContext(threadCount: threads))
  }

  private func train(_ task: ParserTask, epochs: ClosedRange<Int> = 1...5) throws {
    for epoch in epochs {
      try task.beginEpoch(epoch)
      for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: epoch) }
    }
  }

  @Test(
    arguments: [
      [], ["select=dense"], ["select=unified", "group=25"], ["hidden=40,30", "dropout=0.1"],
      ["system=arc-standard"], ["system=swap"], ["activation=cube"], ["activation=tanh"],
      ["suffix=2", "prefix=1", "columns=upos"], ["explore=0", "average=0"],
      ["untouched=update", "optimizer=adagrad", "learning-rate=0.05"],
      ["relations=universal", "memory=0"],
      ["preset=paper", "epochs=5", "batch=50"], ["k-epochs=4,8", "dense-every=10"],
    ])
  func learnsAndRepeatsItself(assignments: [String]) throws {
    let one = try task(assignments)
    let two = try task(assignments, threads: 2)
    try train(one)
    try train(two)
    #expect(one.model == two.model)
    let dev = try #require(try one.evaluate(.dev))
    #expect(try two.evaluate(.dev) == dev)
    #expect(dev.metrics.map(\.name) == ["las", "uas"])
    #expect(dev.primary >= 90, "\(assignments): \(dev)")
    #expect(one.takeLayerReports().count == one.settings.shape.hiddenSizes.count + 1)
  }

  @Test func whatAReportShowsIsCounted() throws {
    let task = try task(["hidden=40,30"])
    #expect(task.confusion(.dev) == nil)
    try train(task, epochs: 1...1)
    let dev = try #require(try task.evaluate(.dev))
    let tallies = task.takeTallies()
    #expect(tallies.map(\.name) == ["features", "layers.0", "layers.1"])
    #expect(tallies.map(\.name) == task.takeLayerReports().map(\.name))
    #expect(tallies[0].exampleCount == tallies[1].exampleCount)
    #expect(tallies[0].keptCounts.reduce(0, +) > 0 && tallies[2].keptCounts.isEmpty)
    #expect(tallies.allSatisfy { $0.costs.weightGradient.multiplyAdds > 0 })
    let confusion = try #require(task.confusion(.dev))
    let right = confusion.cells.reduce(0) { $0 + ($1.gold == $1.found ? $1.count : 0) }
    let words = SyntheticTrees.data.development.reduce(0) { $0 + $1.wordCount }
    #expect(confusion.total == words)
    // An arc is right only where its relation is.
    #expect(Double(right) / Double(words) * 100 >= dev.primary)
  }

  @Test(arguments: [["explore=0.5"], ["explore=0", "system=arc-standard", "dropout=0.2"]])
  func aRunThatWasInterruptedGoesOnWithTheSameBits(assignments: [String]) throws {
    let whole = try task(assignments)
    try train(whole, epochs: 1...3)
    let before = try task(assignments)
    try train(before, epochs: 1...1)
    try before.beginEpoch(2)
    for step in 0..<11 { _ = try before.trainStep(step, ofEpoch: 2) }
    let (tensors, counters) = before.checkpointTensors()
    let after = try task(assignments)
    try after.restore(tensors: tensors, counters: counters)
    try after.beginEpoch(2)
    for step in 11..<after.stepsPerEpoch { _ = try after.trainStep(step, ofEpoch: 2) }
    try train(after, epochs: 3...3)
    #expect(after.model == whole.model)
    #expect(throws: CheckpointError.self) {
      try after.restore(tensors: Array(tensors.dropLast()), counters: counters)
    }
    #expect(throws: CheckpointError.self) { try after.restore(tensors: tensors, counters: [:]) }
    var other = counters
    other["data"] = 5
    #expect(throws: CheckpointError.self) { try after.restore(tensors: tensors, counters: other) }
  }

  @Test func aModelSurvivesItsFolder() throws {
    let task = try task(["suffix=2", "hidden=20,10", "activation=cube"])
    let folder = try Folder()
    try task.writeModel(to: folder.url)
    let model = try ParserModel(at: folder.url)
    let copy = try Folder()
    try model.write(to: copy.url)
    #expect(try contents(of: copy.url) == contents(of: folder.url))
    #expect(try TaskRegistry.standard.taskName(ofModelAt: folder.url) == "parser")
    let weights = folder.url.appendingPathComponent("model.safetensors")
    var tensors = try SafeTensors.read(from: weights).tensors
    let last = tensors.removeLast()
    try SafeTensors.write(tensors, to: weights)
    #expect(throws: ModelFileError.missingTensor(path: weights.path, name: last.name)) {
      try ParserModel(at: folder.url)
    }
    let file = folder.url.appendingPathComponent("model.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    for (old, new, key) in [
      ("arc-hybrid", "arc-eager", "system"), ("cube", "square", "activation"),
      ("\"embeddingSize\" : 12", "\"embeddingSize\" : 9999", "embeddingSize"),
    ] {
      try text.replacing(old, with: new).write(to: file, atomically: true, encoding: .utf8)
      do {
        _ = try ParserModel(at: folder.url)
        Issue.record("a model with \(new) was taken")
      } catch let error as ModelFileError {
        guard case .wrongField(_, key, _, _) = error else {
          Issue.record("\(error)")
          continue
        }
      }
    }
    try text.replacing("\"version\" : 2", with: "\"version\" : 9")
      .write(to: file, atomically: true, encoding: .utf8)
    #expect(
      throws: ModelFileError.otherVersion(
        path: file.path, expected: 2, found: 9, writtenBy: "meprop \(MePropVersion.current)")
    ) { try ParserModel(at: folder.url) }
    try FileManager.default.removeItem(at: folder.url.appendingPathComponent("vocabularies.json"))
    try text.write(to: file, atomically: true, encoding: .utf8)
    #expect(throws: ModelFileError.self) { try ParserModel(at: folder.url) }
  }

  @Test func onlyHeadsAndRelationsChange() throws {
    let task = try task()
    try train(task)
    let trees = SyntheticTrees.data.test
    let text =
      "# comment\r\n1-2\tx\t_\t_\t_\t_\t_\t_\t_\tSpaceAfter=No\n"
      + SyntheticTrees.conllu(
        trees.map { tree in
          tree.replacing(
            heads: tree.heads.map { _ in 0 }, relations: tree.relations.map { _ in "_" })
        }) + "# the end\n"
    let folder = try Folder()
    let file = folder.url.appendingPathComponent("a.conllu")
    try Data(text.utf8).write(to: file)
    var outputs: [String] = []
    for (flushes, threads) in [(false, 1), (true, 1), (false, 2)] {
      var bytes: [UInt8] = []
      try ParserPredictor(task.model, threadCount: threads).predict(
        InputFile(path: file.path), flushesEachSentence: flushes
      ) { bytes += $0 }
      outputs.append(String(decoding: bytes, as: UTF8.self))
    }
    #expect(outputs[0] == outputs[2])
    let before = text.split(separator: "\n", omittingEmptySubsequences: false)
    for output in outputs {
      let after = output.split(separator: "\n", omittingEmptySubsequences: false)
      #expect(before.count == after.count)
      for (old, new) in zip(before, after) {
        var oldFields = old.split(separator: "\t", omittingEmptySubsequences: false)
        var newFields = new.split(separator: "\t", omittingEmptySubsequences: false)
        if oldFields.count == 10, newFields.count == 10, Int(oldFields[0]) != nil {
          #expect(newFields[7] != "_")
          for place in [6, 7] {
            oldFields[place] = ""
            newFields[place] = ""
          }
        }
        #expect(oldFields == newFields)
      }
    }
    let found = ParserPredictor(task.model).parse(trees)
    #expect(found.allSatisfy { DependencyTree.defects(ofHeads: $0.heads).isEmpty })
    let beam = ParserPredictor(task.model, beamWidth: 4).parse(trees)
    func correct(_ parsed: [(heads: [Int], relations: [String])]) -> Int {
      zip(trees, parsed).reduce(0) { sum, pair in
        sum + zip(pair.0.heads, pair.1.heads).count { $0 == $1 }
      }
    }
    #expect(correct(beam) >= correct(found) - 5)
    #expect(beam.allSatisfy { DependencyTree.defects(ofHeads: $0.heads).isEmpty })
    #expect(ParserPredictor(task.model).parse([]).isEmpty)
  }

  @Test func crossingArcsAreLearnedWithSwaps() throws {
    // "a b a b": each b hangs on the a two before it, so the arcs cross.
    let tree = SyntheticTrees.tree([0, 0, 1, 1, 2])
    #expect(!tree.isProjective)
    let data = ParserData(
      training: Array(repeating: tree, count: 300), development: [tree], test: [])
    func task(_ system: String) throws -> ParserTask {
      try ParserTask(
        settings: settings(["system=\(system)", "explore=0"]), data: data,
        context: ComputeContext())
    }
    let swap = try task("swap")
    try train(swap)
    #expect(try swap.evaluate(.dev)?.primary == 100)
    #expect(swap.leftOutCount == 0)
    #expect(throws: ParserDataError.self) { try task("arc-standard") }
  }

  @Test(
    arguments: [
      ["select=dense", "k=5"], ["k=41"], ["select=dense", "memory=0.5"], ["group=5"],
      ["momentum=0.5"], ["explore=0.5", "system=swap"], ["data="], ["k-epochs=50"],
      ["select=dense", "dense-every=2"], ["hidden=1000000"],
    ])
  func settingsThatDoNotGoTogetherAreRefused(assignments: [String]) throws {
    let configuration = try TrainingRequest(assignments: ["hidden=40", "k=8"] + assignments)
      .configuration(for: ParserConfiguration.schema)
    #expect(throws: ConfigurationError.self) { try ParserConfiguration.resolve(configuration) }
  }

  @Test func theLearningRateFollowsTheBatchAndTheOptimizer() throws {
    func rate(_ assignments: String...) throws -> Float {
      let configuration = try TrainingRequest(assignments: assignments)
        .configuration(for: ParserConfiguration.schema)
      return try ParserConfiguration.resolve(configuration).settings.steps.optimizer.learningRate
    }
    #expect(try rate() == 0.005657)
    #expect(try rate("batch=100") == 0.002)
    #expect(try rate("batch=100", "optimizer=adagrad") == 0.02)
    #expect(try rate("batch=25", "optimizer=sgd") == 0.05)
    #expect(try rate("batch=25", "learning-rate=0.003") == 0.003)
    #expect(try rate("preset=paper") == 0.001)
  }

  @Test func smallTreebanksTakeMoreEpochs() throws {
    func epochs(_ sentenceCount: Int?, _ assignments: String...) throws -> Int {
      let configuration = try TrainingRequest(assignments: assignments)
        .configuration(for: ParserConfiguration.schema)
      return try ParserConfiguration.resolve(configuration, sentenceCount: sentenceCount).settings
        .steps.stopping.epochs
    }
    #expect(try epochs(nil) == 6)
    #expect(try epochs(20_000) == 6)
    #expect(try epochs(3_125) == 12)
    #expect(try epochs(1) == 40)
    #expect(try epochs(1, "epochs=3") == 3)
    #expect(try epochs(1, "preset=paper") == 15)
  }

  @Test func thePaperPresetGivesWayToWhatIsSaid() throws {
    let paper = try TrainingRequest(assignments: ["preset=paper", "epochs=3"])
      .configuration(for: ParserConfiguration.schema)
    let (settings, resolved) = try ParserConfiguration.resolve(paper)
    #expect(settings.steps.batchSize == 10000 && settings.steps.stopping.epochs == 3)
    #expect(settings.system == .arcStandard && settings.shape.hiddenSizes == [500, 500])
    #expect(try ParserConfiguration.resolve(resolved).settings == settings)
  }
}
