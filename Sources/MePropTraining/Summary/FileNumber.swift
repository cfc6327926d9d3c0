// Whole numbers in files: what may be added up without a trap.

import Foundation
import MePropNN

/// Limits of numbers that are read from files.
///
/// JSON has numbers of any size. What counts examples and steps here stays far below 2⁴⁰, so
/// that millions of such numbers can be added as `Int`; multiply-adds and bytes stay below 2⁵³,
/// and their
/// sums stop at the largest number. What is larger is damage, and is refused where it is read.
public enum FileNumber {
  /// Counts of things: 0 to 2⁴⁰.
  public static let counts = 0...(1 << 40)
  /// Multiply-adds and bytes: 0 to 2⁵³.
  public static let costs = 0...(1 << 53)
  /// The largest magnitude of figures: seconds, losses, rates.
  public static let largestFigure = 1e15

  /// Whether a figure is finite and of a possible size.
  public static func isFigure(_ value: Double) -> Bool { abs(value) <= largestFigure }

  /// The whole number nearest to a figure, the nearest possible one for others and 0 for NaN: what
  /// shows numbers never traps.
  public static func whole(_ value: Double) -> Int {
    value.isNaN ? 0 : Int(min(max(value.rounded(), -largestFigure), largestFigure))
  }
}

extension EpochRecord {
  /// Whether all counts are such that they can be added up.
  var hasPossibleCounts: Bool {
    FileNumber.counts.contains(epoch) && FileNumber.counts.contains(exampleCount)
      && (cuts ?? []).allSatisfy(\.hasPossibleCounts)
  }
}

extension EpochProgress {
  /// Whether all counts are such that they can be added up.
  var hasPossibleCounts: Bool {
    FileNumber.counts.contains(exampleCount) && FileNumber.counts.contains(layerSteps)
      && FileNumber.counts.contains(bytesSent ?? 0)
      && details?.hasPossibleCounts ?? true && (cuts ?? []).allSatisfy(\.hasPossibleCounts)
  }
}

extension UnitCut {
  /// Whether all counts are such that they can be added up, and each unit has one.
  var hasPossibleCounts: Bool {
    let limits = FileNumber.counts
    return [step, width, exampleCount].allSatisfy(limits.contains) && units.count == counts.count
      && units.allSatisfy(limits.contains) && counts.allSatisfy(FileNumber.isFigure)
  }
}

extension EpochDetails {
  /// Whether all counts are such that they can be added up.
  public var hasPossibleCounts: Bool {
    let counts = FileNumber.counts
    return counts.contains(epoch) && counts.contains(stepsPerEpoch)
      && parts.count <= Self.largestPartCount
      && parts.allSatisfy { part in
        counts.contains(part.endStep) && counts.contains(part.exampleCount)
          && part.layers.allSatisfy { counts.contains($0.exampleCount) }
      }
      && layers.allSatisfy { layer in
        counts.contains(layer.outputSize)
          && [
            layer.costs.forward, layer.costs.weightGradient, layer.costs.inputGradient,
            layer.costs.optimizer,
          ].allSatisfy { phase in
            [phase.multiplyAdds, phase.denseMultiplyAdds, phase.bytes, phase.denseBytes]
              .allSatisfy(FileNumber.costs.contains)
          }
      }
  }
}
