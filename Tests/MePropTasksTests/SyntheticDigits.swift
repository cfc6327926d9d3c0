// A small data set that is made up: bright squares in noise, the class is where the square is.

import Foundation
import MePropCore
import MePropData
import MePropTasks
import MePropTraining
import Testing

/// Images of 6 x 5 pixels in four classes.
enum SyntheticDigits {
  static let rows = 6
  static let columns = 5
  static let classCount = 4

  static func images(_ count: Int, seed: UInt64) -> LabeledImages {
    var random = Philox(seed: seed)
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    for _ in 0..<count {
      let label = random.next(below: UInt32(classCount))
      labels.append(UInt8(label))
      for row in 0..<rows {
        for column in 0..<columns {
          let isBright = (row < 3) == (label < 2) && (column < 3) == (label % 2 == 0)
          pixels.append(UInt8(random.next(below: 120)) + (isBright ? 80 : 0))
        }
      }
    }
    return LabeledImages(
      rows: rows, columns: columns, pixels: pixels, labels: labels, classCount: classCount)
  }

  static func data() -> DigitsData {
    DigitsData(
      training: images(230, seed: 1), development: images(60, seed: 2),
      test: images(70, seed: 3))
  }

  /// A configuration for these images, with assignments `KEY=VALUE` applied.
  static func configuration(_ assignments: [String] = []) throws -> Configuration {
    try TrainingRequest(
      assignments: [
        "classes=4", "hidden=24,16", "batch=20", "epochs=6", "dropout=0.1", "threads=1",
        "dev-count=60", "learning-rate=0.005",
      ] + (assignments.contains("select=dense") ? [] : ["k=5"]) + assignments
    ).configuration(for: DigitsConfiguration.schema)
  }

  static func task(_ assignments: [String] = [], threads: Int = 1) throws -> DigitsTask {
    let settings = try DigitsConfiguration.resolve(configuration(assignments)).settings
    return DigitsTask(
      settings: settings, data: data(), context: ComputeContext(threadCount: threads))
  }

  /// Writes the four idx files; training images are the development images and then the others.
  static func write(_ data: DigitsData, to folder: URL) throws {
    let parts = [
      (
        "train", data.development.pixels + data.training.pixels,
        data.development.labels + data.training.labels
      ),
      ("t10k", data.test.pixels, data.test.labels),
    ]
    for (prefix, pixels, labels) in parts {
      try IDX(dimensions: [labels.count, rows, columns], bytes: pixels)
        .write(to: folder.appendingPathComponent("\(prefix)-images-idx3-ubyte"))
      try IDX(dimensions: [labels.count], bytes: labels)
        .write(to: folder.appendingPathComponent("\(prefix)-labels-idx1-ubyte"))
    }
  }
}

/// A folder that disappears with its owner.
final class TemporaryFolder {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tests-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func callAsFunction(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// Returns what `body` throws as text, or an empty text.
func message(_ body: () throws -> Void) -> String {
  do {
    try body()
    return ""
  } catch {
    return String(describing: error)
  }
}
