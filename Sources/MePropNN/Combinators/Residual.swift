import MePropCore

/// A layer whose input is added to its output (He et al., 2016): `y = x + inner(x)`.
public struct Residual<Inner: Layer>: Layer where Inner.Input == Matrix {
  /// The layer, which gives as many numbers a row as it takes, and as many rows.
  public var inner: Inner

  /// Creates a block around the layers that a builder lists.
  public init(@ChainBuilder _ build: () -> Inner) { inner = build() }

  /// The numbers a row of input and output.
  public var outputSize: Int { inner.outputSize }
  /// For example `Residual(Linear(64 → 64, relu))`.
  public var description: String { "Residual(\(inner))" }

  /// The memory of the layer, its output, and its own copy of the gradient there.
  public struct Scratch {
    var inner: Inner.Scratch
    var output: Matrix
    var gradient: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    let empty = Matrix(rowCount: 0, columnCount: outputSize)
    return Scratch(inner: inner.makeScratch(), output: empty, gradient: empty)
  }

  /// Computes `x + inner(x)`; shape `[rows, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    let reader = step.reader
    step.reader = nil
    inner.forward(x, into: &scratch.output, &scratch.inner, &step)
    step.reader = reader
    precondition(
      scratch.output.rowCount == x.rowCount && scratch.output.columnCount == x.columnCount,
      "\(self): the layer gives [\(scratch.output.rowCount), \(scratch.output.columnCount)] for "
        + "[\(x.rowCount), \(x.columnCount)], expected the same shape")
    y.setRowCount(x.rowCount)
    y.copyRows(of: x)
    y.add(scratch.output)
  }

  /// `dx = dy +` what comes back through the layer.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    scratch.gradient.setRowCount(dy.rowCount)
    scratch.gradient.copyRows(of: dy)
    try inner.backward(
      x, scratch.output, &scratch.gradient, into: &dx, &scratch.inner, &step)
    if dx.isNeeded { dx.values.add(dy) }
  }

  /// The parts of the layer, under its own names.
  public mutating func visit(_ visitor: inout some LayerVisitor) { inner.visit(&visitor) }
  /// Input and output are added up, so that their units are the same.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    let x = x.ofInput(outputSize)
    return map.join(x, inner.mapUnits(x, &map))
  }
  /// The layer's is.
  public mutating func makeOutputDense() { inner.makeOutputDense() }
}

extension Residual: Equatable where Inner: Equatable {}
