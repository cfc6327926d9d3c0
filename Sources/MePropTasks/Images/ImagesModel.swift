// The model folder of a classifier of images.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// A trained classifier of images with all that is needed to use it; see `SavedModel` for its
/// files.
public struct ImagesModel: Sendable, Equatable {
  /// The network; its outputs are logits.
  public private(set) var network: ImageNetwork
  /// What its images are like, and where they are from.
  public let details: Details

  /// What a model knows besides its network.
  public struct Details: Sendable, Equatable, Codable {
    /// The layers in words, the output layer apart.
    public var layers: [String]
    /// The names of the classes.
    public var classes: [String]
    /// The height of the images, in pixels.
    public var imageRows: Int
    /// The width of the images, in pixels.
    public var imageColumns: Int
    /// 1 for grey, 3 for colour.
    public var imageChannels: Int
    /// Whether images of other sizes are scaled and cropped.
    public var scalesImages: Bool
    /// What pixels from 0 to 255 are multiplied by.
    public var pixelScale: Float
    /// The data it was trained on: a name of the catalogue, or the path of a folder.
    public var data: String
    /// The shares held out where the data have no parts of their own, and the seed of the choice.
    public var developmentShare: Double
    /// The same for test.
    public var testShare: Double
    /// The seed of the choice.
    public var splitSeed: UInt64
  }

  /// Creates a model of a network on images as `details` says.
  public init(network: ImageNetwork, details: Details) {
    self.network = network
    self.details = details
  }

  /// The shape of an image.
  public var shape: ImageShape {
    ImageShape(
      height: details.imageRows, width: details.imageColumns, channels: details.imageChannels)
  }

  /// How data are read for it.
  var options: ImageData.Options {
    ImageData.Options(
      size: details.scalesImages ? ImageExtent(details.imageRows, details.imageColumns) : nil,
      channels: details.imageChannels, classCount: nil,
      developmentShare: details.developmentShare, testShare: details.testShare,
      splitSeed: details.splitSeed)
  }

  /// Writes the model into an existing folder.
  ///
  /// - Throws: `FileWriteError`.
  public func write(to folder: URL) throws {
    try SavedModel.write(network, task: Images.name, details: details, to: folder)
  }

  /// Reads a model from its folder, or from the folder of its run; nothing in the files is trusted.
  ///
  /// - Throws: `ModelFileError`; `SafeTensorsError` or `DataFormatError` for the weights' file.
  public init(at url: URL) throws {
    let saved = try SavedModel(at: url, task: Images.name)
    details = try saved.details()
    try details.check(saved)
    do {
      network = try ImageNetworkPlan(details.layers).makeNetwork(
        ImageShape(
          height: details.imageRows, width: details.imageColumns,
          channels: details.imageChannels), classCount: details.classes.count, initialization: nil)
    } catch let problem as LayerText.Problem {
      throw ModelFileError.wrongField(
        path: saved.descriptionPath, key: "layers", expected: "layers that fit each other",
        found: problem.reason)
    }
    try saved.restore(&network)
  }
}

extension ImagesModel.Details {
  /// Throws unless sizes are possible.
  fileprivate func check(_ saved: SavedModel) throws {
    let sides = 1...65_536
    try saved.require(sides.contains(imageRows), "imageRows", "1 to 65536", "\(imageRows)")
    try saved.require(
      sides.contains(imageColumns), "imageColumns", "1 to 65536", "\(imageColumns)")
    try saved.require(
      imageChannels == 1 || imageChannels == 3, "imageChannels", "1 or 3", "\(imageChannels)")
    try saved.require(
      (2...100_000).contains(classes.count), "classes", "2 to 100000 names", "\(classes.count)")
    try saved.require(
      pixelScale.isFinite && pixelScale > 0, "pixelScale", "a number above 0", "\(pixelScale)")
    for (key, share) in [("developmentShare", developmentShare), ("testShare", testShare)] {
      try saved.require(share > 0 && share < 1, key, "above 0 and below 1", "\(share)")
    }
  }
}
