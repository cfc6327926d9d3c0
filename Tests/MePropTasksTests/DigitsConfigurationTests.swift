// Settings that go together, and those that do not.

import MePropCore
import MePropNN
import MePropTasks
import Testing

@Suite("Configuration of digits")
struct DigitsConfigurationTests {
  private func resolve(
    _ assignments: [String]
  ) throws -> (settings: DigitsSettings, configuration: Configuration) {
    try DigitsConfiguration.resolve(
      TrainingRequest(assignments: assignments).configuration(for: DigitsConfiguration.schema))
  }

  @Test("The defaults are the recipe")
  func defaults() throws {
    let settings = try resolve([]).settings
    #expect(settings.hiddenSizes == [500, 500])
    #expect(settings.steps.selection == .batchTop(k: .ratio(0.04), memory: 0.9))
    #expect(!settings.selectsInOutputLayer)
    #expect(settings.steps.optimizer == .adam(learningRate: 0.003162, untouchedRows: .skip))
    #expect(settings.steps.learningRateSchedule == .linear)
    #expect(settings.steps.averageDecay == 0 && settings.dropout == 0)
    #expect(settings.steps.batchSize == 100)
    #expect(settings.steps.stopping == StoppingRule(epochs: 2))
    #expect(settings.steps.threadCount == nil)
  }

  @Test("Products read eight bits where the processor is fast with them")
  func precision() throws {
    let (settings, configuration) = try resolve([])
    let expected = InstructionSet.preferred.multipliesBytes ? Precision.int8 : .f32
    #expect(settings.precision == expected)
    #expect(configuration.string("precision") == expected.rawValue)
    #expect(try resolve(["precision=bf16"]).settings.precision == .bf16)
  }

  @Test("Easy images are left out if asked for")
  func easyImages() throws {
    #expect(try resolve([]).settings.steps.pruning == nil)
    #expect(
      try resolve(["skip-easy=0.5"]).settings.steps.pruning
        == ExamplePruning(share: 0.5, loss: 0.01))
    #expect(
      try resolve(["skip-easy=0.5", "easy-loss=0.2"]).settings.steps.pruning
        == ExamplePruning(share: 0.5, loss: 0.2))
    let error = #expect(throws: ConfigurationError.self) { try resolve(["easy-loss=0.2"]) }
    #expect(error?.description.contains("nothing is left out") == true)
    #expect(throws: ConfigurationError.self) { try resolve(["skip-easy=1"]) }
  }

  @Test("The automatic learning rate grows with the root of the batch")
  func learningRates() throws {
    #expect(try resolve(["batch=10"]).settings.steps.optimizer.learningRate == 0.001)
    #expect(try resolve(["batch=40"]).settings.steps.optimizer.learningRate == 0.002)
    #expect(
      try resolve(["batch=10", "optimizer=adagrad"]).settings.steps.optimizer.learningRate == 0.01)
    let given = try resolve(["batch=40", "learning-rate=0.5"]).settings
    #expect(given.steps.optimizer.learningRate == 0.5)
  }

  @Test("Every policy works with the other defaults")
  func policies() throws {
    #expect(try resolve(["select=dense"]).settings.steps.selection == .dense)
    #expect(try resolve(["select=random-k"]).settings.steps.selection == .random(k: .ratio(0.04)))
    #expect(
      try resolve(["select=unified", "group=8", "k=0.5"]).settings.steps.selection
        == .unified(k: .ratio(0.5), groupSize: 8, memory: 0.9))
    #expect(
      try resolve(["select=top-k", "memory=0"]).settings.steps.selection == .top(k: .ratio(0.04)))
    #expect(
      try resolve(["select=sampled", "k=7"]).settings.steps.selection == .sampled(k: .count(7)))
    #expect(
      try resolve(["beta2=0.9"]).settings.steps.optimizer.method == .adam(beta2: 0.9))
  }

  @Test("Each key reaches the value it is for")
  func keys() throws {
    let settings = try resolve([
      "data=here", "classes=7", "dev-count=9", "train-limit=11", "epochs=3", "patience=2",
      "target=98.5", "batch=13", "seed=17", "threads=2", "hidden=40,30,20", "activation=tanh",
      "initialization=he-normal", "dropout=0.25", "k=6", "k-epochs=5,4", "memory=0.5",
      "dense-start=10", "dense-every=20", "select-output=true", "optimizer=sgd",
      "learning-rate=0.5", "momentum=0.75", "untouched=update", "l2=0.125", "weight-decay=0.0625",
      "clip-value=4", "clip-norm=8", "average=0.75",
    ]).settings
    #expect(settings.data == "here")
    #expect(settings.classCount == 7)
    #expect(settings.developmentCount == 9)
    #expect(settings.trainingLimit == 11)
    #expect(settings.steps.stopping == StoppingRule(epochs: 3, patience: 2, target: 98.5))
    #expect(settings.steps.batchSize == 13)
    #expect(settings.steps.seed == 17 && settings.steps.averageDecay == 0.75)
    #expect(settings.steps.threadCount == 2)
    #expect(settings.hiddenSizes == [40, 30, 20])
    #expect(settings.activation == .tanh)
    #expect(settings.initialization == .heNormal)
    #expect(settings.dropout == 0.25)
    #expect(settings.steps.selection == .batchTop(k: .count(5), memory: 0.5))
    #expect(settings.selectsInOutputLayer)
    #expect(
      settings.steps.schedule
        == SelectionSchedule(denseStart: 10, denseEvery: 20, kByEpoch: [.count(5), .count(4)]))
    var optimizer = Optimizer(
      .gradientDescent(momentum: 0.75), learningRate: 0.5, untouchedRows: .update)
    optimizer.l2 = 0.125
    optimizer.weightDecay = 0.0625
    optimizer.clipValue = 4
    optimizer.clipNorm = 8
    #expect(settings.steps.optimizer == optimizer)
    #expect(try resolve(["optimizer=adagrad"]).settings.steps.optimizer.method == .adaGrad())
  }

  @Test(
    "What does not go together is refused",
    arguments: [
      (["k=0"], "count of at least 1"), (["k=-3"], "count of at least 1"),
      (["k=501"], "above every layer's width (500, 500)"), (["hidden=0"], "whole numbers"),
      (["hidden=-1"], "whole numbers"), (["hidden=abc"], "whole numbers"),
      (["k-epochs=30,600"], "600 is above every layer's width"),
      (["memory=0.5", "select=dense"], "only top-k, batch-top-k, sampled and unified have unit"),
      (
        ["memory=0.5", "select=random-k"], "only top-k, batch-top-k, sampled and unified have unit"
      ),
      (["memory=1.5"], "from 0 to 1"), (["group=5"], "only unified has groups"),
      (["select=dense", "k=5"], "keeps all entries"),
      (["select=dense", "dense-every=5"], "always dense"),
      (["select=dense", "k-epochs=5"], "always dense"), (["momentum=0.9"], "only --optimizer sgd"),
      (["beta2=0.9", "optimizer=sgd"], "only --optimizer adam"),
      (["dropout=1"], "to below 1"), (["learning-rate=0"], "learning-rate"),
      (["learning-rate=nan"], "learning-rate"), (["hidden=1000000,1000000"], "at most"),
      (["epochs=0"], "epochs"), (["batch=0"], "batch"), (["threads=0"], "threads"),
      (["select=dense", "simplify=0.1", "epochs=4"], "tells nothing of units"),
      (["target-width=64", "epochs=1"], "no epoch is left for cuts"),
      (["simplify=0.04", "k=0.04"], "a unit in 0.04 of the examples, so a rate of 0.04 would cut"),
      (["simplify=0.1", "k=20", "select=top-k"], "a unit in 0.04 of the examples"),
      (["simplify=0.1", "k-epochs=100,20", "select=top-k"], "a unit in 0.04 of the examples"),
      (["cycle=2"], "nothing is cut without"), (["simplify=1"], "to below 1"),
      (["seed=-1"], "seed"), (["data="], "data"), (["hiden=5"], "did you mean 'hidden'"),
    ])
  func conflicts(assignments: [String], expected: String) {
    let text = message { _ = try resolve(assignments) }
    #expect(text.contains(expected), "\(text)")
    #expect(!text.contains("\n"))
  }

  @Test(
    "A rate that spares units, or a width that ends the cuts, is taken",
    arguments: [
      ["simplify=0.03", "k=0.04"], ["simplify=0.1", "k=0.3"],
      ["simplify=0.1", "k=0.04", "target-width=100"],
      ["simplify=0.1", "k=0.04", "minimum-width=100"],
    ])
  func takenRates(assignments: [String]) throws {
    #expect(try resolve(assignments + ["epochs=3"]).settings.steps.simplification != nil)
  }

  @Test("The resolved configuration gives itself again", arguments: ["dense", "top-k", "random-k"])
  func resolvedAgain(policy: String) throws {
    let (settings, configuration) = try resolve(["select=\(policy)"])
    var again = Configuration(schema: DigitsConfiguration.schema)
    try again.apply(yaml: configuration.yaml(), path: "config.yaml")
    let second = try DigitsConfiguration.resolve(again)
    #expect(second.settings == settings)
    #expect(second.configuration == configuration)
    #expect(configuration.value("memory") != .auto)
  }

  @Test("Layers not wider than k are named")
  func denseLayers() throws {
    let settings = try resolve(["hidden=20,100", "k=30"]).settings
    #expect(
      settings.denseLayerNotes == ["layers.0 is dense: k = 30 is not below its width 20"])
    #expect(try resolve([]).settings.denseLayerNotes.isEmpty)
    #expect(try resolve(["hidden=30", "k=30"]).settings.denseLayerNotes.count == 1)
  }
}
