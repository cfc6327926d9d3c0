/// The parameters of one direction of an LSTM layer (Hochreiter and Schmidhuber, 1997, with forget
/// gates; the equations are those of PyTorch's `LSTM`).
///
///     i = σ(Wᵢ x + Uᵢ h + bᵢ)    f = σ(W_f x + U_f h + b_f)    o = σ(Wₒ x + Uₒ h + bₒ)
///     g = tanh(W_g x + U_g h + b_g)      c ← f c + i g      h ← o tanh(c)
///
/// Gates are in the order i, f, g, o. Each has `hiddenSize` rows and is padded with rows of zeros to
/// ``paddedSize``, a multiple of 16, so that kernels can work on whole cache lines of every gate.
public struct LSTMWeights: Sendable, Equatable {
  /// W, shape `[4 · paddedSize, inputSize]`.
  public var inputWeight: Matrix
  /// U, shape `[4 · paddedSize, hiddenSize]`.
  public var recurrentWeight: Matrix
  /// b, shape `[1, 4 · paddedSize]`.
  public var bias: Matrix
  /// The number of units.
  public let hiddenSize: Int

  /// Creates parameters of zeros.
  public init(inputSize: Int, hiddenSize: Int) {
    precondition(
      inputSize >= 1 && hiddenSize >= 1,
      "LSTMWeights: \(inputSize) inputs and \(hiddenSize) units, expected 1 or more")
    self.hiddenSize = hiddenSize
    let rows = 4 * Self.paddedSize(hiddenSize)
    inputWeight = Matrix(rowCount: rows, columnCount: inputSize)
    recurrentWeight = Matrix(rowCount: rows, columnCount: hiddenSize)
    bias = Matrix(rowCount: 1, columnCount: rows)
  }

  /// Creates parameters from matrices without padding.
  ///
  /// - Parameters:
  ///   - inputWeight: Shape `[4 · hiddenSize, inputSize]`, gates in the order i, f, g, o.
  ///   - recurrentWeight: Shape `[4 · hiddenSize, hiddenSize]`.
  ///   - bias: Shape `[1, 4 · hiddenSize]`; PyTorch's two biases added up.
  public init(unpaddedInputWeight inputWeight: Matrix, recurrentWeight: Matrix, bias: Matrix) {
    let hidden = recurrentWeight.columnCount
    precondition(
      recurrentWeight.rowCount == 4 * hidden && inputWeight.rowCount == 4 * hidden
        && bias.rowCount == 1 && bias.columnCount == 4 * hidden,
      "LSTMWeights: shapes are \(inputWeight.shape), \(recurrentWeight.shape) and \(bias.shape), "
        + "expected [\(4 * hidden), *], [\(4 * hidden), \(hidden)] and [1, \(4 * hidden)]")
    self.init(inputSize: inputWeight.columnCount, hiddenSize: hidden)
    for row in 0..<(4 * hidden) {
      let padded = paddedRow(row)
      self.inputWeight.copyRow(padded, from: inputWeight, row: row)
      self.recurrentWeight.copyRow(padded, from: recurrentWeight, row: row)
      self.bias[0, padded] = bias[0, row]
    }
  }

  /// The number of inputs.
  public var inputSize: Int { inputWeight.columnCount }
  /// The number of rows of each gate, zeros included.
  public var paddedSize: Int { Self.paddedSize(hiddenSize) }

  /// `hiddenSize` rounded up to a multiple of 16.
  public static func paddedSize(_ hiddenSize: Int) -> Int { (hiddenSize + 15) / 16 * 16 }

  /// The row, padding included, of row `row` of a matrix without padding.
  public func paddedRow(_ row: Int) -> Int { row / hiddenSize * paddedSize + row % hiddenSize }

  /// `matrix` (shape `[4 · paddedSize, *]`) without its rows of padding.
  public func removingPadding(_ matrix: Matrix) -> Matrix {
    precondition(
      matrix.rowCount == 4 * paddedSize,
      "LSTMWeights: shape is \(matrix.shape), expected [\(4 * paddedSize), *]")
    var result = Matrix(rowCount: 4 * hiddenSize, columnCount: matrix.columnCount)
    for row in 0..<(4 * hiddenSize) { result.copyRow(row, from: matrix, row: paddedRow(row)) }
    return result
  }

  /// The bias, or another row of `4 · paddedSize` numbers, without padding: `4 · hiddenSize` numbers.
  public func removingPadding(ofRow matrix: Matrix) -> [Float] {
    (0..<(4 * hiddenSize)).map { matrix[0, paddedRow($0)] }
  }
}

extension Matrix {
  /// Makes row `row` equal to a row of another matrix of as many columns.
  package mutating func copyRow(_ row: Int, from other: Matrix, row otherRow: Int) {
    precondition(
      columnCount == other.columnCount, "Matrix.copyRow: \(other.shape) into \(shape)")
    withMutableRow(row) { target in
      other.withRow(otherRow) { _ = target.update(fromContentsOf: $0) }
    }
  }
}
