import MePropCore

/// A batch, or the part of one that a shard takes.
public struct TrainingBatch<Input, Targets> {
  /// What the model reads.
  public var input: Input
  /// What its outputs should be, one a row.
  public var targets: Targets
  /// The weight of each row, 0 or more; empty: all 1.
  public var weights: [Float]
  /// Which row is which word, for a model that takes a matrix of words.
  public var packing: PackedSequence?

  /// Creates a batch.
  public init(
    _ input: Input, _ targets: Targets, weights: [Float] = [], packing: PackedSequence? = nil
  ) {
    self.input = input
    self.targets = targets
    self.weights = weights
    self.packing = packing
  }
}
