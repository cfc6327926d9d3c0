import MePropCore

/// Which random sequences a place in a model draws from: sequence `stride · step + offset` in a
/// step.
public struct RandomSite: Sendable, Equatable {
  /// Different for all places with the same stride.
  public var offset: Int
  /// The number of sequences that all places take in a step.
  public var stride: Int

  /// Creates a site.
  public init(offset: Int, stride: Int) {
    self.offset = offset
    self.stride = stride
  }

  /// The sequence in a step; each shard of a batch has one of its own, the first that of a batch
  /// that is not cut.
  func stream(_ purpose: RandomPurpose, in step: Step) -> UInt64 {
    purpose.stream(step.number * stride + offset) | UInt64(step.shard) << Self.shardBit
  }

  /// Where the number of a shard stands in a sequence's: above those of all steps and sites.
  private static let shardBit: UInt64 = 44
}

/// The share of a layer's outputs that are dropped in training, and where its random numbers are
/// from.
public struct DropoutRate: Sendable, Equatable {
  /// The probability that an output is dropped, 0 or more and below 1.
  public let rate: Float
  /// Where random numbers are from; `nil`: the trainer numbers all places of a model.
  public var site: RandomSite?

  /// Creates a rate.
  public init(_ rate: Float, site: RandomSite? = nil) {
    precondition(rate >= 0 && rate < 1, "dropout is \(rate), expected 0 or more and below 1")
    self.rate = rate
    self.site = site
  }

  /// What is dropped in a step: nothing outside of training.
  public func dropout(in step: Step) -> Dropout {
    guard rate > 0, step.isTraining else { return .none }
    let site = site ?? RandomSite(offset: 0, stride: 1)
    return Dropout(
      rate: rate, seed: step.seed, stream: site.stream(.dropout, in: step))
  }
}
