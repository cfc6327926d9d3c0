// What the commands train, evaluate and predict do for digits; the command line parses and prints.

import Foundation
import MePropCore
import MePropData
import MePropTraining

extension DigitsTask {
  /// Does what `meprop train digits` is asked for, with progress on standard error.
  ///
  /// - Parameters:
  ///   - request: Settings and run folder.
  ///   - progress: Called while data are downloaded, on an arbitrary thread.
  /// - Returns: What to print.
  /// - Throws: As `TrainingRequest.train` and `prepare`.
  public static func train(
    _ request: TrainingRequest, progress: @escaping @Sendable (DownloadProgress) -> Void
  ) throws -> TrainingReport {
    let prepare = definition.makePreparer(.ofProcess, progress)
    return try request.train(
      taskName, schema: DigitsConfiguration.schema, recorders: [ProgressRecorder()],
      handlesSignals: true, prepare: prepare)
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
  ///   - progress: Called while data are downloaded, on an arbitrary thread.
  /// - Returns: The figures.
  /// - Throws: `DataLocationError`, `DownloadError`, `DataFormatError`, `DigitsDataError`.
  public func evaluate(
    on split: EvaluationSplit, of data: String?, locator: DataLocator = .ofProcess,
    threadCount: Int = ComputeContext.availableThreads,
    progress: @escaping @Sendable (DownloadProgress) -> Void = { _ in }
  ) throws -> DigitsEvaluation {
    let folder = try locator.folder(
      for: data, defaultName: dataSet ?? DataCatalogue.mnist.name, progress: progress)
    let images =
      switch split {
      case .test: try ImageDataset.load(from: folder, split: .test, classCount: classCount)
      case .dev:
        try ImageDataset.loadTraining(
          from: folder, developmentCount: developmentCount, classCount: classCount
        ).development
      }
    guard [images.rows, images.columns] == [imageRows, imageColumns] else {
      throw DigitsDataError.wrongSize(
        path: folder.path, expected: [imageRows, imageColumns],
        found: [images.rows, images.columns])
    }
    return evaluate(on: images, context: ComputeContext(threadCount: threadCount))
  }

  /// Evaluates the model on images of the size it was trained on.
  public func evaluate(on images: LabeledImages, context: ComputeContext) -> DigitsEvaluation {
    precondition(
      images.rows == imageRows && images.columns == imageColumns
        && images.classCount <= classCount,
      "DigitsModel.evaluate: images of \(images.rows) x \(images.columns) and "
        + "\(images.classCount) classes, expected \(imageRows) x \(imageColumns), \(classCount)")
    return DigitsEvaluator(inputSize: network.inputSize, precision: precision, context: context)
      .evaluate(network, on: images, scale: pixelScale)
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

extension TrainingReport {
  /// The figures of each epoch as rows of a table, the best one marked.
  public var table: [[String]] {
    func fixed(_ value: Double?, _ places: Int) -> String {
      value.map { String(format: "%.\(places)f", $0) } ?? "-"
    }
    let best = summary.epochs.best?.epoch
    let head = [
      "epoch", "seconds", "forward", "backward", "products", "selection", "optimizer", "train loss",
      "dev",
      "test", "",
    ]
    return [head]
      + summary.epochs.map { record in
        let seconds = record.seconds
        return [
          String(record.epoch), fixed(seconds.total, 2), fixed(seconds.forward, 2),
          fixed(seconds.backward, 2), fixed(seconds.products, 2), fixed(seconds.selection, 2),
          fixed(seconds.optimizer, 2),
          fixed(record.trainLoss, 4), fixed(record.dev?.primary, 2),
          fixed(record.test?.primary, 2), record.epoch == best ? "best" : "",
        ]
      }
  }
}
