import MePropCore

/// Two layers on one input, their outputs side by side: the heads of a network with two tasks.
///
/// Columns `0 ..< first.outputSize` are the first layer's. Three heads are a head beside two. A
/// ``PairLoss`` gives each its loss.
public struct Parallel<First: Layer, Second: Layer>: Layer
where First.Input == Matrix, Second.Input == Matrix {
  /// The layer of the first columns.
  public var first: First
  /// The layer of the other columns.
  public var second: Second

  /// Creates two layers side by side.
  public init(_ first: First, _ second: Second) {
    self.first = first
    self.second = second
  }

  /// The numbers a row of both outputs.
  public var outputSize: Int { first.outputSize + second.outputSize }
  /// For example `Parallel(Linear(64 → 10), Linear(64 → 1))`.
  public var description: String { "Parallel(\(first), \(second))" }

  /// The memory of both layers, their outputs and gradients.
  public struct Scratch {
    var first: First.Scratch
    var second: Second.Scratch
    let edges: (Edge, Edge)
    var gradient: InputGradient
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      first: first.makeScratch(), second: second.makeScratch(),
      edges: (Edge(columnCount: first.outputSize), Edge(columnCount: second.outputSize)),
      gradient: InputGradient(columnCount: 0))
  }

  /// Computes both; they must give as many rows.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    step.reader = nil
    let (a, b) = scratch.edges
    first.forward(x, into: &a.output, &scratch.first, &step)
    second.forward(x, into: &b.output, &scratch.second, &step)
    precondition(
      a.output.rowCount == b.output.rowCount,
      "\(self): the layers give \(a.output.rowCount) and \(b.output.rowCount) rows, expected as "
        + "many")
    y.setRowCount(a.output.rowCount)
    y.copyColumns(of: a.output, to: 0)
    y.copyColumns(of: b.output, to: first.outputSize)
  }

  /// `dx` is the sum of what comes back through both.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    let (a, b) = scratch.edges
    a.gradient.values.setRowCount(dy.rowCount)
    a.gradient.values.copyColumns(of: dy, from: 0)
    b.gradient.values.setRowCount(dy.rowCount)
    b.gradient.values.copyColumns(of: dy, from: first.outputSize)
    try first.backward(
      x, a.output, &a.gradient.values, into: &dx, &scratch.first, &step)
    guard dx.isNeeded else {
      return try second.backward(
        x, b.output, &b.gradient.values, into: &dx, &scratch.second, &step)
    }
    if scratch.gradient.values.columnCount != dx.values.columnCount {
      scratch.gradient = InputGradient(columnCount: dx.values.columnCount)
    }
    try second.backward(
      x, b.output, &b.gradient.values, into: &scratch.gradient, &scratch.second, &step)
    dx.values.add(scratch.gradient.values)
  }

  /// `first` and `second`.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("first", &first)
    visitor.visit("second", &second)
  }

  /// Both read the units before; theirs are side by side.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    let one = map.map("first", first, x)
    return one + map.map("second", second, x)
  }

  /// Both are.
  public mutating func makeOutputDense() {
    first.makeOutputDense()
    second.makeOutputDense()
  }
}

extension Parallel: Equatable where First: Equatable, Second: Equatable {}
