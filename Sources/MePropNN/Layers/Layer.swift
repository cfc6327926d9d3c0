import MePropCore

/// A part of a network that knows its own two passes, and nothing of what is before or after it.
///
/// Forward computes `y` from `x`; backward turns `dy`, the gradient of the loss with respect to
/// `y`, into that with respect to `x` and updates the layer's parameters as it goes, so that a
/// gradient row is applied while it is in registers. A combinator (``Chain``, ``Stack``,
/// ``Residual``, ``Parallel``) owns the matrices between layers.
///
/// Rows of matrices are examples, or the words of all sentences: which word is which is
/// ``Step/packing``, the same for all layers, so layers that do not care need not know.
///
/// Layers are values. What a pass leaves for the next is in `Scratch`, made once and kept; no step
/// takes memory once shapes are known.
public protocol Layer: Sendable, CustomStringConvertible {
  /// What the layer reads: a `Matrix`, ``Symbols``, or something of a task's own.
  associatedtype Input
  /// What forward leaves for backward, and memory that is used again.
  associatedtype Scratch

  /// The numbers a row of the output.
  var outputSize: Int { get }
  /// How many of them are no padding.
  var unpaddedOutputSize: Int { get }
  /// Whether the layer names itself in paths, so that combinators give it no number.
  var isNamed: Bool { get }
  /// The multiply-adds of the forward products, for a row of the input; of layers that are made of
  /// others 0.
  var multiplyAdds: Int { get }
  /// Makes memory for passes; each trainer and predictor has its own.
  func makeScratch() -> Scratch

  /// Computes the output.
  ///
  /// - Parameters:
  ///   - x: The input.
  ///   - y: Takes the output, `outputSize` columns; the layer sets its number of rows.
  ///   - scratch: Of this layer.
  ///   - step: Where and in which step, and whether for training.
  func forward(
    _ x: Input, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step)

  /// Computes the gradient at the input, and updates parameters or stores their gradients.
  ///
  /// - Parameters:
  ///   - x: The input of the forward pass.
  ///   - y: The output of the forward pass.
  ///   - dy: The gradient at the output, of the shape of `y`; may be overwritten.
  ///   - dx: Takes the gradient at the input, overwritten, if anybody needs it.
  ///   - scratch: As forward left it.
  ///   - step: As in the forward pass.
  /// - Throws: ``NonFiniteError``.
  mutating func backward(
    _ x: Input, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step) throws

  /// Names all parts of the layer to a visitor, always in the same order.
  mutating func visit(_ visitor: inout some LayerVisitor)

  /// Makes layers whose output is the model's dense where nothing else was asked for, as in the
  /// authors' code.
  mutating func makeOutputDense()

  /// What the layer's input may be prepared for by the layer before it; `nil`: nothing.
  func reader(_ scratch: Scratch) -> InputReader?

  /// Says which rows and columns of its parameters belong to which unit, for ``UnitMap``.
  ///
  /// - Parameters:
  ///   - x: What the columns of the input belong to.
  ///   - map: Is told of parameters, selectors and widths, under their names.
  /// - Returns: What the columns of the output belong to.
  func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units
}

extension Layer {
  /// It does not.
  public var isNamed: Bool { false }
  /// None.
  public var multiplyAdds: Int { 0 }
  /// All.
  public var unpaddedOutputSize: Int { outputSize }
  /// Does nothing.
  public mutating func makeOutputDense() {}
  /// Nothing.
  public func reader(_ scratch: Scratch) -> InputReader? { nil }
}

/// The gradient at a layer's input: where it goes, and whether anybody needs it.
public struct InputGradient: Sendable {
  /// The gradient, of the shape of the input; the layer sets its number of rows.
  public var values: Matrix
  /// Whether it is to be computed; if not, ``values`` are left alone.
  public let isNeeded: Bool

  /// Creates room for a gradient with `columnCount` columns.
  public init(columnCount: Int) {
    values = Matrix(rowCount: 0, columnCount: columnCount)
    isNeeded = true
  }

  private init() {
    values = Matrix(rowCount: 0, columnCount: 0)
    isNeeded = false
  }

  /// Nobody needs it: there is nothing to be trained below.
  public static let none = InputGradient()
}

/// The product that reads a layer's output next, for which it can be prepared while it is in cache.
public struct InputReader {
  package let product: ForwardProduct
  package init(_ product: ForwardProduct) { self.product = product }
}

/// The matrices between two layers: what the first computed, and the gradient there.
///
/// A reference, so that reading one edge and writing the next do not overlap.
public final class Edge {
  /// The output of the layer before.
  public internal(set) var output: Matrix
  /// The gradient at that output.
  public internal(set) var gradient: InputGradient

  /// Creates the edge after a layer of `columnCount` outputs.
  init(columnCount: Int) {
    output = Matrix(rowCount: 0, columnCount: columnCount)
    gradient = InputGradient(columnCount: columnCount)
  }
}
