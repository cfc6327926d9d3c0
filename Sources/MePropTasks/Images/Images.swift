// The images task: pictures in, classes out.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Classifying images with convolutions.
public enum Images: TaskDefinition {
  /// `images`.
  public static let name = "images"

  /// What commands say of it.
  public static let help = TaskHelp(
    abstract: "Train a classifier of images with convolutions.",
    training: """
      The data are a name of the catalogue, or a folder with idx files as MNIST's, with the binary \
      files of CIFAR-10 or CIFAR-100, or with a folder of PNG and JPEG files for each class, \
      perhaps within folders train, dev and test. Without options this trains a network of \
      convolutions on MNIST.
      """,
    examples: [
      "--network lenet", "--data fashion-mnist --epochs 10 --mirror true --run runs/fashion",
      "--data photos --size 64 --color rgb --shift 4 --mirror true",
      "--layers \"conv 16 5x5 pool 2, conv 32 3x3 padding 1, batch-norm, global-average-pool\"",
      "--select unified --k 0.25 --network lenet", "--run runs/fashion --resume",
    ],
    evaluation:
      "accuracy, mean loss, the confusion matrix and precision, recall and F1 of each class, in "
      + "percent, on the data that the model was trained on unless --data names others",
    prediction:
      "reads a PNG or JPEG file, an idx file of images, or a text with the path of an image file "
      + "on "
      + "each line. Prints the class and its probability for each image, and the path where one "
      + "was "
      + "given; an object of --json is {\"label\", \"probability\"}, with \"file\" where one was "
      + "given",
    uses: [
      "meprop evaluate runs/fashion --split dev", "meprop predict runs/photos cat.jpg",
      "ls photos/new/*.png | meprop predict runs/photos",
    ])

  /// The keys of `ImagesConfiguration`.
  public static var schema: ConfigurationSchema { ImagesConfiguration.schema }

  /// Decides and checks settings; see `ImagesConfiguration.resolve(_:for:)`.
  public static func resolve(
    _ configuration: Configuration, for examples: ImageData?
  ) throws -> (settings: ImagesSettings, configuration: Configuration) {
    try ImagesConfiguration.resolve(configuration, for: examples)
  }

  /// Where the images are, and how they are read and divided.
  public static let dataKeys = [
    "data", "classes", "size", "color", "dev-share", "test-share", "split-seed", "train-limit",
  ]

  /// Finds and reads the images.
  public static func load(_ settings: ImagesSettings, from source: DataSource) throws -> ImageData {
    let folder = try source.locator.folder(
      for: settings.data, defaultName: DataCatalogue.mnist.name, progress: source.progress)
    var data = try ImageData(folder: folder, options: settings.options)
    if let limit = settings.trainingLimit, limit < data.training.count {
      data.training =
        data.training.split(
          holdingOut: Double(limit) / Double(data.training.count), seed: settings.options.splitSeed
        ).heldOut
    }
    DarkPixels.tell(of: data.training.pixels, in: folder.path)
    return data
  }

  /// Makes the task at the start of a run.
  public static func makeTask(
    _ settings: ImagesSettings, _ examples: ImageData, _ context: ComputeContext
  ) throws -> ImagesTask {
    try ImagesTask(settings: settings, data: examples, context: context)
  }

  /// Lines on images and layers, with the shapes of what they give.
  public static func describe(_ task: ImagesTask, _ examples: ImageData) -> [String] {
    let training = examples.training
    let model = task.trainer.currentModel
    let parameters = model.parameters.reduce(0) { $0 + $1.values.count }
    return [
      "data \(examples.folder?.path ?? task.settings.data): \(training.count) training, "
        + "\(examples.development.count) development, \(examples.test.count) test images of "
        + "\(training.shape), \(training.classes.count) classes",
      "network \(model), \(parameters) parameters",
    ]
  }

  // MARK: Use

  /// Reads a model; see `ImagesModel`.
  public static func readModel(at url: URL) throws -> ImagesModel { try ImagesModel(at: url) }

  /// The model's.
  public static func network(of model: ImagesModel) -> (any Layer)? { model.network }

  /// Accuracy, loss, confusions, and the figures of each class.
  public static func evaluate(
    _ model: ImagesModel, on split: EvaluationSplit, of data: String?, _ use: ModelUse
  ) throws -> EvaluationReport {
    let folder = try use.source.locator.folder(
      for: data ?? model.details.data, defaultName: DataCatalogue.mnist.name,
      progress: use.source.progress)
    let all = try ImageData(folder: folder, options: model.options)
    let images = split == .test ? all.test : all.development
    try model.check(images, from: folder)
    let start = ContinuousClock.now
    var evaluator = ImageEvaluator(model.shape, context: use.context)
    let evaluation = try evaluator.evaluate(
      model.network, on: images, scale: model.details.pixelScale)
    return evaluation.report(
      seconds: start.duration(to: .now).inSeconds, data: folder.path)
  }

  /// A class and its probability for each image, a line each.
  public static func predict(
    _ model: ImagesModel, _ input: InputFile, _ use: ModelUse, writesObjects: Bool,
    _ receive: ([UInt8]) throws -> Void
  ) throws {
    try ImagesPredictor(model, context: use.context).predict(input) { predictions in
      let lines = predictions.map { writesObjects ? "\($0.json)\n" : "\($0.line)\n" }
      try receive(Array(lines.joined().utf8))
    }
  }
}

extension ImagesModel {
  /// Throws unless images are of the shape and of the classes that the model knows.
  func check(_ images: ImageCollection, from folder: URL) throws {
    guard images.shape == shape else {
      throw ImageDataError.otherSize(
        path: folder.path, expected: ImageExtent(shape.height, shape.width),
        found: ImageExtent(images.shape.height, images.shape.width), as: "the model's")
    }
    guard images.classes == details.classes else {
      throw ImagesError.otherClasses(
        path: folder.path, expected: details.classes, found: images.classes)
    }
  }
}

/// Images that do not go together with a model.
public enum ImagesError: OneLineError, Equatable {
  /// Other classes than the model's.
  case otherClasses(path: String, expected: [String], found: [String])
  /// A line of text that names no file.
  case missingFile(path: String, line: Int, found: String)

  /// One line: file, expected, found, what to do.
  public var description: String {
    func names(_ names: [String]) -> String {
      names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
    switch self {
    case .otherClasses(let path, let expected, let found):
      return "\(path): \(found.count) classes (\(names(found))), expected the model's "
        + "\(expected.count) (\(names(expected))); use other data or another model"
    case .missingFile(let path, let line, let found):
      return
        "\(path):\(line): no file '\(found)', expected the path of a PNG or JPEG file; correct or "
        + "remove the line"
    }
  }
}
