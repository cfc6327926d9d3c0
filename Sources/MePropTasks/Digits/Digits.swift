// The digits task: small grey images in, classes out.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// Classifying handwritten digits, or other small grey images, with a multilayer perceptron.
public enum Digits: TaskDefinition {
  /// `digits`.
  public static let name = "digits"

  /// What commands say of it.
  public static let help = TaskHelp(
    abstract: "Train a classifier of handwritten digits, or of other small grey images.",
    training: "Without options this trains on MNIST with the default recipe.",
    examples: [
      "", "--data fashion-mnist --epochs 5 --run runs/fashion",
      "--select dense --batch 10 --epochs 20",
      "--select top-k --k 20 --memory 0.9 --untouched skip --batch 10",
      "--select unified --k 0.06 --group 25 --batch 50",
      "--config digits.yaml --set epochs=3 --json", "--run runs/fashion --resume",
    ],
    evaluation:
      "accuracy, mean loss, the confusion matrix (a row for each true class, a column for "
      + "each class found) and precision, recall and F1 of each class, in percent",
    prediction:
      "reads an idx file of images (plain or gzip), or text with one image a line: as many "
      + "numbers from 0 (background) to 255 as the model has inputs (784 for images of 28 x 28), "
      + "row "
      + "by row, separated by commas or spaces; a header line is skipped. Prints the label and its "
      + "probability for each image; an object of --json is {\"label\", \"probability\"}",
    uses: [
      "meprop evaluate runs/fashion",
      "meprop evaluate runs/fashion/model --data fashion-mnist --split dev --json",
      "meprop predict runs/fashion t10k-images-idx3-ubyte.gz",
      "meprop predict runs/fashion/model --json < pixels.csv",
    ])

  /// The keys of `DigitsConfiguration`.
  public static var schema: ConfigurationSchema { DigitsConfiguration.schema }

  /// Decides and checks settings; see `DigitsConfiguration.resolve(_:inputSize:)`.
  public static func resolve(
    _ configuration: Configuration, for examples: DigitsData?
  ) throws -> (settings: DigitsSettings, configuration: Configuration) {
    try DigitsConfiguration.resolve(
      configuration, inputSize: examples?.training.pixelsPerImage)
  }

  /// Where the images are, and how they are divided.
  public static let dataKeys = ["data", "dev-count", "classes", "train-limit"]

  /// Finds and reads the four files of a data set.
  public static func load(
    _ settings: DigitsSettings, from source: DataSource
  ) throws -> DigitsData {
    try DigitsData(
      folder: source.locator.folder(
        for: settings.data, defaultName: DataCatalogue.mnist.name, progress: source.progress),
      developmentCount: settings.developmentCount, classCount: settings.classCount,
      trainingLimit: settings.trainingLimit)
  }

  /// Makes the task at the start of a run.
  public static func makeTask(
    _ settings: DigitsSettings, _ examples: DigitsData, _ context: ComputeContext
  ) -> DigitsTask {
    DigitsTask(settings: settings, data: examples, context: context)
  }

  /// Lines on images, network, and layers that are dense whatever the settings say.
  public static func describe(_ task: DigitsTask, _ examples: DigitsData) -> [String] {
    let (settings, training) = (task.settings, examples.training)
    let sizes = [training.pixelsPerImage] + settings.layerSizes
    let parameters = zip(sizes, sizes.dropFirst()).reduce(0) { $0 + ($1.0 + 1) * $1.1 }
    return [
      "data \(examples.folder?.path ?? settings.data): \(training.count) training, "
        + "\(examples.development.count) development, \(examples.test.count) test images of "
        + "\(training.rows) x \(training.columns)",
      "network \(sizes.map(String.init).joined(separator: "-")), \(settings.activation.rawValue)"
        + ", \(parameters) parameters",
    ] + settings.denseLayerNotes
  }

  /// Linear layers on images.
  public static let torchSteps: TorchStepKind? = .images
}
