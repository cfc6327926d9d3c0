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
  private var losses = [Float](repeating: 0, count: batchSize)
  private var predictions = [Int32](repeating: 0, count: batchSize)

  init(inputSize: Int, context: ComputeContext) {
    self.context = context
    input = Matrix(rowCount: 0, columnCount: inputSize)
  }

  /// Evaluates `network` on `images`, whose pixels are multiplied by `scale`.
  ///
  /// - Throws: `WorkInterrupted` where a signal asks the run that this is part of to stop.
  func evaluate(
    _ network: DigitsNetwork, on images: LabeledImages, scale: Float
  ) throws -> DigitsEvaluation {
    if order.count < images.count { order = Array(0..<UInt32(images.count)) }
    let classCount = network.outputSize
    var confusion = [Int](repeating: 0, count: classCount * classCount)
    var loss = 0.0
    let predictor = Predictor(network, context: context)
    for start in stride(from: 0, to: images.count, by: Self.batchSize) {
      try InterruptFlag.checkRun()
      let count = min(Self.batchSize, images.count - start)
      input.setRowCount(count)
      context.gather(
        images.pixels, examples: order[start..<(start + count)], scale: scale, into: &input)
      for row in 0..<count { labels[row] = Int32(images.labels[start + row]) }
      predictor.withOutput(of: input) { logits in
        context.crossEntropy(
          logits, labels: labels, losses: &losses, predictions: &predictions)
      }
      for row in 0..<count {
        loss += Double(losses[row])
        confusion[Int(labels[row]) * classCount + Int(predictions[row])] += 1
      }
    }
    return DigitsEvaluation(
      loss: loss / Double(max(images.count, 1)),
      confusion: (0..<classCount).map {
        Array(confusion[($0 * classCount)..<(($0 + 1) * classCount)])
      })
  }
}
