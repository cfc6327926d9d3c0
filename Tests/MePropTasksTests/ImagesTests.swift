// The images task on a small data set that is made up.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTasks
import MePropTraining
import Testing

@Suite("Classifying images")
struct ImagesTests {
  /// Images of 8 x 8 pixels in two colours or in grey; the class is where a bright square is.
  private static func images(_ count: Int, channels: Int, seed: UInt64) -> ImageCollection {
    var random = Philox(seed: seed)
    var (pixels, labels): ([UInt8], [Int32]) = ([], [])
    for _ in 0..<count {
      let label = Int(random.next(below: 4))
      let (top, left) = (Int(random.next(below: 3)), Int(random.next(below: 3)))
      labels.append(Int32(label))
      for row in 0..<8 {
        for column in 0..<8 {
          let isBright =
            (row - top - label / 2 * 3 == 0) && (0..<3).contains(column - left - label % 2 * 3)
          for _ in 0..<channels {
            pixels.append(UInt8(random.next(below: 100)) + (isBright ? 150 : 0))
          }
        }
      }
    }
    return ImageCollection(
      shape: ImageShape(height: 8, width: 8, channels: channels), pixels: pixels, labels: labels,
      classes: ["a", "b", "c", "d"])
  }

  private static func data(channels: Int = 1) -> ImageData {
    ImageData(
      training: images(400, channels: channels, seed: 1),
      development: images(60, channels: channels, seed: 2),
      test: images(80, channels: channels, seed: 3))
  }

  private static let small = [
    "layers=conv 8 3x3 padding 1 pool 2, conv 16 3x3 pool 2, dense 16", "batch=20", "epochs=6",
    "threads=1", "learning-rate=0.005",
  ]

  private static func configuration(_ assignments: [String]) throws -> Configuration {
    try TrainingRequest(assignments: assignments).configuration(for: ImagesConfiguration.schema)
  }

  private static func task(
    _ assignments: [String], _ data: ImageData, threads: Int = 1
  ) throws -> ImagesTask {
    try ImagesTask(
      settings: ImagesConfiguration.resolve(configuration(assignments), for: data).settings,
      data: data, context: ComputeContext(threadCount: threads))
  }

  private static func resolved(_ assignments: String...) throws -> Configuration {
    try ImagesConfiguration.resolve(configuration(assignments)).configuration
  }

  @Test("The preset of digits is the recipe of the digits task; what is named stays")
  func digitsPreset() throws {
    let digits = try DigitsConfiguration.resolve(
      TrainingRequest(assignments: []).configuration(for: DigitsConfiguration.schema)
    ).configuration
    let preset = try Self.resolved("preset=digits")
    for key in ["epochs", "batch", "hidden", "select", "k", "memory", "dropout"] {
      #expect(preset.value(key) == digits.value(key), "\(key)")
    }
    #expect(abs(preset.double("learning-rate") - digits.double("learning-rate")) < 1e-5)
    #expect(preset.string("network") == "mlp")
    let sampled = try Self.resolved("preset=digits", "select=sampled", "epochs=7")
    #expect(sampled.double("memory") == 0)
    #expect(sampled.int("epochs") == 7)
    #expect(try Self.resolved("preset=digits", "layers=dense 20").value("network") == .auto)
  }

  private static func train(_ task: ImagesTask, epochs: Int = 15) throws {
    for epoch in 1...epochs {
      task.beginEpoch(epoch)
      for step in 0..<task.stepsPerEpoch { _ = try task.trainStep(step, ofEpoch: epoch) }
    }
  }

  @Test(
    "Networks of convolutions learn",
    arguments: [
      ["select=dense"], ["k=0.3"], ["select=unified", "k=0.5"], ["k=0.1", "memory=0.9"],
      ["k=0.3", "shift=1"], ["select=batch-top-k", "k=0.3"], ["select=sampled", "k=0.3"],
    ], [1, 3])
  func learns(assignments: [String], channels: Int) throws {
    let task = try Self.task(Self.small + assignments, Self.data(channels: channels))
    try Self.train(task)
    let accuracy = try #require(try task.evaluate(.test)).primary
    #expect(accuracy > 60, "\(assignments)")
  }

  @Test("The bits do not depend on threads")
  func threads() throws {
    let assignments = Self.small + ["k=0.1", "shift=1", "mirror=true"]
    let tasks = try [1, 2].map { try Self.task(assignments, Self.data(), threads: $0) }
    for task in tasks { try Self.train(task, epochs: 1) }
    #expect(tasks[0].trainer.model == tasks[1].trainer.model)
  }

  @Test("A restored task goes on with the same bits")
  func restores() throws {
    let assignments = Self.small + ["layers=conv 8 3x3 pool 2, batch-norm, dropout 0.2, dense 9"]
    let whole = try Self.task(assignments, Self.data())
    let (first, second) = (
      try Self.task(assignments, Self.data()), try Self.task(assignments, Self.data())
    )
    try Self.train(whole, epochs: 2)
    try Self.train(first, epochs: 1)
    let state = first.checkpointTensors()
    try second.restore(tensors: state.tensors, counters: state.counters)
    second.beginEpoch(2)
    for step in 0..<second.stepsPerEpoch { _ = try second.trainStep(step, ofEpoch: 2) }
    #expect(second.trainer.model == whole.trainer.model)
  }

  @Test("A saved model is the same model")
  func saves() throws {
    let folder = try TemporaryFolder()
    let assignments =
      Self.small + [
        "layers=conv 8 3x3 stride 2 tanh, batch-norm, average-pool 2 stride 1, dense 9 dropout 0.1"
      ]
    let task = try Self.task(assignments, Self.data(channels: 3))
    try Self.train(task, epochs: 1)
    try task.writeModel(to: folder.url)
    let model = try ImagesModel(at: folder.url)
    #expect(model.network.parameters.map(\.values) == task.trainer.model.parameters.map(\.values))
    #expect(model.details.classes == ["a", "b", "c", "d"])
    // Layers that do not fit are refused.
    let file = folder("model.json")
    let text = try String(contentsOf: file, encoding: .utf8)
    try text.replacing("conv 8 3x3 stride 2 tanh", with: "conv 8 9x9").write(
      to: file, atomically: true, encoding: .utf8)
    #expect(message { _ = try ImagesModel(at: folder.url) }.contains("does not fit"))
  }

  @Test("Layers in words that are wrong are told with what was expected")
  func wrongLayers() {
    let data = Self.data()
    for (layers, part) in [
      ("conv", "a number of channels, found its end"), ("conv 8", "the size of a kernel"),
      ("conv 8 3x", "the size of a kernel such as 3 or 3x5"), ("conf 8 3x3", "found 'conf'"),
      ("conv 8 3x3 striding 2", "found 'striding'"), ("dense 0", "a width from 1"),
      ("dropout 1", "from 0 to below 1"), ("conv 8 3x3 relu relu", "found 'relu'"),
      ("conv 8 9x9", "layer 0, 'conv 8 9x9', reads 8x8x1 numbers: a kernel of 9x9 does not fit"),
      ("conv 8 3x3 padding 3", "a padding of 3x3 is not below the kernel's"),
      ("max-pool 9", "a window of 9x9 does not fit"), ("dense 9, conv 8 3x3", "put it before"),
      ("conv 8 3x3 pool 7", "pooling of 7x7 does not fit into 6x6x8"),
    ] {
      let text = message {
        _ = try ImagesConfiguration.resolve(Self.configuration(["layers=\(layers)"]), for: data)
      }
      #expect(text.contains(part) && text.contains("--set layers="), "\(layers): \(text)")
    }
  }

  @Test("Settings that do not go together are refused")
  func conflicts() {
    for (assignments, part) in [
      (["layers=dense 9", "network=mlp"], "layers says what the network is"),
      (["layers=dense 9", "hidden=9"], "layers says what the network is"),
      (["size=0"], "expected pixels"), (["size=3x4x5"], "expected pixels"),
      (["shift=8"], "expected less than their size"),
      (["select=unified", "group=5"], "convolutions keep channels for the whole batch"),
      (["network=lenet"], "does not fit"),
    ] {
      let text = message {
        _ = try ImagesConfiguration.resolve(Self.configuration(assignments), for: Self.data())
      }
      #expect(text.contains(part), "\(assignments): \(text)")
    }
  }

  @Test("What is decided gives the same settings again")
  func resolvedTwice() throws {
    for assignments in [["network=cnn"], ["network=mlp", "hidden=9"], Self.small, []] {
      let (settings, resolved) = try ImagesConfiguration.resolve(
        Self.configuration(assignments), for: Self.data())
      var again = Configuration(schema: ImagesConfiguration.schema)
      try again.apply(yaml: resolved.yaml(), path: "resolved.yaml")
      #expect(try ImagesConfiguration.resolve(again, for: Self.data()).settings == settings)
    }
  }

  @Test("Layers have summaries")
  func summaries() throws {
    let task = try Self.task(
      ["layers=conv 8 3x3 padding 1 pool 2, batch-norm, max-pool 2, dense 16"], Self.data())
    let layers = task.trainer.currentModel.summaries
    #expect(layers.map(\.name) == (0..<5).map { "layers.\($0)" })
    #expect(layers.map(\.outputSize) == [128, 128, 32, 16, 4])
    #expect(layers.map(\.multiplyAdds) == [8 * 8 * 8 * 9, 0, 0, 512, 64])
    #expect(layers.map(\.parameterCount) == [80, 32, 0, 528, 68])
    #expect(layers[0].parts.map(\.name) == ["weight", "bias"])
    #expect(layers[0].parts[0].shape == [8, 9])
  }
}
