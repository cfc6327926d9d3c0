// A small data set that is made up, in idx files.

import Foundation
import MePropCore
import MePropData

/// A folder of images of 5 x 4 pixels in three classes, which disappears with its owner.
final class SyntheticImages {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory
      .appendingPathComponent("meprop-tests-\(UUID().uuidString)", isDirectory: true)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    try write("train", count: 160, seed: 1)
    try write("t10k", count: 60, seed: 2)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  private func write(_ prefix: String, count: Int, seed: UInt64) throws {
    var random = Philox(seed: seed)
    var pixels: [UInt8] = []
    var labels: [UInt8] = []
    for _ in 0..<count {
      let label = random.next(below: 3)
      labels.append(UInt8(label))
      for pixel in 0..<20 {
        pixels.append(UInt8(random.next(below: 120)) + (pixel % 3 == Int(label) ? 90 : 0))
      }
    }
    try IDX(dimensions: [count, 5, 4], bytes: pixels)
      .write(to: url.appendingPathComponent("\(prefix)-images-idx3-ubyte"))
    try IDX(dimensions: [count], bytes: labels)
      .write(to: url.appendingPathComponent("\(prefix)-labels-idx1-ubyte"))
  }
}
