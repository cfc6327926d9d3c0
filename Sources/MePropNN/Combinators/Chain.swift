import MePropCore

/// One layer after another: `y = second(first(x))`.
///
/// A result builder writes it, so that a network reads from its input to its output:
///
/// ```swift
/// let network = Chain {
///   Linear(784, 500, activation: .relu, using: &random)
///   Residual { Linear(500, 500, activation: .relu, using: &random) }
///   Linear(500, 10, using: &random)
/// }
/// ```
///
/// The layers of one builder are numbered from 0 in the paths of their parameters, `0.weight` for
/// example. The chain owns the matrices between its layers.
public struct Chain<First: Layer, Second: Layer>: Layer where Second.Input == Matrix {
  /// The layer that reads the input.
  public var first: First
  /// The layer that gives the output.
  public var second: Second
  /// The number of `second` in the path, where `first` is the chain of all before it.
  private let place: Int
  private let continuesFirst: Bool

  /// Creates a chain of the layers that a builder lists.
  public init(@ChainBuilder _ build: () -> Chain) { self = build() }

  init(_ first: First, _ second: Second, place: Int = 1, continuesFirst: Bool = false) {
    self.first = first
    self.second = second
    self.place = place
    self.continuesFirst = continuesFirst
  }

  fileprivate func appending<Next: Layer>(_ next: Next) -> Chain<Chain, Next> {
    Chain<Chain, Next>(self, next, place: place + 1, continuesFirst: true)
  }

  /// The numbers a row of the output.
  public var outputSize: Int { second.outputSize }
  /// The layers from first to last, separated by arrows.
  public var description: String { "\(first) → \(second)" }

  /// The memory of both layers and the edge between them.
  public struct Scratch {
    var first: First.Scratch
    var second: Second.Scratch
    let edge: Edge
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      first: first.makeScratch(), second: second.makeScratch(),
      edge: Edge(columnCount: first.outputSize))
  }

  /// The first layer's.
  public func reader(_ scratch: Scratch) -> InputReader? { first.reader(scratch.first) }

  /// Computes one layer after the other.
  public func forward(
    _ x: First.Input, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    let reader = step.reader
    step.reader = second.reader(scratch.second)
    first.forward(x, into: &scratch.edge.output, &scratch.first, &step)
    step.reader = reader
    second.forward(scratch.edge.output, into: &y, &scratch.second, &step)
  }

  /// Goes back through the second layer, then through the first.
  public mutating func backward(
    _ x: First.Input, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let edge = scratch.edge
    try second.backward(edge.output, y, &dy, into: &edge.gradient, &scratch.second, &step)
    step.deliver(&second)
    try first.backward(
      x, edge.output, &edge.gradient.values, into: &dx, &scratch.first, &step)
  }

  /// Both layers, by their numbers.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    if continuesFirst {
      first.visit(&visitor)
    } else {
      visitor.visit(0, &first)
    }
    visitor.visit(place, &second)
  }

  /// The units after the first layer are those before the second.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    let middle = continuesFirst ? first.mapUnits(x, &map) : map.map(0, first, x)
    return map.map(place, second, middle)
  }

  /// The second layer's is.
  public mutating func makeOutputDense() { second.makeOutputDense() }
}

extension Chain: Equatable where First: Equatable, Second: Equatable {}

/// Makes a ``Chain`` of the layers that it lists.
@resultBuilder
public enum ChainBuilder {
  /// The first layer.
  public static func buildPartialBlock<First: Layer>(first: First) -> First { first }

  /// A second one after it.
  public static func buildPartialBlock<First: Layer, Second: Layer>(
    accumulated: First, next: Second
  ) -> Chain<First, Second> { Chain(accumulated, next) }

  /// One more after those before.
  public static func buildPartialBlock<A: Layer, B: Layer, Next: Layer>(
    accumulated: Chain<A, B>, next: Next
  ) -> Chain<Chain<A, B>, Next> { accumulated.appending(next) }
}
