// Evaluating and predicting with a model of digits.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

extension Digits {
  private static let useKeys: [ConfigurationKey] = [
    .precision(
      Precision.allCases.map(\.rawValue), "what products read; auto is what it was trained with")
  ]
  /// `precision`.
  public static var evaluationKeys: [ConfigurationKey] { useKeys }
  /// `precision`.
  public static var predictionKeys: [ConfigurationKey] { useKeys }

  /// Reads a model; see `DigitsModel`.
  public static func readModel(at url: URL) throws -> DigitsModel { try DigitsModel(at: url) }

  /// The model's.
  public static func network(of model: DigitsModel) -> (any Layer)? { model.network }

  /// Accuracy, loss, confusions, and the figures of each class.
  public static func evaluate(
    _ model: DigitsModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    var model = model
    model.precision = use.precision() ?? model.precision
    let (images, folder) = try model.images(split, of: data, use.source)
    let start = ContinuousClock.now
    let evaluation = try model.evaluate(on: images, context: use.context)
    return evaluation.report(seconds: start.duration(to: .now).inSeconds, data: folder.path)
  }

  /// A label and its probability for each image of a file, a line each.
  public static func predict(
    _ model: DigitsModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    var model = model
    model.precision = use.precision() ?? model.precision
    try model.predict(input, threadCount: use.threadCount) { predictions in
      let lines = predictions.map {
        writesObjects
          ? "\($0.json)\n" : "\($0.label) \(fixed(Double($0.probability), 4))\n"
      }
      try receive(Array(lines.joined().utf8))
    }
  }
}

extension DigitsModel {
  /// Evaluates the model on the test or the development images of a data set.
  ///
  /// - Parameters:
  ///   - split: Which images; as many are development images as when the model was trained.
  ///   - data: A name of the catalogue or a folder; `nil` for what the model was trained on.
  ///   - locator: Finds the data.
  ///   - threadCount: Threads to compute with.
  /// - Returns: The figures.
  /// - Throws: `DataLocationError`, `DownloadError`, `DataFormatError`, `DigitsDataError`.
  public func evaluate(
    on split: EvaluationSplit, of data: String?, locator: DataLocator = .ofProcess,
    threadCount: Int = ComputeContext.availableThreads
  ) throws -> DigitsEvaluation {
    try evaluate(
      on: images(split, of: data, DataSource(locator)).images,
      context: ComputeContext(threadCount: threadCount))
  }

  /// The images of a part of a data set, which are of the size that the model takes.
  fileprivate func images(
    _ split: EvaluationSplit, of data: String?, _ source: DataSource
  ) throws -> (images: LabeledImages, folder: URL) {
    guard let data = data ?? details.dataSet else {
      throw UsageError(
        "the model does not say what data it was trained on; name the data with --data")
    }
    let folder = try source.locator.folder(
      for: data, defaultName: data, progress: source.progress)
    let images = try HintedDataError.adding(hint) {
      switch split {
      case .test: try ImageDataset.load(from: folder, split: .test, classCount: classCount)
      case .dev:
        try ImageDataset.loadTraining(
          from: folder, developmentCount: details.developmentCount, classCount: classCount
        ).development
      }
    }
    guard [images.rows, images.columns] == [details.imageRows, details.imageColumns] else {
      throw DigitsDataError.wrongSize(
        path: folder.path, expected: [details.imageRows, details.imageColumns],
        found: [images.rows, images.columns])
    }
    return (images, folder)
  }

  /// The option of `evaluate` that mends what is wrong.
  private func hint(_ error: DataFormatError) -> String? {
    switch error {
    case .tooFewExamples(_, let needed, _) where needed > 1:
      "the model was trained with \(details.developmentCount) images held out; say --split "
        + "test, or name its data with --data"
    case .labelOutOfRange:
      "the model tells \(classCount) classes apart; name data that have these with --data"
    default: nil
    }
  }

  /// Evaluates the model on images of the size it was trained on.
  ///
  /// - Throws: Nothing, outside of a run that a signal asks to stop.
  public func evaluate(
    on images: LabeledImages, context: ComputeContext
  ) throws -> DigitsEvaluation {
    precondition(
      images.rows == details.imageRows && images.columns == details.imageColumns
        && images.classCount <= classCount,
      "DigitsModel.evaluate: images of \(images.rows) x \(images.columns) and "
        + "\(images.classCount) classes, expected \(details.imageRows) x \(details.imageColumns), "
        + "\(classCount)")
    return try DigitsEvaluator(inputSize: inputSize, context: context)
      .evaluate(network, on: images, scale: details.pixelScale)
  }

  /// Predicts all images of a file; see `DigitsPredictor.predict(_:_:)`.
  public func predict(
    _ file: InputFile, threadCount: Int = ComputeContext.availableThreads,
    _ receive: ([DigitsPrediction]) throws -> Void
  ) throws {
    try DigitsPredictor(self, context: ComputeContext(threadCount: threadCount))
      .predict(file, receive)
  }
}
