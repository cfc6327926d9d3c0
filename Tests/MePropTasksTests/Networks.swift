// Networks as tasks have them, made in a line.

import Foundation
import MePropNN
import MePropTasks

extension DigitsNetwork {
  /// A perceptron for images, from the number of pixels to that of classes.
  static func perceptron(_ sizes: [Int], seed: UInt64 = 1) -> DigitsNetwork {
    Stack.perceptron(sizes, seed: seed).named("layers")
  }
}

/// The contents of all files of a model folder, by name.
func contents(of folder: URL) throws -> [String: Data] {
  let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
  return try Dictionary(
    uniqueKeysWithValues: names.map {
      ($0, try Data(contentsOf: folder.appendingPathComponent($0)))
    })
}

extension TaskRegistry {
  /// The name of the task of a saved model.
  func taskName(ofModelAt url: URL) throws -> String { try task(ofModelAt: url).name }
}
