/// Which easy examples an epoch leaves out (InfoBatch; Qin et al., 2024, arXiv 2303.04947).
///
/// An example is easy whose loss was below ``loss`` when it was last trained on. Each epoch but the
/// first leaves an easy one out with probability ``share``, drawn anew; the others among the easy
/// ones weigh 1 / (1 - share), so that the gradient that is expected is that of all examples.
public struct ExamplePruning: Sendable, Equatable {
  /// The share of easy examples that are left out, at least 0 and below 1.
  public var share: Double
  /// Examples of a smaller loss, in nats, are easy.
  public var loss: Float

  /// Creates a rule.
  public init(share: Double, loss: Float) {
    precondition(
      share >= 0 && share < 1 && loss >= 0,
      "ExamplePruning: share is \(share), expected 0 ..< 1; loss is \(loss), expected 0 or more")
    self.share = share
    self.loss = loss
  }
}
