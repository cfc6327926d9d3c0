// model.json: the architecture of a digits model, and its checks.

import Foundation
import MePropCore
import MePropData

/// What model.json holds.
struct DigitsArchitecture: Codable {
  var format: String
  var version: Int
  var task: String
  var layers: [Int]
  var activation: String
  var pixelScale: Float
  var imageRows: Int
  var imageColumns: Int
  var classCount: Int
  var dataSet: String?
  var developmentCount: Int
  /// What products read; f32 where a file does not say.
  var precision: String?
}

extension DigitsArchitecture {
  /// Reads and checks the file; what layers and numbers are like is no matter of trust.
  ///
  /// - Throws: `ModelFileError`.
  init(from files: ModelFiles) throws {
    self = try files.readArchitecture(version: DigitsModel.formatVersion)
    func require(_ holds: Bool, _ key: String, _ expected: String, _ found: String) throws {
      try files.require(holds, key, expected, found)
    }
    let sides = 1...65_536
    try require(
      layers.count >= 2 && layers.allSatisfy { (1...100_000_000).contains($0) }, "layers",
      "two or more sizes of 1 to 100000000", "\(layers)")
    try require(
      layers[layers.count - 1] == classCount, "classCount", "\(layers[layers.count - 1])",
      "\(classCount)")
    try require(
      classCount <= 256, "classCount", "at most 256", "\(classCount)")
    try require(sides.contains(imageRows), "imageRows", "1 to 65536", "\(imageRows)")
    try require(sides.contains(imageColumns), "imageColumns", "1 to 65536", "\(imageColumns)")
    try require(
      imageRows * imageColumns == layers[0], "imageColumns",
      "as many pixels as the \(layers[0]) inputs", "\(imageRows) x \(imageColumns)")
    try require(
      pixelScale.isFinite && pixelScale > 0, "pixelScale", "a number above 0", "\(pixelScale)")
    try require(developmentCount >= 1, "developmentCount", "1 or more", "\(developmentCount)")
  }
}
