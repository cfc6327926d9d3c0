// What is counted in an epoch besides its figures, in parts of it: loss, time, kept units, costs.

import Foundation
import MePropNN

/// Counts of units as a compact text in JSON: base64 of 32-bit numbers, lowest byte first.
public struct UnitCounts: Sendable, Equatable, Codable {
  /// One count a unit.
  public var values: [UInt32]

  /// Creates counts.
  public init(_ values: [UInt32]) { self.values = values }

  /// Reads the text.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    let data = try container.decode(Data.self)
    guard data.count % 4 == 0 else {
      throw DecodingError.dataCorruptedError(
        in: container, debugDescription: "expected a multiple of 4 bytes, found \(data.count)")
    }
    let bytes = [UInt8](data)
    values = stride(from: 0, to: bytes.count, by: 4).map { start in
      (0..<4).reduce(0) { $0 | UInt32(bytes[start + $1]) << UInt32(8 * $1) }
    }
  }

  /// Writes the text.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    var bytes: [UInt8] = []
    bytes.reserveCapacity(4 * values.count)
    for value in values { withUnsafeBytes(of: value.littleEndian) { bytes += $0 } }
    try container.encode(Data(bytes))
  }
}

/// A part of an epoch.
public struct EpochPart: Sendable, Equatable, Codable {
  /// Which units a layer kept.
  public struct Layer: Sendable, Equatable, Codable {
    /// The number of examples counted.
    public var exampleCount: Int
    /// In how many of them each unit was kept; empty for a layer that is always dense.
    public var keptCounts: UnitCounts
  }

  /// The step at which it ends, from the epoch's beginning.
  public var endStep: Int
  /// The loss added up over its examples, in nats.
  public var lossSum = 0.0
  /// The number of its examples.
  public var exampleCount = 0
  /// Seconds of training from the beginning of the epoch to its end.
  public var seconds = 0.0
  /// The layers of the task's tallies, in their order.
  public var layers: [Layer] = []
}

/// A layer in an epoch.
public struct LayerDetails: Sendable, Equatable, Codable {
  /// The layer's dotted name.
  public var name: String
  /// The number of rows of its weights.
  public var outputSize: Int
  /// What its products and its updates cost.
  public var costs: LayerCosts
}

/// What was counted in an epoch.
///
/// Its parts are shorter at the beginning of a run, when most happens: the first epoch has sixteen,
/// the next have eight, four and two, and from the tenth on there is one an epoch. That depends on
/// the epoch alone, so that runs of any length can be compared.
public struct EpochDetails: Sendable, Equatable, Codable {
  /// The epoch, from 1.
  public var epoch: Int
  /// The number of steps in it.
  public var stepsPerEpoch: Int
  /// The parts that have begun.
  public private(set) var parts: [EpochPart] = []
  /// The layers with products.
  public private(set) var layers: [LayerDetails] = []

  /// Creates the record of an epoch that has not begun.
  public init(epoch: Int, stepsPerEpoch: Int) {
    self.epoch = epoch
    self.stepsPerEpoch = stepsPerEpoch
  }

  /// The most parts that an epoch has.
  static let largestPartCount = 16

  /// The number of parts of an epoch.
  public static func partCount(ofEpoch epoch: Int, stepsPerEpoch: Int) -> Int {
    let wanted =
      switch epoch {
      case 1: largestPartCount
      case 2: 8
      case 3: 4
      case 4..<10: 2
      default: 1
      }
    return min(wanted, max(1, stepsPerEpoch))
  }

  /// Begins the part that `step`, from 0, is in, unless it has begun; returns where it ends.
  package mutating func beginPart(at step: Int) -> Int {
    let count = Self.partCount(ofEpoch: epoch, stepsPerEpoch: stepsPerEpoch)
    // The first part whose end is beyond the step.
    let ends = (1...count).map { stepsPerEpoch * $0 / count }
    let place = ends.firstIndex { $0 > step } ?? count - 1
    // More than one at once only where an older version did the steps before.
    while parts.count <= place { parts.append(EpochPart(endStep: ends[parts.count])) }
    return ends[place]
  }

  /// Adds a step to the part that began last.
  package mutating func add(lossSum: Double, exampleCount: Int) {
    parts[parts.count - 1].lossSum += lossSum
    parts[parts.count - 1].exampleCount += exampleCount
  }

  /// Adds what was counted to the part that began last; called twice where it was interrupted.
  package mutating func endPart(_ tallies: [LayerTally], seconds: Double) {
    var part = parts[parts.count - 1]
    part.seconds = seconds
    let isFirst =
      part.layers.map(\.keptCounts.values.count) != tallies.map(\.keptCounts.count)
    if isFirst {
      part.layers = tallies.map {
        .init(exampleCount: $0.exampleCount, keptCounts: UnitCounts($0.keptCounts))
      }
    } else {
      for (place, tally) in tallies.enumerated() {
        part.layers[place].exampleCount += tally.exampleCount
        for (unit, count) in tally.keptCounts.enumerated() {
          part.layers[place].keptCounts.values[unit] &+= count
        }
      }
    }
    parts[parts.count - 1] = part
    if layers.map(\.name) != tallies.map(\.name) {
      layers = tallies.map {
        LayerDetails(name: $0.name, outputSize: $0.outputSize, costs: LayerCosts())
      }
    }
    for (place, tally) in tallies.enumerated() { layers[place].costs += tally.costs }
  }
}
