// How a prediction is written: fields between commas, or an object of JSON.

import Foundation
import MePropData
import MePropTraining

/// Writes predictions.
struct PredictionWriter {
  private let target: TableSchema.Target
  private let format: PredictionFormat
  private let keptNames: [String]
  /// The names of classes or labels as they are written.
  private let classes: [[UInt8]]
  /// What comes before each kept field, and before each probability, of an object.
  private let keptKeys: [[UInt8]]
  private let probabilityKeys: [[UInt8]]
  /// The places after the point of a number.
  private let decimals: Int

  /// The places after the point of a probability.
  private static let probabilityDecimals = 4

  init(_ target: TableSchema.Target, _ format: PredictionFormat, keptNames: [String]) {
    self.target = target
    self.format = format
    self.keptNames = keptNames
    classes = target.classes.map { name in
      var bytes: [UInt8] = []
      if format.isJSON {
        bytes = Array(JSONValue.string(name).description.utf8)
      } else {
        var name = name
        name.withUTF8 { Self.quote(UnsafeRawBufferPointer($0), to: &bytes) }
      }
      return bytes
    }
    keptKeys = keptNames.map { Array("\(JSONValue.string($0)):".utf8) }
    probabilityKeys = target.classes.map { Array("\(JSONValue.string($0)):".utf8) }
    // Six digits of a deviation.
    decimals = min(max(5 - Int(log10(target.deviation).rounded(.down)), 0), 9)
  }

  /// The first line; empty of JSON.
  var header: [UInt8] {
    guard !format.isJSON else { return [] }
    var names = keptNames + ["prediction"]
    if target.kind == .classes { names.append("probability") }
    if format.hasAllProbabilities { names += target.classes.map { "p(\($0))" } }
    var bytes: [UInt8] = []
    for (index, name) in names.enumerated() {
      if index > 0 { bytes.append(UInt8(ascii: ",")) }
      var name = name
      name.withUTF8 { Self.quote(UnsafeRawBufferPointer($0), to: &bytes) }
    }
    bytes.append(UInt8(ascii: "\n"))
    return bytes
  }

  /// Appends a field of the input.
  func append(_ field: UnsafeRawBufferPointer, place: Int, to bytes: inout [UInt8]) {
    if format.isJSON {
      bytes += keptKeys[place]
      bytes += "\(JSONValue.string(String(decoding: field, as: UTF8.self)))".utf8
    } else {
      Self.quote(field, to: &bytes)
    }
    bytes.append(UInt8(ascii: ","))
  }

  /// Appends the line of a row.
  ///
  /// - Parameters:
  ///   - outputs: Of the network: of classes as probabilities.
  ///   - kept: What ``append(_:place:to:)`` made of the row's fields.
  ///   - bytes: Takes the line.
  func append(
    _ outputs: UnsafeBufferPointer<Float>, kept: UnsafeRawBufferPointer, to bytes: inout [UInt8]
  ) {
    if format.isJSON { bytes.append(UInt8(ascii: "{")) }
    bytes.append(contentsOf: kept)
    if format.isJSON { bytes += "\"prediction\":".utf8 }
    switch target.kind {
    case .number:
      append(Double(outputs[0]) * target.deviation + target.mean, decimals, to: &bytes)
    case .classes:
      var best = 0
      for column in outputs.indices where outputs[column] > outputs[best] { best = column }
      bytes.append(contentsOf: classes[best])
      bytes += format.isJSON ? ",\"probability\":".utf8 : ",".utf8
      append(Double(outputs[best]), Self.probabilityDecimals, to: &bytes)
      if format.hasAllProbabilities { appendProbabilities(outputs, to: &bytes) { Double($0) } }
    case .labels:
      appendLabels(outputs, to: &bytes)
      if format.hasAllProbabilities {
        appendProbabilities(outputs, to: &bytes) { 1 / (1 + exp(-Double($0))) }
      }
    }
    if format.isJSON { bytes.append(UInt8(ascii: "}")) }
    bytes.append(UInt8(ascii: "\n"))
  }

  private func appendLabels(
    _ outputs: UnsafeBufferPointer<Float>, to bytes: inout [UInt8]
  ) {
    let holding = outputs.indices.filter { outputs[$0] > 0 }
    if format.isJSON {
      bytes.append(UInt8(ascii: "["))
      for (place, label) in holding.enumerated() {
        if place > 0 { bytes.append(UInt8(ascii: ",")) }
        bytes += classes[label]
      }
      bytes.append(UInt8(ascii: "]"))
    } else {
      var text = holding.map { target.classes[$0] }.joined(separator: target.separator ?? "|")
      text.withUTF8 { Self.quote(UnsafeRawBufferPointer($0), to: &bytes) }
    }
  }

  private func appendProbabilities(
    _ outputs: UnsafeBufferPointer<Float>, to bytes: inout [UInt8], _ value: (Float) -> Double
  ) {
    if format.isJSON { bytes += ",\"probabilities\":{".utf8 }
    for column in outputs.indices {
      if !format.isJSON || column > 0 { bytes.append(UInt8(ascii: ",")) }
      if format.isJSON { bytes += probabilityKeys[column] }
      append(value(outputs[column]), Self.probabilityDecimals, to: &bytes)
    }
    if format.isJSON { bytes.append(UInt8(ascii: "}")) }
  }

  /// Appends a number with so many places after the point, rounded.
  private func append(_ value: Double, _ decimals: Int, to bytes: inout [UInt8]) {
    var factor = 1.0
    for _ in 0..<decimals { factor *= 10 }
    let scaled = (value * factor).rounded()
    guard abs(scaled) < 1e18 else {
      bytes += "\(value)".utf8
      return
    }
    var rest = UInt64(abs(scaled))
    if scaled < 0 { bytes.append(UInt8(ascii: "-")) }
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 32) { digits in
      var count = 0
      while rest > 0 || count <= decimals {
        if count == decimals, decimals > 0 {
          digits[count] = UInt8(ascii: ".")
          count += 1
          if rest == 0 {
            digits[count] = 0x30
            count += 1
          }
          while rest > 0 {
            digits[count] = 0x30 + UInt8(rest % 10)
            rest /= 10
            count += 1
          }
          break
        }
        digits[count] = 0x30 + UInt8(rest % 10)
        rest /= 10
        count += 1
      }
      for place in stride(from: count - 1, through: 0, by: -1) { bytes.append(digits[place]) }
    }
  }

  /// Appends a field, quoted where it has to be.
  private static func quote(_ field: UnsafeRawBufferPointer, to bytes: inout [UInt8]) {
    let needsQuotes = field.contains {
      $0 == UInt8(ascii: ",") || $0 == UInt8(ascii: "\"") || $0 == 0x0a || $0 == 0x0d
    }
    guard needsQuotes || field.first == 0x20 || field.last == 0x20 else {
      bytes.append(contentsOf: field)
      return
    }
    bytes.append(UInt8(ascii: "\""))
    for byte in field {
      if byte == UInt8(ascii: "\"") { bytes.append(byte) }
      bytes.append(byte)
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
