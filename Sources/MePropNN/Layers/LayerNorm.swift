import MePropCore

/// Layer normalization (Ba, Kiros and Hinton, 2016): `y = g ⊙ (x − μ) / √(σ² + ε) + b`,
/// row by row.
///
/// μ and σ² are mean and variance (of all, not of all but one) of a row. Sums are in double
/// precision.
public struct LayerNorm: Layer, Equatable {
  /// g, shape `[1, outputSize]`; ones at first.
  public var gain: Parameter
  /// b, shape `[1, outputSize]`; zeros at first.
  public var bias: Parameter
  /// ε, above 0.
  public let epsilon: Float

  /// Creates a layer on rows of `size` numbers.
  public init(_ size: Int, epsilon: Float = 1e-5) {
    precondition(
      size >= 1 && epsilon > 0, "LayerNorm(\(size)): epsilon is \(epsilon), expected above 0")
    gain = Parameter(
      Matrix(rowCount: 1, columnCount: size, elements: Array(repeating: 1, count: size)),
      decays: false)
    bias = Parameter(Matrix(rowCount: 1, columnCount: size), decays: false)
    self.epsilon = epsilon
  }

  /// The numbers a row.
  public var outputSize: Int { gain.columnCount }
  /// For example `LayerNorm(500)`.
  public var description: String { "LayerNorm(\(outputSize))" }

  /// The normalized input, 1 / √(σ² + ε) of each row, and gradients of the parameters.
  public struct Scratch {
    var normalized: Matrix
    var scales: [Float] = []
    var gainGradient: Matrix
    var biasGradient: Matrix
  }

  /// Makes empty memory.
  public func makeScratch() -> Scratch {
    Scratch(
      normalized: Matrix(rowCount: 0, columnCount: outputSize),
      gainGradient: Matrix(rowCount: 1, columnCount: outputSize),
      biasGradient: Matrix(rowCount: 1, columnCount: outputSize))
  }

  /// Normalizes each row; shape `[rows, outputSize]`.
  public func forward(
    _ x: Matrix, into y: inout Matrix, _ scratch: inout Scratch, _ step: inout Step
  ) {
    precondition(
      x.columnCount == outputSize,
      "\(self): input is [\(x.rowCount), \(x.columnCount)], expected [*, \(outputSize)]")
    y.setRowCount(x.rowCount)
    scratch.normalized.setRowCount(x.rowCount)
    if scratch.scales.count < x.rowCount {
      scratch.scales = Array(repeating: 0, count: x.rowCount)
    }
    let count = Double(outputSize)
    for row in 0..<x.rowCount {
      x.withRow(row) { x in
        let mean = x.reduce(0) { $0 + Double($1) } / count
        let variance = x.reduce(0) { $0 + (Double($1) - mean) * (Double($1) - mean) } / count
        let scale = 1 / (variance + Double(epsilon)).squareRoot()
        scratch.scales[row] = Float(scale)
        scratch.normalized.withMutableRow(row) { normalized in
          for column in x.indices { normalized[column] = Float((Double(x[column]) - mean) * scale) }
        }
      }
      scratch.normalized.withRow(row) { normalized in
        gain.value.withRow(0) { gain in
          bias.value.withRow(0) { bias in
            y.withMutableRow(row) { y in
              for column in y.indices {
                y[column] = gain[column] * normalized[column] + bias[column]
              }
            }
          }
        }
      }
    }
  }

  /// With n the normalized input and `h = g ⊙ dy`:
  /// `dx = (h − mean h − n · mean(h ⊙ n)) / √(σ² + ε)`, `dg = Σ dy ⊙ n`,
  /// `db = Σ dy`.
  public mutating func backward(
    _ x: Matrix, _ y: Matrix, _ dy: inout Matrix, into dx: inout InputGradient,
    _ scratch: inout Scratch, _ step: inout Step
  ) throws {
    scratch.gainGradient.setToZero()
    scratch.biasGradient.setToZero()
    if dx.isNeeded { dx.values.setRowCount(dy.rowCount) }
    let count = Double(outputSize)
    for row in 0..<dy.rowCount {
      dy.withRow(row) { dy in
        scratch.normalized.withRow(row) { normalized in
          scratch.gainGradient.withMutableRow(0) { sums in
            for column in dy.indices { sums[column] += dy[column] * normalized[column] }
          }
          scratch.biasGradient.withMutableRow(0) { sums in
            for column in dy.indices { sums[column] += dy[column] }
          }
          guard dx.isNeeded else { return }
          gain.value.withRow(0) { gain in
            var mean = 0.0
            var product = 0.0
            for column in dy.indices {
              let h = Double(gain[column] * dy[column])
              mean += h
              product += h * Double(normalized[column])
            }
            let (m, p) = (Float(mean / count), Float(product / count))
            let scale = scratch.scales[row]
            dx.values.withMutableRow(row) { dx in
              for column in dy.indices {
                dx[column] = scale * (gain[column] * dy[column] - m - normalized[column] * p)
              }
            }
          }
        }
      }
    }
    step.update(&gain, gradient: scratch.gainGradient)
    step.update(&bias, gradient: scratch.biasGradient)
  }

  /// `gain` and `bias`.
  public mutating func visit(_ visitor: inout some LayerVisitor) {
    visitor.visit("gain", &gain)
    visitor.visit("bias", &bias)
  }
}
