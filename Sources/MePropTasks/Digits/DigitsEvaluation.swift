// Accuracy, loss and confusion of a classifier of images.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What a network makes of labeled images.
public struct DigitsEvaluation: Sendable, Equatable {
  /// The mean cross-entropy, in nats.
  public let loss: Double
  /// How often images of a class (row) were taken for a class (column).
  public let confusion: [[Int]]
  /// The names of the classes; `nil`: their numbers.
  public var classNames: [String]?

  /// The number of images.
  public var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The share of images whose class was found, in percent.
  public var accuracy: Double {
    let correct = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
    return percent(correct, of: count)
  }

  /// Creates figures.
  public init(loss: Double, confusion: [[Int]], classNames: [String]? = nil) {
    self.loss = loss
    self.confusion = confusion
    self.classNames = classNames
  }

  private var names: [String] { classNames ?? confusion.indices.map(String.init) }

  /// The figures of each class.
  public var perClass: [ClassFigures] {
    let names = names
    return confusion.indices.map { label in
      ClassFigures(
        name: names[label], goldCount: confusion[label].reduce(0, +),
        foundCount: confusion.reduce(0) { $0 + $1[label] }, correctCount: confusion[label][label])
    }
  }

  /// The confusion as run folders keep it.
  public var confusionMatrix: ConfusionMatrix {
    var matrix = ConfusionMatrix(labels: names)
    for (gold, row) in confusion.enumerated() {
      for (found, count) in row.enumerated() { matrix.add(gold: gold, found: found, count: count) }
    }
    return matrix
  }

  /// The figures as the training loop takes them, the accuracy first.
  public var evaluation: Evaluation {
    Evaluation([.init("accuracy", accuracy), .init("loss", loss)])
  }

  /// What `evaluate` prints; `perClass` in the order of classes.
  ///
  /// - Parameters:
  ///   - seconds: How long it took.
  ///   - data: Where the images are from, to be named; `nil`: not named.
  /// - Returns: The report.
  package func report(seconds: Double, data: String? = nil) -> EvaluationReport {
    let classes = perClass
    let names = classes.map(\.name)
    let summary = "accuracy \(fixed(accuracy)) %, loss \(fixed(loss, 4)), \(count) images"
    let hasNames = classNames != nil
    let rows: [JSONValue] = confusion.map { .array($0.map { .integer($0) }) }
    let members: [JSONValue.Member] = [
      .init("accuracy", .number(accuracy)), .init("loss", .number(loss)),
      .init("confusion", .array(rows)),
      .init(
        "perClass",
        classes.json("class") { hasNames ? .string($0.name) : .integer(Int($0.name) ?? 0) }),
    ]
    return EvaluationReport(
      summary: summary, data: data, count: count, unit: "images", seconds: seconds,
      tables: [
        ReportTable(
          rows: [["true \\ found"] + names]
            + zip(names, confusion).map { [$0] + $1.map(String.init) }),
        classes.table("class", counts: "images"),
      ],
      members: members, chart: classes.chart(summary, "class", counts: "images"))
  }
}

/// Evaluates networks on images, batch by batch, keeping its memory between calls.
final class DigitsEvaluator {
  /// Images a batch: outputs of 500 units then stay in the second-level cache.
  static let batchSize = 250

  private let context: ComputeContext
  private var input: Matrix
  private var order: [UInt32] = []
  private var labels = [Int32](repeating: 0, count: batchSize)

  init(inputSize: Int, context: ComputeContext) {
    self.context = context
    input = Matrix(rowCount: 0, columnCount: inputSize)
  }

  /// Evaluates `network` on `images`, whose pixels are multiplied by `scale`; each process does a
  /// share.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run that this is part of to stop.
  func evaluate(
    _ network: DigitsNetwork, on images: LabeledImages, scale: Float,
    in processes: any Communicator = SingleProcess()
  ) throws -> DigitsEvaluation {
    if order.count < images.count { order = Array(0..<UInt32(images.count)) }
    let predictor = Predictor(network, context: context)
    var scores = ImageScores(imageCount: images.count, batchSize: Self.batchSize)
    try scores.compute(in: processes) { range, losses, predictions in
      input.setRowCount(range.count)
      context.gather(images.pixels, examples: order[range], scale: scale, into: &input)
      for (row, image) in range.enumerated() { labels[row] = Int32(images.labels[image]) }
      predictor.withOutput(of: input) { logits in
        context.crossEntropy(
          logits, labels: labels, losses: &losses, predictions: &predictions)
      }
    }
    return scores.evaluation(classCount: network.outputSize) { Int(images.labels[$0]) }
  }
}

/// The losses of images and the classes that are found for them, computed by batches.
struct ImageScores {
  private var losses: [Float]
  private var predictions: [Int32]
  private let starts: [Int]

  init(imageCount: Int, batchSize: Int) {
    losses = Array(repeating: 0, count: imageCount)
    predictions = Array(repeating: 0, count: imageCount)
    starts = stride(from: 0, to: imageCount, by: batchSize) + [imageCount]
  }

  /// Computes all of them, a share in each process.
  ///
  /// - Parameters:
  ///   - processes: All call this.
  ///   - score: Scores some images: writes their losses and classes.
  /// - Throws: `WorkInterrupted` where a signal asks the run that this is part of to stop.
  mutating func compute(
    in processes: any Communicator,
    score: (Range<Int>, inout [Float], inout [Int32]) throws -> Void
  ) throws {
    let size = starts.count > 1 ? starts[1] : 0
    var batchLosses = [Float](repeating: 0, count: size)
    var batchPredictions = [Int32](repeating: 0, count: size)
    for batch in processes.share(of: starts.count - 1) {
      try InterruptFlag.checkRun()
      let images = starts[batch]..<starts[batch + 1]
      try score(images, &batchLosses, &batchPredictions)
      for (row, image) in images.enumerated() {
        (losses[image], predictions[image]) = (batchLosses[row], batchPredictions[row])
      }
    }
    processes.complete(&losses, starts: starts)
    processes.complete(&predictions, starts: starts)
  }

  /// The figures; `label` is the class of an image.
  func evaluation(
    classCount: Int, classNames: [String]? = nil, label: (Int) -> Int
  ) -> DigitsEvaluation {
    var confusion = Array(repeating: [Int](repeating: 0, count: classCount), count: classCount)
    var loss = 0.0
    for image in losses.indices {
      loss += Double(losses[image])
      confusion[label(image)][Int(predictions[image])] += 1
    }
    return DigitsEvaluation(
      loss: loss / Double(max(losses.count, 1)), confusion: confusion, classNames: classNames)
  }
}
