// model.json: the architecture of a digits model, and its checks.

import Foundation
import MePropCore
import MePropData

/// What model.json holds.
struct DigitsArchitecture: Codable {
  static let expectedFormat = "meprop-model"
  /// Larger files are not of this format.
  static let maximumByteCount = 1 << 20

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

  private struct Head: Decodable {
    var format: String?
    var version: Int?
    var task: String?
  }
}

extension DigitsArchitecture {
  init(readingFrom file: URL) throws {
    let data = try Self.bytes(of: file)
    do {
      let head = try JSONDecoder().decode(Head.self, from: data)
      guard head.format == Self.expectedFormat else {
        throw DigitsModelError.wrongField(
          path: file.path, key: "format", expected: Self.expectedFormat,
          found: head.format ?? "nothing")
      }
      guard head.version == DigitsModel.formatVersion else {
        throw DigitsModelError.wrongField(
          path: file.path, key: "version", expected: "\(DigitsModel.formatVersion)",
          found: head.version.map(String.init) ?? "nothing")
      }
      guard head.task == DigitsTask.taskName else {
        throw DigitsModelError.wrongField(
          path: file.path, key: "task", expected: DigitsTask.taskName, found: head.task ?? "nothing"
        )
      }
      self = try JSONDecoder().decode(DigitsArchitecture.self, from: data)
    } catch let error as DecodingError {
      throw DigitsModelError.notJSON(path: file.path, found: Self.words(for: error))
    }
    try check(path: file.path)
  }

  func checkedActivation(path: String) throws -> Activation {
    guard let activation = Activation(rawValue: activation) else {
      throw DigitsModelError.wrongField(
        path: path, key: "activation",
        expected: Activation.allCases.map(\.rawValue).joined(separator: ", "), found: activation)
    }
    return activation
  }

  func checkedPrecision(path: String) throws -> Precision {
    guard let name = precision else { return .f32 }
    guard let precision = Precision(rawValue: name) else {
      throw DigitsModelError.wrongField(
        path: path, key: "precision",
        expected: Precision.allCases.map(\.rawValue).joined(separator: ", "), found: name)
    }
    return precision
  }

  private func check(path: String) throws {
    func require(_ holds: Bool, _ key: String, _ expected: String, _ found: String) throws {
      guard holds else {
        throw DigitsModelError.wrongField(
          path: path, key: key, expected: expected, found: found)
      }
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

  private static func bytes(of file: URL) throws -> Data {
    let input: InputFile
    do {
      input = try InputFile(path: file.path, unpacksGzip: false)
    } catch DataFormatError.cannotOpen(_, let reason) {
      throw DigitsModelError.noModel(path: file.path, reason: reason)
    }
    var bytes = [UInt8](repeating: 0, count: maximumByteCount + 1)
    let count = try bytes.withUnsafeMutableBytes { try input.fill($0) }
    guard count <= maximumByteCount else {
      throw DigitsModelError.notJSON(
        path: file.path, found: "more than \(maximumByteCount) bytes")
    }
    return Data(bytes[..<count])
  }

  private static func words(for error: DecodingError) -> String {
    func place(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    switch error {
    case .keyNotFound(let key, _): return "no key '\(key.stringValue)'"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      return context.codingPath.isEmpty ? "other JSON" : "another type at key '\(place(context))'"
    case .dataCorrupted(let context) where !context.codingPath.isEmpty:
      return "a value of another kind at key '\(place(context))'"
    default: return "text that is not JSON"
    }
  }
}
