import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How the learning rate falls over a run.
public enum LearningRateSchedule: String, Sendable, CaseIterable {
  /// It stays as it is.
  case constant
  /// It falls to zero in a straight line over the whole run.
  case linear
  /// It falls to zero as half a cosine wave does (Loshchilov and Hutter, 2017).
  case cosine

  /// The factor of the learning rate at `progress`, the share of the run's steps that are done, 0
  /// ..< 1.
  public func factor(progress: Double) -> Float {
    switch self {
    case .constant: 1
    case .linear: Float(max(0, 1 - progress))
    case .cosine: Float(0.5 * (1 + cos(Double.pi * min(1, max(0, progress)))))
    }
  }
}
