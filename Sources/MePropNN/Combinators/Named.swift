import MePropCore

/// A layer with a name in the paths of its parameters, where it would have a number or none.
///
/// `Linear(500, 10, using: &random).named("output")` has `output.weight`, wherever in a ``Chain``
/// it is.
public struct Named<Inner: Layer>: Layer {
  /// The name.
  public let name: String
  /// The layer.
  public var inner: Inner

  /// Names a layer.
  public init(_ name: String, _ inner: Inner) {
    self.name = name
    self.inner = inner
  }

  /// The layer's.
  public var outputSize: Int { inner.outputSize }
  /// The layer's.
  public var description: String { inner.description }
  /// Has its own name.
  public var isNamed: Bool { true }
  /// The layer's.
  public func makeScratch() -> Inner.Scratch { inner.makeScratch() }
  /// The layer's.
  public func reader(_ scratch: Inner.Scratch) -> InputReader? { inner.reader(scratch) }

  /// What the layer computes.
  public func forward(
    _ x: Inner.Input, into y: inout Matrix, _ scratch: inout Inner.Scratch, _ step: inout Step
  ) {
    inner.forward(x, into: &y, &scratch, &step)
  }

  /// What the layer does.
  public mutating func backward(
    _ x: Inner.Input, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Inner.Scratch, _ step: inout Step
  ) throws {
    try inner.backward(x, y, &dy, into: &dx, &scratch, &step)
  }

  /// The layer, by its name.
  public mutating func visit(_ visitor: inout some LayerVisitor) { visitor.visit(name, &inner) }
  /// The layer's, by its name.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units { map.map(name, inner, x) }
  /// The layer's is.
  public mutating func makeOutputDense() { inner.makeOutputDense() }
}

extension Named: Equatable where Inner: Equatable {}

extension Layer {
  /// The layer with a name in the paths of its parameters.
  public func named(_ name: String) -> Named<Self> { Named(name, self) }
}
