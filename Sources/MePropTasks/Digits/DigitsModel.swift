// The model folder: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A classifier of images: linear layers, logits out.
///
/// Parameters are `layers.0.weight`, `layers.0.bias`, ….
public typealias DigitsNetwork = Named<Stack<Linear>>

/// A trained classifier of images with all that is needed to use it; see `SavedModel` for its
/// files.
public struct DigitsModel: Sendable, Equatable {
  /// The network; its outputs are logits.
  public private(set) var network: DigitsNetwork
  /// What its images are like, and where they are from.
  public let details: Details

  /// What a model of digits knows besides its network.
  public struct Details: Sendable, Equatable, Codable {
    /// The numbers of inputs, of units of the hidden layers, of classes.
    public var layers: [Int]
    /// What follows each hidden layer.
    public var activation: String
    /// What products read: of a new model what it was trained with.
    public var precision: String
    /// The height of the images, in pixels.
    public var imageRows: Int
    /// The width of the images, in pixels.
    public var imageColumns: Int
    /// What pixels from 0 to 255 are multiplied by.
    public var pixelScale: Float
    /// The data set of the catalogue it was trained on, or the folder; `nil` where that is not
    /// known.
    public var dataSet: String?
    /// How many of the first training images were held out for development.
    public var developmentCount: Int
  }

  /// The number of classes.
  public var classCount: Int { network.outputSize }
  /// The number of inputs.
  public var inputSize: Int { network.inner.inputSize }
  /// What products read.
  public var precision: Precision {
    get { network.inner.layers[0].precision }
    set {
      for index in network.inner.layers.indices { network.inner.layers[index].precision = newValue }
    }
  }

  /// Creates a model; the network must have an input for each pixel.
  public init(
    network: DigitsNetwork, imageRows: Int, imageColumns: Int, pixelScale: Float,
    dataSet: String? = nil, developmentCount: Int = ImageDataset.developmentCount
  ) {
    let layers = network.inner.layers
    precondition(
      imageRows * imageColumns == layers[0].inputSize,
      "DigitsModel: images of \(imageRows) x \(imageColumns), network of \(layers[0].inputSize) "
        + "inputs")
    self.network = network
    details = Details(
      layers: [layers[0].inputSize] + layers.map(\.outputSize),
      activation: (layers.count > 1 ? layers[0].activation : .relu).rawValue,
      precision: layers[0].precision.rawValue, imageRows: imageRows, imageColumns: imageColumns,
      pixelScale: pixelScale, dataSet: dataSet, developmentCount: developmentCount)
  }

  /// Writes the model into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    try SavedModel.write(network, task: Digits.name, details: details, to: folder)
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each
  /// other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let saved = try SavedModel(at: url, task: Digits.name)
    details = try saved.details()
    try details.check(saved)
    network = Stack.perceptron(
      details.layers, activation: try saved.value("activation", details.activation),
      precision: try saved.value("precision", details.precision), initialization: nil
    ).named("layers")
    try saved.restore(&network)
  }
}

extension DigitsModel.Details {
  /// Throws unless sizes are possible and fit each other.
  fileprivate func check(_ saved: SavedModel) throws {
    let sides = 1...65_536
    try saved.require(
      (2...ConfigurationKind.maximumListCount + 2).contains(layers.count), "layers",
      "2 to \(ConfigurationKind.maximumListCount + 2) sizes", "\(layers.count)")
    try saved.require(
      layers.count >= 2 && layers.allSatisfy { (1...100_000_000).contains($0) }
        && zip(layers, layers.dropFirst()).allSatisfy { $0 * $1 <= 1_000_000_000 }, "layers",
      "two or more sizes of 1 to 100000000", "\(layers)".printable(limit: 80))
    try saved.require(
      layers[layers.count - 1] <= 256, "layers", "at most 256 classes",
      "\(layers[layers.count - 1])")
    try saved.require(sides.contains(imageRows), "imageRows", "1 to 65536", "\(imageRows)")
    try saved.require(
      sides.contains(imageColumns), "imageColumns", "1 to 65536", "\(imageColumns)")
    try saved.require(
      imageRows * imageColumns == layers[0], "imageColumns",
      "as many pixels as the \(layers[0]) inputs", "\(imageRows) x \(imageColumns)")
    try saved.require(
      pixelScale.isFinite && pixelScale > 0, "pixelScale", "a number above 0", "\(pixelScale)")
    try saved.require(
      developmentCount >= 1, "developmentCount", "1 or more", "\(developmentCount)")
  }
}
