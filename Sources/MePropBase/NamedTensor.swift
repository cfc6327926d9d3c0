/// A named array of numbers with its shape, as checkpoints and models store it (row-major).
public struct NamedTensor: Sendable, Equatable {
  /// The dotted name, unique within a file.
  public var name: String
  /// The extents, outermost first; empty for a single number.
  public var shape: [Int]
  /// The numbers, row-major; as many as the product of `shape`.
  public var values: [Float]

  /// Creates a tensor; `values` must have as many entries as `shape` says.
  public init(name: String, shape: [Int], values: [Float]) {
    precondition(
      shape.allSatisfy { $0 >= 0 }
        && (shape.contains(0) ? 0 : shape.reduce(1, *)) == values.count,
      "NamedTensor(\(name)): shape \(shape) does not fit \(values.count) values")
    self.name = name
    self.shape = shape
    self.values = values
  }
}
