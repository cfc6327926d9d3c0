import MePropCore

/// Drops inputs in training: each is 0 with probability `rate`, else divided by `1 − rate`.
///
/// Over sentences it can drop the same numbers at all words of a sentence (variational dropout; Gal
/// and Ghahramani, 2016). Where a layer has dropout of its own, that is faster.
public struct DropoutLayer: Layer, Equatable {
  /// The share that is dropped.
  public var rate: DropoutRate
  /// Whether the same numbers are dropped at all words of a sentence.
  public var isVariational: Bool
  /// The numbers a row.
  public private(set) var outputSize: Int

  /// Creates a layer on rows of `size` numbers.
  public init(_ size: Int, rate: DropoutRate, isVariational: Bool = false) {
    outputSize = size
    self.rate = rate
    self.isVariational = isVariational
  }

  /// For example `Dropout(0.25)`.
  public var description: String { "Dropout(\(rate.rate))" }

  /// Which numbers of each sentence are kept.
  public typealias Scratch = DropMask
  /// Makes empty memory.
  public func makeScratch() -> Scratch { DropMask(size: outputSize) }

  /// Computes `y = dropout(x)`; shape `[rows, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == outputSize,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(outputSize)]")
    y.setRowCount(x.rowCount)
    y.copyRows(of: x)
    scratch.drop(&y, rate, isVariational: isVariational, step)
  }

  /// `dx = dropout(dy)`.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    guard dx.isNeeded else { return }
    scratch.dropGradient(&dy, rate, isVariational: isVariational, step)
    dx.values.setRowCount(dy.rowCount)
    dx.values.copyRows(of: dy)
  }

  /// The rate, and the width.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit(&rate)
    visitor.visit(width: &outputSize)
  }

  /// The units before are those after.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    map.setWidth(x.ofInput(outputSize))
    return x.ofInput(outputSize)
  }
}

/// Drops numbers of a matrix, row by row or alike at all words of a sentence, and the same in
/// backward.
public struct DropMask {
  private var masks: Matrix

  init(size: Int) { masks = Matrix(rowCount: 0, columnCount: size) }

  /// Draws new factors for `count` sentences, one row each.
  static func draw(
    _ factors: inout Matrix, count: Int, _ dropout: Dropout, _ context: ComputeContext
  ) {
    factors.setRowCount(count)
    for row in 0..<count { factors.withMutableRow(row) { $0.update(repeating: 1) } }
    context.activate(&factors, bias: nil, activation: .identity, dropout: dropout)
  }

  /// Drops numbers of `y`, in place.
  mutating func drop(
    _ y: inout Matrix, _ rate: DropoutRate, isVariational: Bool, _ step: Step
  ) {
    let dropout = rate.dropout(in: step)
    guard dropout.rate > 0 else { return }
    if isVariational, let packing = step.packing {
      Self.draw(&masks, count: packing.sentenceCount, dropout, step.context)
    }
    dropGradient(&y, rate, isVariational: isVariational, step)
  }

  /// Takes a gradient back through the last ``drop(_:_:isVariational:_:)``, in place.
  func dropGradient(
    _ gradient: inout Matrix, _ rate: DropoutRate, isVariational: Bool, _ step: Step
  ) {
    let dropout = rate.dropout(in: step)
    guard dropout.rate > 0 else { return }
    if isVariational, let packing = step.packing {
      step.context.multiply(&gradient, bySentenceMasks: masks, packing: packing)
    } else {
      step.context.activate(&gradient, bias: nil, activation: .identity, dropout: dropout)
    }
  }
}
