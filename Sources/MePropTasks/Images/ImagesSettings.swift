// What the images task is trained with, as values of the layers below.

import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// The settings of an images run, checked against each other.
public struct ImagesSettings: Sendable, Equatable {
  /// A name of the catalogue, or a folder.
  public var data: String
  /// How the data are read and divided.
  public var options: ImageData.Options
  /// About how many of the training images are used; `nil` for all.
  public var trainingLimit: Int?
  /// How images are changed while they are trained on.
  public var augmentation: Augmentation
  /// The layers in words, the output layer apart.
  public var layers: [String]
  /// How weights start.
  public var initialization: Initialization
  /// How it trains.
  public var steps: StepSettings
}

/// Random changes of training images.
public struct Augmentation: Sendable, Equatable {
  /// The most pixels that an image is moved by, in both directions.
  public var shift = 0
  /// Whether half of the images are mirrored.
  public var mirrors = false

  /// Whether anything is changed.
  var isActive: Bool { shift > 0 || mirrors }
}
