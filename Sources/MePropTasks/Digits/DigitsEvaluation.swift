// Accuracy, loss and confusion of a classifier of images.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What a network makes of labeled images.
public struct DigitsEvaluation: Sendable, Equatable {
  /// The figures of one class, in percent; 0 where a denominator is 0.
  public struct ClassFigures: Sendable, Equatable {
    /// The share of images of the class among those taken for it.
    public var precision: Double
    /// The share of images of the class that were taken for it.
    public var recall: Double
    /// The harmonic mean of both.
    public var f1: Double
    /// The number of images of the class.
    public var count: Int
  }

  /// The mean cross-entropy, in nats.
  public let loss: Double
  /// How often images of a class (row) were taken for a class (column).
  public let confusion: [[Int]]

  /// The number of images.
  public var count: Int { confusion.reduce(0) { $0 + $1.reduce(0, +) } }

  /// The share of images whose class was found, in percent.
  public var accuracy: Double {
    let correct = confusion.indices.reduce(0) { $0 + confusion[$1][$1] }
    return Self.percent(correct, of: count)
  }

  /// The figures of each class.
  public var perClass: [ClassFigures] {
    confusion.indices.map { label in
      let count = confusion[label].reduce(0, +)
      let taken = confusion.reduce(0) { $0 + $1[label] }
      let correct = confusion[label][label]
      return ClassFigures(
        precision: Self.percent(correct, of: taken), recall: Self.percent(correct, of: count),
        f1: Self.percent(2 * correct, of: count + taken), count: count)
    }
  }

  /// The confusion as run folders keep it.
  public var confusionMatrix: ConfusionMatrix {
    var matrix = ConfusionMatrix(labels: confusion.indices.map(String.init))
    for (gold, row) in confusion.enumerated() {
      for (found, count) in row.enumerated() { matrix.add(gold: gold, found: found, count: count) }
    }
    return matrix
  }

  /// The figures as the training loop takes them, the accuracy first.
  public var evaluation: Evaluation {
    Evaluation([.init("accuracy", accuracy), .init("loss", loss)])
  }

  /// The object that `evaluate --json` prints; `perClass` in the order of classes.
  public func json(split: EvaluationSplit) -> JSONValue {
    let perClass = self.perClass.enumerated().map { label, figures in
      JSONValue.object([
        .init("class", .integer(label)), .init("precision", .number(figures.precision)),
        .init("recall", .number(figures.recall)), .init("f1", .number(figures.f1)),
        .init("count", .integer(figures.count)),
      ])
    }
    return .object([
      .init("split", .string(split.rawValue)), .init("accuracy", .number(accuracy)),
      .init("loss", .number(loss)), .init("count", .integer(count)),
      .init("confusion", .array(confusion.map { .array($0.map { .integer($0) }) })),
      .init("perClass", .array(perClass)),
    ])
  }

  private static func percent(_ part: Int, of whole: Int) -> Double {
    whole == 0 ? 0 : Double(part) * 100 / Double(whole)
  }
}

/// Evaluates networks on images, batch by batch, keeping its memory between calls.
final class DigitsEvaluator {
  /// Images a batch: outputs of 500 units then stay in the second-level cache.
  static let batchSize = 250

  private let precision: Precision
  private let context: ComputeContext
  private var input: Matrix
  private var order: [UInt32] = []
  private var labels = [Int32](repeating: 0, count: batchSize)
  private var losses = [Float](repeating: 0, count: batchSize)
  private var predictions = [Int32](repeating: 0, count: batchSize)

  init(inputSize: Int, precision: Precision, context: ComputeContext) {
    self.precision = precision
    self.context = context
    input = Matrix(rowCount: 0, columnCount: inputSize)
  }

  /// Evaluates `network` on `images`, whose pixels are multiplied by `scale`.
  func evaluate(_ network: MLP, on images: LabeledImages, scale: Float) -> DigitsEvaluation {
    if order.count < images.count { order = Array(0..<UInt32(images.count)) }
    let classCount = network.outputSize
    var confusion = [Int](repeating: 0, count: classCount * classCount)
    var loss = 0.0
    let inference = MLPInference(network, precision: precision, context: context)
    for start in stride(from: 0, to: images.count, by: Self.batchSize) {
      let count = min(Self.batchSize, images.count - start)
      input.setRowCount(count)
      context.gather(
        images.pixels, examples: order[start..<(start + count)], scale: scale, into: &input)
      for row in 0..<count { labels[row] = Int32(images.labels[start + row]) }
      inference.withLogits(of: input) { logits in
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
