// What the machine can do at best, measured: the yardstick of `limitShare`.

import MePropCore

/// Peak rates of the threads in use.
public struct MachineLimits: Sendable, Equatable {
  /// Multiply-adds per microsecond in a large dense product.
  public var multiplyAdds: Double
  /// Bytes per microsecond that can be read and written back from beyond the second-level cache.
  public var bytes: Double

  /// Creates limits from known peaks.
  package init(multiplyAdds: Double, bytes: Double) {
    self.multiplyAdds = multiplyAdds
    self.bytes = bytes
  }

  /// Measures the peaks, in about half a second.
  public static func measure(context: ComputeContext) -> MachineLimits {
    // A product whose parts stay in the second-level cache; larger ones are slower on some
    // processors.
    let (rows, inner, columns) = (128, 500, 784)
    var random = Philox(seed: 1)
    let a = randomMatrix(rows, inner, &random)
    let b = randomMatrix(inner, columns, &random)
    var c = Matrix(rowCount: rows, columnCount: columns)
    let product = Timing.repeating(seconds: 0.2) { context.multiply(a, by: b, into: &c) }
    // An update by plain gradient descent reads two numbers and writes one.
    let sweptRows = 4_096
    var weights = Matrix(rowCount: sweptRows, columnCount: 1_024)
    let gradient = Matrix(rowCount: sweptRows, columnCount: 1_024)
    var moments = Moments(count: 0, rowCount: sweptRows, columnCount: 1_024)
    let rule = UpdateRule(formula: .gradientDescent, rate: 0.1)
    let sweep = Timing.repeating(seconds: 0.3) {
      context.update(&weights, &moments, by: rule, gradient: gradient)
    }
    return MachineLimits(
      multiplyAdds: Double(rows * inner * columns) / product.microseconds,
      bytes: Double(sweptRows * 1_024 * 12) / sweep.microseconds)
  }

  /// The least time for so many multiply-adds and bytes, in microseconds: the longer of the two.
  func leastMicroseconds(multiplyAdds count: Int, bytes size: Int) -> Double {
    max(Double(count) / multiplyAdds, Double(size) / bytes)
  }
}

/// A matrix of normally distributed numbers.
package func randomMatrix(_ rowCount: Int, _ columnCount: Int, _ random: inout Philox) -> Matrix {
  var matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
  for row in 0..<rowCount {
    matrix.withMutableRow(row) { values in
      for column in values.indices { values[column] = random.nextNormal() }
    }
  }
  return matrix
}

/// A matrix of numbers uniform in `range`.
func uniformMatrix(
  _ rowCount: Int, _ columnCount: Int, in range: Range<Float>, _ random: inout Philox
) -> Matrix {
  var matrix = Matrix(rowCount: rowCount, columnCount: columnCount)
  let width = range.upperBound - range.lowerBound
  for row in 0..<rowCount {
    matrix.withMutableRow(row) { values in
      for column in values.indices {
        values[column] = range.lowerBound + width * random.nextUniform()
      }
    }
  }
  return matrix
}
