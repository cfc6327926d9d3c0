// Run folders as training writes them, by the same recorders, without training.

import Foundation
import MePropCore
import MePropNN
import MePropTraining

/// A folder of its own for each test, removed with the object.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-report-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// What a run that was never run looks like.
struct SampleRun {
  var select = "top-k"
  var k = "20"
  var epochs = 3
  var seed = 1
  var classes = (0..<10).map(String.init)
  var outcome = TrainingOutcome.finished
  /// Names of layers with their widths; the last is dense.
  var layers = [("layers.0", 500), ("layers.1", 500), ("layers.2", 10)]
  var stepsPerEpoch = 550
  var task = "digits"
  /// The deciding figure on development and test data.
  var metric = "accuracy"
  var untouched = "skip"
  var clipNorm = "none"
  /// Whether the first layer sums over features.
  var sumsFeatures = false

  private static let schema = ConfigurationSchema([
    ConfigurationKey(
      "select", .choice(["dense", "top-k", "unified", "random-k"]), default: .string("top-k"),
      "The selection policy."),
    ConfigurationKey("k", .string, default: .string("20"), "How many entries to keep."),
    ConfigurationKey("epochs", .int(1...1000), default: .int(3), "Passes over the data."),
    ConfigurationKey("seed", .int(1...1000), default: .int(1), "The seed."),
    ConfigurationKey(
      "untouched", .choice(["update", "skip"]), default: .string("skip"), "Untouched rows."),
    ConfigurationKey("clip-norm", .string, default: .string("none"), "The largest norm."),
  ])

  /// Writes the folder.
  func write(to url: URL) throws {
    let run = try RunFolder(at: url, resuming: false)
    var configuration = Configuration(schema: Self.schema)
    for (key, value) in [
      ("select", select), ("k", k), ("epochs", "\(max(epochs, 1))"), ("seed", "\(seed)"),
      ("untouched", untouched), ("clip-norm", clipNorm),
    ] {
      try configuration.set(key, to: value, from: .flag("--" + key))
    }
    try run.save(configuration)
    let recorders: [any Recorder] = [JSONLRecorder(run: run), DetailsRecorder(run: run)]
    func emit(_ event: TrainingEvent) throws {
      for recorder in recorders { try recorder.record(event) }
    }
    try emit(
      .runStarted(
        RunStart(
          task: task, exampleUnit: "images", folder: url, configuration: configuration,
          description: ["data of nobody", "network 784-500-500-10"], epochs: epochs,
          stepsPerEpoch: stepsPerEpoch, position: TrainingPosition(), history: [])))
    var history: [EpochRecord] = []
    for epoch in stride(from: 1, through: epochs, by: 1) {
      let record = record(epoch)
      history.append(record)
      try emit(
        .epochDetailed(
          details(epoch), confusions: [.dev: confusion(epoch), .test: confusion(epoch)],
          isBest: epoch == epochs))
      try emit(.epochEnded(record, isBest: epoch == epochs))
    }
    let result = TrainingResult(
      outcome: outcome, history: history, position: TrainingPosition(epoch: epochs + 1))
    if case .interrupted(let signal) = outcome {
      try emit(.interrupted(signal: signal, result))
    } else {
      try emit(.finished(result))
    }
  }

  private var isDense: Bool { select == "dense" }

  private func record(_ epoch: Int) -> EpochRecord {
    var seconds = PhaseSeconds()
    seconds.forward = 0.52
    seconds.backward = isDense ? 1.31 : 0.44
    seconds.products = isDense ? 1.2 : 0.3
    seconds.selection = isDense ? 0 : 0.09
    seconds.optimizer = isDense ? 0.61 : 0.05
    seconds.data = 0.03
    seconds.total = seconds.forward + seconds.backward + seconds.optimizer + 0.05
    let accuracy = 98.4 - 0.3 * Double(seed) - 3 / Double(epoch)
    let evaluation = Evaluation([.init(metric, accuracy), .init("loss", 0.3 / Double(epoch))])
    return EpochRecord(
      epoch: epoch, seconds: seconds, trainLoss: 0.4 / Double(epoch), exampleCount: 55_000,
      exampleUnit: "images", dev: evaluation, test: evaluation,
      layers: layers.enumerated().map { place, layer in
        let isLast = isDense || place == layers.count - 1
        return LayerReport(
          name: layer.0, touchedRows: isLast ? Double(layer.1) : 200 / Double(epoch),
          keptMagnitude: isLast ? 1 : 0.5 + 0.02 * Double(epoch + place))
      })
  }

  private func details(_ epoch: Int) -> EpochDetails {
    var random = Philox(seed: UInt64(seed), stream: UInt64(epoch))
    var details = EpochDetails(epoch: epoch, stepsPerEpoch: stepsPerEpoch)
    var step = 0
    while step < stepsPerEpoch {
      let end = details.beginPart(at: step)
      let examples = 100 * (end - step)
      details.add(
        lossSum: Double(examples) * 0.5 / (Double(epoch - 1) + Double(end) / Double(stepsPerEpoch)),
        exampleCount: examples)
      let tallies = layers.enumerated().map { place, layer in
        let isSparse = !isDense && place < layers.count - 1
        var tally = LayerTally(name: layer.0, outputSize: layer.1, countsUnits: isSparse)
        let shape = ProductShape(
          batchSize: examples, outputSize: layer.1, inputSize: 500, momentCount: 2,
          hasInputGradient: place > 0)
        guard isSparse else {
          if sumsFeatures && place == 0 {
            tally.costs.addFeatures(
              features(examples, outputSize: layer.1), entries: examples * layer.1,
              rows: layer.1, updatedRows: layer.1, updatedSymbols: 100)
          } else {
            tally.costs.addDense(shape)
          }
          return tally
        }
        tally.exampleCount = examples
        for unit in tally.keptCounts.indices {
          let share = Double(random.nextUniform()) / Double(1 + unit / 20)
          tally.keptCounts[unit] = UInt32(share * Double(examples))
        }
        tally.costs.addSparse(
          shape, entries: 20 * examples, rows: 150, updatedRows: 150, storesGradient: false)
        return tally
      }
      details.endPart(tallies, seconds: 1.2 * Double(end) / Double(stepsPerEpoch))
      step = end
    }
    return details
  }

  /// Symbols of 10 positions, each of which the examples have in common with others.
  private func features(_ examples: Int, outputSize: Int) -> FeatureShape {
    FeatureShape(
      batchSize: examples, positionCount: 10, size: 50, outputSize: outputSize, symbolCount: 1000,
      pairCount: 100, summedPairCount: 100, singleUseCount: 0, momentCount: 2)
  }

  private func confusion(_ epoch: Int) -> ConfusionMatrix {
    var random = Philox(seed: UInt64(seed), stream: UInt64(1000 + epoch))
    var matrix = ConfusionMatrix(labels: classes)
    for gold in classes.indices {
      for found in classes.indices {
        let count = gold == found ? 950 + gold : Int(random.next(below: 12))
        matrix.add(gold: gold, found: found, count: count)
      }
    }
    return matrix
  }
}
