import MePropCore

/// The mean over the words of each sentence: from one row a word to one row a sentence.
///
/// Rows of the output are in the order in which the sentences were given. Layers after it see one
/// row an example.
public struct MeanPool: Layer, Equatable {
  /// The numbers a row.
  public private(set) var outputSize: Int

  /// Creates a layer on rows of `size` numbers.
  public init(_ size: Int) { outputSize = size }

  /// For example `MeanPool(600)`.
  public var description: String { "MeanPool(\(outputSize))" }

  /// Makes no memory.
  public func makeScratch() {}

  /// `y[s] = Σ x[p] / length` over the positions p of sentence s; shapes
  /// `[positions, outputSize]`, `[sentences, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Void, _ step: inout Step
  ) {
    let packing = packing(step, rowCount: x.rowCount)
    y.setRowCount(packing.sentenceCount)
    y.setToZero()
    for sorted in 0..<packing.sentenceCount {
      let factor = 1 / Float(packing.lengths[sorted])
      y.withMutableRow(packing.order[sorted]) { sum in
        for word in 0..<packing.lengths[sorted] {
          x.withRow(packing.position(ofWord: word, inSorted: sorted)) { values in
            for column in sum.indices { sum[column] += values[column] }
          }
        }
        for column in sum.indices { sum[column] *= factor }
      }
    }
  }

  /// `dx[p] = dy[s] / length` for each position p of sentence s.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Void, _ step: inout Step
  ) throws {
    guard dx.isNeeded else { return }
    let packing = packing(step, rowCount: x.rowCount)
    dx.values.setRowCount(x.rowCount)
    for sorted in 0..<packing.sentenceCount {
      let factor = 1 / Float(packing.lengths[sorted])
      dy.withRow(packing.order[sorted]) { gradient in
        for word in 0..<packing.lengths[sorted] {
          dx.values.withMutableRow(packing.position(ofWord: word, inSorted: sorted)) { target in
            for column in target.indices { target[column] = factor * gradient[column] }
          }
        }
      }
    }
  }

  private func packing(_ step: Step, rowCount: Int) -> PackedSequence {
    guard let packing = step.packing, packing.positionCount == rowCount else {
      preconditionFailure(
        "\(self): input has \(rowCount) rows, expected one a word of packed sentences "
          + "(\(step.packing.map { "\($0.positionCount)" } ?? "none here"))")
    }
    return packing
  }

  /// Has a width alone.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit(width: &outputSize)
  }

  /// The units before are those after.
  public func mapUnits(_ x: Units, _ map: inout UnitMap) -> Units {
    map.setWidth(x.ofInput(outputSize))
    return x.ofInput(outputSize)
  }
}
