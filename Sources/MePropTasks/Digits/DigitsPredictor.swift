// Labels for images that have none: idx files, or rows of numbers as text.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What a model takes an image for.
public struct DigitsPrediction: Sendable, Equatable {
  /// The most probable class; of equals the lower.
  public var label: Int
  /// Its probability, in 0...1.
  public var probability: Float

  /// Creates a prediction.
  public init(label: Int, probability: Float) {
    self.label = label
    self.probability = probability
  }

  /// An entry of what `predict --json` prints.
  public var json: JSONValue {
    .object([
      .init("label", .integer(label)), .init("probability", .number(Double(probability))),
    ])
  }
}

/// Predicts the classes of images batch by batch, in constant memory.
public final class DigitsPredictor {
  /// The model.
  public let model: DigitsModel
  private let context: ComputeContext
  private let predictor: Predictor<DigitsNetwork>
  private var input: Matrix

  /// Creates a predictor.
  public init(_ model: DigitsModel, context: ComputeContext) {
    self.model = model
    self.context = context
    predictor = Predictor(model.network, context: context)
    input = Matrix(rowCount: 0, columnCount: model.inputSize)
  }

  /// Predicts all images of a file: idx (plain or gzip), or rows of numbers from 0 to 255.
  ///
  /// - Parameters:
  ///   - file: Where to read, from its first byte.
  ///   - receive: Called with the predictions of some images at a time, in their order. Those of
  ///     the rows before a bad one are delivered.
  /// - Throws: `DataFormatError`, `DigitsDataError`, and what `receive` throws.
  public func predict(
    _ file: InputFile, _ receive: ([DigitsPrediction]) throws -> Void
  ) throws {
    let first = try file.peek(8)
    if let picture = ImageFile.Format(first) {
      throw DigitsDataError.isPicture(
        path: file.path, format: picture.rawValue, pixelCount: model.inputSize)
    }
    if first.starts(with: [0, 0, 8]) {
      try predictImages(file, receive)
    } else {
      try predictRows(file, receive)
    }
  }

  private func predictImages(
    _ file: InputFile, _ receive: ([DigitsPrediction]) throws -> Void
  ) throws {
    let images = try IDXReader(file, rank: 3)
    let size = Array(images.dimensions[1...])
    guard
      images.dimensions[0] == 0 || size == [model.details.imageRows, model.details.imageColumns]
    else {
      throw DigitsDataError.wrongSize(
        path: file.path, expected: [model.details.imageRows, model.details.imageColumns],
        found: size)
    }
    let order = Array(0..<UInt32(DigitsEvaluator.batchSize))
    var isFirst = true
    while let bytes = try images.next(DigitsEvaluator.batchSize) {
      if isFirst { DarkPixels.tell(of: bytes, in: file.path) }
      isFirst = false
      let examples = order[..<(bytes.count / model.inputSize)]
      input.setRowCount(examples.count)
      context.gather(bytes, examples: examples, scale: model.details.pixelScale, into: &input)
      try receive(predictBatch())
    }
  }

  private func predictRows(
    _ file: InputFile, _ receive: ([DigitsPrediction]) throws -> Void
  ) throws {
    let rows = CSVRows(file, fieldCount: model.inputSize)
    var row: [Float] = []
    var hasMore = true
    var brightest: Float = 0
    var isFirst = true
    while hasMore {
      input.setRowCount(DigitsEvaluator.batchSize)
      var count = 0
      var failure: (any Error)?
      while count < DigitsEvaluator.batchSize {
        do {
          hasMore = try rows.readRow(into: &row)
          if !hasMore { break }
          try setInput(count, to: row, of: rows)
          if isFirst { brightest = max(brightest, row.max() ?? 0) }
          count += 1
        } catch {
          failure = error
          break
        }
      }
      input.setRowCount(count)
      if isFirst, brightest > 0, brightest <= 1 {
        Notices.tell(
          "\(rows.path): the first \(count) rows have pixels from 0 to \(brightest), expected 0 "
            + "(background) to 255, so that these images are nearly black; multiply pixels by 255")
      }
      isFirst = false
      if count > 0 { try receive(predictBatch()) }
      if let failure { throw failure }
    }
  }

  private func setInput(_ index: Int, to row: [Float], of rows: CSVRows) throws {
    if let field = row.firstIndex(where: { !(0...255).contains($0) }) {
      throw DigitsDataError.pixelOutOfRange(
        path: rows.path, line: rows.lineNumber, field: field + 1, found: row[field])
    }
    let scale = model.details.pixelScale
    input.withMutableRow(index) { target in
      for column in target.indices { target[column] = row[column] * scale }
    }
  }

  /// The predictions of the rows of `input`.
  private func predictBatch() -> [DigitsPrediction] {
    predictor.withOutput(of: input) { logits in
      context.softmax(&logits)
      return (0..<logits.rowCount).map { row in
        let label = logits.largestColumn(ofRow: row)
        return DigitsPrediction(label: label, probability: logits[row, label])
      }
    }
  }
}
