// The model folder: what `evaluate` and `predict` take, and what Python can read.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained classifier of images with all that is needed to use it.
///
/// ```text
/// model.json          the architecture: sizes, activation, image size, pixel scale, precision
/// model.safetensors   layers.N.weight [outputSize, inputSize] and layers.N.bias [outputSize],
///                     the names and shapes of PyTorch's Linear
/// ```
public struct DigitsModel: Sendable, Equatable {
  /// The network; its outputs are logits.
  public let network: MLP
  /// The height of the images, in pixels.
  public let imageRows: Int
  /// The width of the images, in pixels.
  public let imageColumns: Int
  /// What pixels from 0 to 255 are multiplied by.
  public let pixelScale: Float
  /// The data set of the catalogue it was trained on; `nil` for data of the user's own.
  public let dataSet: String?
  /// How many of the first training images were held out for development.
  public let developmentCount: Int
  /// What products read: of a new model what it was trained with.
  public var precision: Precision

  /// The number of classes.
  public var classCount: Int { network.outputSize }

  /// The name of the file of weights.
  public static let weightsName = "model.safetensors"
  /// The name of the file that describes the architecture.
  public static let architectureName = "model.json"
  /// The version of the format that this program writes and reads.
  public static let formatVersion = 1

  /// Creates a model; the network must have an input for each pixel.
  public init(
    network: MLP, imageRows: Int, imageColumns: Int, pixelScale: Float, dataSet: String? = nil,
    developmentCount: Int = ImageDataset.developmentCount, precision: Precision = .f32
  ) {
    precondition(
      imageRows * imageColumns == network.inputSize,
      "DigitsModel: images of \(imageRows) x \(imageColumns), network of \(network.inputSize) "
        + "inputs")
    self.network = network
    self.imageRows = imageRows
    self.imageColumns = imageColumns
    self.pixelScale = pixelScale
    self.dataSet = dataSet
    self.developmentCount = developmentCount
    self.precision = precision
  }

  /// Writes both files into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    let tensors = network.layers.enumerated().flatMap { index, layer in
      let name = MLP.layerName(index)
      return [
        SafeTensors.Tensor(
          name: "\(name).weight", shape: [layer.outputSize, layer.inputSize],
          values: layer.weight.elements),
        SafeTensors.Tensor(
          name: "\(name).bias", shape: [layer.outputSize], values: layer.bias.elements),
      ]
    }
    try SafeTensors.write(
      tensors, metadata: ["format": "meprop-model"],
      to: folder.appendingPathComponent(Self.weightsName))
    let architecture = DigitsArchitecture(
      format: ModelFiles.format, version: Self.formatVersion,
      task: DigitsTask.taskName,
      layers: [network.inputSize] + network.layers.map(\.outputSize),
      activation: network.activation.rawValue, pixelScale: pixelScale, imageRows: imageRows,
      imageColumns: imageColumns, classCount: classCount, dataSet: dataSet,
      developmentCount: developmentCount, precision: precision.rawValue)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
    try AtomicFile.write(
      encoder.encode(architecture) + Data("\n".utf8),
      to: folder.appendingPathComponent(Self.architectureName))
  }

  /// Reads a model from its folder, or from the folder of its run.
  ///
  /// Nothing in the files is trusted: sizes, names, shapes and values are checked against each other.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let folder = RunFolder.modelFolder(at: url)
    let files = ModelFiles(folder: folder, task: DigitsTask.taskName)
    let architecture = try DigitsArchitecture(from: files)
    let weights = folder.appendingPathComponent(Self.weightsName)
    let layers = try Self.layers(of: architecture.layers, in: weights)
    try self.init(
      network: MLP(layers: layers, activation: files.value("activation", architecture.activation)),
      imageRows: architecture.imageRows,
      imageColumns: architecture.imageColumns, pixelScale: architecture.pixelScale,
      dataSet: architecture.dataSet, developmentCount: architecture.developmentCount,
      precision: architecture.precision.map { try files.value("precision", $0) } ?? .f32)
  }

  private static func layers(of sizes: [Int], in file: URL) throws -> [Linear] {
    let tensors = try SafeTensors.read(from: file).tensors
    let byName = Dictionary(tensors.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
      guard let tensor = byName[name] else {
        throw ModelFileError.missingTensor(path: file.path, name: name)
      }
      guard tensor.shape == shape else {
        throw ModelFileError.wrongShape(
          path: file.path, name: name, expected: shape, found: tensor.shape)
      }
      if let index = tensor.values.firstIndex(where: { !$0.isFinite }) {
        throw ModelFileError.notFinite(
          path: file.path, name: name, index: index, found: "\(tensor.values[index])")
      }
      return tensor.values
    }
    let layers = try zip(sizes, sizes.dropFirst()).enumerated().map { index, size in
      let name = MLP.layerName(index)
      let weight = try values("\(name).weight", [size.1, size.0])
      let bias = try values("\(name).bias", [size.1])
      return Linear(
        weight: Matrix(rowCount: size.1, columnCount: size.0, elements: weight),
        bias: Matrix(rowCount: 1, columnCount: size.1, elements: bias))
    }
    guard tensors.count == 2 * layers.count else {
      let known = Set(layers.indices.flatMap { ["layers.\($0).weight", "layers.\($0).bias"] })
      let name = tensors.first { !known.contains($0.name) }?.name ?? ""
      throw ModelFileError.unexpectedTensor(path: file.path, name: name)
    }
    return layers
  }
}
