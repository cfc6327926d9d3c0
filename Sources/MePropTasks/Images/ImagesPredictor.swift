// Classes for images that have none: files of images, idx files, or lists of paths.

import Foundation
import MePropCore
import MePropData
import MePropNN
import MePropTraining

/// What a model takes an image for.
public struct ImagePrediction: Sendable, Equatable {
  /// The most probable class; of equals the first.
  public var label: String
  /// Its probability, in 0...1.
  public var probability: Float
  /// The path of the image, where it was one of a list.
  public var file: String?

  /// What `predict` prints.
  var line: String {
    "\(label) \(fixed(Double(probability), 4))" + (file.map { " \($0)" } ?? "")
  }

  /// An entry of what `predict --json` prints.
  public var json: JSONValue {
    var members: [JSONValue.Member] = [
      .init("label", .string(label)), .init("probability", .number(Double(probability))),
    ]
    if let file { members.append(.init("file", .string(file))) }
    return .object(members)
  }
}

/// Predicts the classes of images batch by batch, in constant memory for lists of paths.
final class ImagesPredictor {
  private let model: ImagesModel
  private let context: ComputeContext
  private let predictor: Predictor<ImageNetwork>
  private var batch: ImageBatch

  init(_ model: ImagesModel, context: ComputeContext) {
    self.model = model
    self.context = context
    predictor = Predictor(model.network, context: context)
    batch = ImageBatch(model.shape)
  }

  /// Predicts all images of a file; what stands before a bad line is delivered.
  func predict(_ file: InputFile, _ receive: ([ImagePrediction]) throws -> Void) throws {
    let start = try file.peek(8)
    if start.starts(with: [0, 0, 8]) {
      try predictIDX(file, receive)
    } else if start.starts(with: [0x89, 0x50, 0x4e, 0x47])
      || start.starts(with: [0xff, 0xd8, 0xff])
    {
      let image = try ImageFile(readAll(file), path: file.path)
      try receive(predict([(pixels(of: image), nil)]))
    } else {
      try predictList(file, receive)
    }
  }

  private func readAll(_ file: InputFile) throws -> Data {
    var data = Data()
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = try buffer.withUnsafeMutableBytes { try file.read(into: $0) }
      if count == 0 { return data }
      data += buffer[..<count]
    }
  }

  private func predictIDX(
    _ file: InputFile, _ receive: ([ImagePrediction]) throws -> Void
  ) throws {
    let images = try IDXReader(file, rank: 3)
    let shape = ImageShape(
      height: images.dimensions[1], width: images.dimensions[2], channels: 1)
    let size = shape.height * shape.width
    var isFirst = true
    while let bytes = try images.next(ImageEvaluator.batchSize) {
      if isFirst { DarkPixels.tell(of: bytes, in: file.path) }
      isFirst = false
      let batch = try stride(from: 0, to: bytes.count, by: size).map { start in
        let pixels = Array(bytes[start..<(start + size)])
        return (pixels: try fitted(pixels, shape, path: file.path), file: nil as String?)
      }
      try receive(predict(batch))
    }
  }

  private func predictList(
    _ file: InputFile, _ receive: ([ImagePrediction]) throws -> Void
  ) throws {
    let lines = LineReader(file, maximumLineLength: 1 << 16)
    var images: [(pixels: [UInt8], file: String?)] = []
    func flush() throws {
      if !images.isEmpty { try receive(predict(images)) }
      images.removeAll(keepingCapacity: true)
    }
    do {
      while let text = try lines.withNextLine({ String(decoding: $0, as: UTF8.self) }) {
        let path = text.trimmingCharacters(in: .whitespaces)
        if path.isEmpty { continue }
        guard FileManager.default.fileExists(atPath: path) else {
          throw ImagesError.missingFile(
            path: file.path, line: lines.lineNumber, found: String(path.prefix(80)))
        }
        images.append((try pixels(of: ImageFile(path: path)), path))
        if images.count == ImageEvaluator.batchSize || !file.isReady { try flush() }
      }
    } catch {
      try flush()
      throw error
    }
    try flush()
  }

  private func pixels(of image: ImageFile) throws -> [UInt8] {
    let pixels = try image.pixels(channels: model.shape.channels)
    let shape = ImageShape(
      height: image.shape.height, width: image.shape.width, channels: model.shape.channels)
    return try fitted(pixels, shape, path: image.path)
  }

  /// Pixels in the model's shape.
  private func fitted(_ pixels: [UInt8], _ shape: ImageShape, path: String) throws -> [UInt8] {
    let images = ImageCollection(
      shape: shape, pixels: pixels, labels: [0], classes: ["", ""]
    ).converted(toChannels: model.shape.channels)
    let size = ImageExtent(model.shape.height, model.shape.width)
    if size == ImageExtent(shape.height, shape.width) { return images.pixels }
    guard model.details.scalesImages else {
      throw ImageDataError.otherSize(
        path: path, expected: size, found: ImageExtent(shape.height, shape.width),
        as: "the images the model was trained on")
    }
    return images.resized(to: size).pixels
  }

  private func predict(_ images: [(pixels: [UInt8], file: String?)]) -> [ImagePrediction] {
    let collection = ImageCollection(
      shape: model.shape, pixels: images.flatMap(\.pixels),
      labels: Array(repeating: 0, count: images.count), classes: model.details.classes)
    let numbers = Array(0..<UInt32(images.count))
    batch.fill(collection, numbers[...], scale: model.details.pixelScale, context)
    return predictor.withOutput(of: batch.input) { logits in
      context.softmax(&logits)
      return images.indices.map { row in
        let label = logits.largestColumn(ofRow: row)
        return ImagePrediction(
          label: model.details.classes[label], probability: logits[row, label],
          file: images[row].file)
      }
    }
  }
}
