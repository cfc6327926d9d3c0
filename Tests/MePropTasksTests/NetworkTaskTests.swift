// What holds for every task whose network a trainer trains.

import Foundation
import MePropCore
import MePropNN
import MePropTasks
import Testing

@Suite struct NetworkTaskTests {
  // MARK: Clipping and running means

  static let recipes = [
    ["clip-norm=0.05"], ["average=0.9"], ["clip-norm=0.05", "average=0.9"],
    ["clip-norm=0.05", "average=0.9", "untouched=update", "select=dense"],
  ]

  /// Stops after some steps of the second epoch, goes on from files, and compares with a run that
  /// did not stop.
  private func checkInterruptions<Task: NetworkTask>(
    _ recipe: [String], _ make: ([String]) throws -> Task
  ) throws {
    let whole = try make(recipe)
    try whole.train(epochs: 1...3)
    let expected = whole.checkpointTensors()
    // Before the first mean, after one, and between two.
    for stop in [0, 3, 8, 11] {
      let first = try make(recipe)
      try first.train(epochs: 1...1)
      try first.beginEpoch(2)
      try first.train(steps: 0..<stop, ofEpoch: 2)
      let (tensors, counters) = first.checkpointTensors()
      let folder = try TemporaryFolder()
      try SafeTensors.write(tensors, to: folder("state"))
      let second = try make(recipe)
      try second.restore(
        tensors: try SafeTensors.read(from: folder("state")).tensors, counters: counters)
      #expect(second.trainer.model.parameters == first.trainer.model.parameters)
      try second.beginEpoch(2)
      try second.train(steps: stop..<second.stepsPerEpoch, ofEpoch: 2)
      try second.train(epochs: 3...3)
      let found = second.checkpointTensors()
      #expect(found.tensors == expected.tensors && found.counters == expected.counters)
      #expect(second.trainer.model.parameters == whole.trainer.model.parameters)
      #expect(try second.evaluate(.dev) == whole.evaluate(.dev))
      // What is evaluated is what is saved.
      try second.writeModel(to: folder.url)
      let saved = try SafeTensors.read(from: folder("model.safetensors")).tensors
      #expect(saved == whole.trainer.model.parameters)
    }
  }

  /// Both do what they are for: training takes another way, and what is used is the mean.
  private func checkEffect<Task: NetworkTask>(
    _ recipe: [String], _ make: ([String]) throws -> Task
  ) throws {
    let others = recipe.filter { !$0.hasPrefix("clip-norm") && !$0.hasPrefix("average") }
    let plain = try make(others + ["average=0"])
    let task = try make(recipe + (recipe.contains("average=0.9") ? [] : ["average=0"]))
    for task in [plain, task] { try task.train(epochs: 1...1) }
    let clips = recipe.contains("clip-norm=0.05")
    let isAveraged = recipe.contains("average=0.9")
    let (now, used) = (task.trainer.currentModel.parameters, task.trainer.model.parameters)
    #expect((now != plain.trainer.currentModel.parameters) == clips)
    #expect((now != used) == isAveraged)
    #expect(task.trainer.optimizer.clipNorm == (clips ? 0.05 : nil))
    let means = task.checkpointTensors().tensors.filter { $0.name.hasSuffix(".average") }
    #expect(means.map(\.name) == (isAveraged ? now.map { $0.name + ".average" } : []))
  }

  @Test(arguments: recipes) func digits(recipe: [String]) throws {
    try checkEffect(recipe) { try TinyTasks.digits($0) }
    try checkInterruptions(recipe) { try TinyTasks.digits($0) }
  }

  @Test(arguments: recipes) func tagger(recipe: [String]) throws {
    try checkEffect(recipe) { try TinyTasks.tagger($0) }
    try checkInterruptions(recipe) { try TinyTasks.tagger($0) }
  }

  @Test(arguments: recipes) func parser(recipe: [String]) throws {
    try checkEffect(recipe) { try TinyTasks.parser($0) }
    try checkInterruptions(recipe) { try TinyTasks.parser($0) }
  }

  // MARK: Simplification

  /// Units left, counts and the network with all units are part of the state.
  @Test(arguments: [
    ["target-width=6", "minimum-width=2", "epochs=3", "average=0.9"],
    ["simplify=0.2", "minimum-width=2", "epochs=3"],
  ])
  func simplifiedTasksGoOn(recipe: [String]) throws {
    func check<Task: NetworkTask>(_ make: ([String]) throws -> Task) throws {
      try checkInterruptions(recipe, make)
      let task = try make(recipe)
      try task.train(epochs: 1...3)
      let widths = task.trainer.layerWidths
      #expect(widths.contains { $0.width < $0.originalWidth }, "\(widths)")
      let folder = try TemporaryFolder()
      try task.writeModel(to: folder.url)
      let uncut = try SafeTensors.read(from: folder("uncut/model.safetensors")).tensors
      #expect(uncut.map(\.shape) == (try make(recipe)).trainer.model.parameters.map(\.shape))
    }
    try check { try TinyTasks.digits($0) }
    try check { try TinyTasks.tagger($0 + ["layers=2"]) }
    try check { try TinyTasks.parser($0) }
  }

  /// What was read has no policies of training; its parameters are those that were written.
  private func expectSame(_ read: some Layer, _ written: some Layer) {
    #expect(read.description == written.description)
    #expect(read.parameters.map(\.values) == written.parameters.map(\.values))
  }

  @Test func simplifiedModelsAreReadAndSmaller() throws {
    let recipe = ["target-width=6", "minimum-width=2", "epochs=3"]
    let folder = try TemporaryFolder()
    let digits = try TinyTasks.digits(recipe)
    try digits.train(epochs: 1...3)
    try digits.writeModel(to: folder.url)
    let model = try DigitsModel(at: folder.url)
    expectSame(model.network, digits.trainer.model)
    #expect(model.details.layers[1...2] == [6, 6])
    expectSame(try DigitsModel(at: folder("uncut")).network, digits.trainer.uncutModel)
    let tagger = try TinyTasks.tagger(recipe)
    try tagger.train(epochs: 1...3)
    let second = try TemporaryFolder()
    try tagger.writeModel(to: second.url)
    expectSame(try TaggerModel(at: second.url).network, tagger.trainer.model)
    let parser = try TinyTasks.parser(recipe)
    try parser.train(epochs: 1...3)
    let third = try TemporaryFolder()
    try parser.writeModel(to: third.url)
    expectSame(try ParserModel(at: third.url).network, parser.trainer.model)
  }

  @Test(arguments: [["clip-norm=0.05", "average=0.9"]])
  func threadsChangeNothing(recipe: [String]) throws {
    func check<Task: NetworkTask>(_ make: (Int) throws -> Task) throws {
      let (one, two) = (try make(1), try make(2))
      for task in [one, two] { try task.train(epochs: 1...2) }
      #expect(one.checkpointTensors().tensors == two.checkpointTensors().tensors)
    }
    try check { try TinyTasks.digits(recipe, threads: $0) }
    try check { try TinyTasks.tagger(recipe, threads: $0) }
    try check { try TinyTasks.parser(recipe, threads: $0) }
  }

  // MARK: Names

  /// Reports and tallies have the same layers, each of which is the path of parameters; the last is
  /// the output layer, which is dense.
  private func checkNames(_ task: some NetworkTask, _ expected: [String]) throws {
    try task.beginEpoch(1)
    try task.train(steps: 0..<3, ofEpoch: 1)
    let reports = task.takeLayerReports()
    let tallies = task.takeTallies()
    #expect(reports.map(\.name) == expected)
    #expect(tallies.map(\.name) == expected)
    let paths = task.trainer.model.parameters.map(\.name)
    for name in expected { #expect(paths.contains { $0.hasPrefix(name + ".") }, "\(name)") }
    // Embeddings are looked up, all other parameters belong to a layer with products.
    let others = paths.filter { path in !expected.contains { path.hasPrefix($0 + ".") } }
    #expect(others.allSatisfy { $0.hasPrefix("embeddings.") }, "\(others)")
    let output = try #require(reports.last)
    let classCount = task.trainer.model.outputSize
    #expect(output.touchedRows == Double(classCount) && output.keptMagnitude == 1)
    #expect(tallies.last?.outputSize == classCount && tallies.last?.keptCounts.isEmpty == true)
    #expect(tallies.allSatisfy { $0.costs.weightGradient.multiplyAdds > 0 })
    // Examples are those that kept units are counted over.
    #expect(tallies.dropLast().allSatisfy { $0.exampleCount > 0 })
    #expect(reports.dropLast().allSatisfy { $0.touchedRows > 0 && $0.keptMagnitude > 0 })
    // They start afresh.
    #expect(task.takeLayerReports().allSatisfy { $0.touchedRows == 0 })
    #expect(task.takeTallies().allSatisfy { $0.exampleCount == 0 })
  }

  @Test func namesOfLayersAreThoseOfParameters() throws {
    try checkNames(TinyTasks.digits(), ["layers.0", "layers.1", "layers.2"])
    try checkNames(TinyTasks.digits(["hidden=9"]), ["layers.0", "layers.1"])
    try checkNames(TinyTasks.tagger(), ["lstm.0.forward", "lstm.0.backward", "output"])
    try checkNames(
      TinyTasks.tagger(["layers=2"]),
      ["lstm.0.forward", "lstm.0.backward", "lstm.1.forward", "lstm.1.backward", "output"])
    try checkNames(
      TinyTasks.tagger(["bidirectional=false", "layers=2"]),
      ["lstm.0.forward", "lstm.1.forward", "output"])
    try checkNames(TinyTasks.parser(), ["features", "layers.0"])
    try checkNames(TinyTasks.parser(["hidden=40,30"]), ["features", "layers.0", "layers.1"])
  }

  // MARK: Models of version 0.1

  @Test(
    arguments: [
      #""task": "digits", "layers": [30, 12, 4], "activation": "relu", "pixelScale": 0.004"#,
      #""task": "tagger", "column": "upos", "data": "x", "wordCount": 5, "shape": {}"#,
      #""task": "parser", "system": "swap", "precision": "f32", "data": "x", "shape": {}"#,
    ])
  func modelsOfVersionOneAreRefusedWithTheirWriter(members: String) throws {
    let folder = try TemporaryFolder()
    let model = folder("run/model")
    try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
    let file = model.appendingPathComponent("model.json")
    try Data("{\"format\": \"meprop-model\", \"version\": 1, \(members)}".utf8).write(to: file)
    for url in [model, folder("run")] {
      let read: [(URL) throws -> Void] = [
        { _ = try DigitsModel(at: $0) }, { _ = try TaggerModel(at: $0) },
        { _ = try ParserModel(at: $0) }, { _ = try TaskRegistry.standard.task(ofModelAt: $0) },
      ]
      for read in read {
        #expect(
          message { try read(url) } == "\(file.path): a model of format 1, written by meprop 0.1; "
            + "this version reads format 2: train the model again, or use the version that wrote it"
        )
      }
    }
  }
}
