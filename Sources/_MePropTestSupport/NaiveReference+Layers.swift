import MePropCore

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

extension NaiveReference {
  // MARK: Activations

  /// The activation of one pre-activation.
  public static func activate(_ value: Double, _ activation: Activation) -> Double {
    switch activation {
    case .identity: value
    case .relu: max(value, 0)
    case .tanh: tanh(value)
    case .sigmoid: 1 / (1 + exp(-value))
    }
  }

  /// The derivative at a pre-activation; 0 for ReLU at 0.
  public static func derivative(at value: Double, _ activation: Activation) -> Double {
    switch activation {
    case .identity: return 1
    case .relu: return value > 0 ? 1 : 0
    case .tanh: return 1 - tanh(value) * tanh(value)
    case .sigmoid:
      let y = 1 / (1 + exp(-value))
      return y * (1 - y)
    }
  }

  // MARK: Dropout

  /// What each entry of a layer's output is multiplied by under `dropout`: 0 or 1 / (1 − rate),
  /// shape `[rowCount, columnCount]`.
  ///
  /// Entry (row, c) takes word (c mod 64) / 16 of counter block ⌊c / 64⌋ · 16 + c mod 16,
  /// whose upper half is the row, and stays where that is at least rate · 2³².
  public static func dropoutFactors(
    _ dropout: Dropout, rowCount: Int, columnCount: Int
  ) -> DoubleMatrix {
    var factors = DoubleMatrix(rowCount: rowCount, columnCount: columnCount)
    let threshold = UInt32(min(Double(dropout.rate) * 0x1p32, 0xFFFF_FFFF))
    for row in 0..<rowCount {
      for c in 0..<columnCount {
        let block = UInt64(row) << 32 | UInt64(c / 64 * 16 + c % 16)
        let words = Philox.words(seed: dropout.seed, stream: dropout.stream, block: block)
        let bits = [words.0, words.1, words.2, words.3][c % 64 / 16]
        factors[row, c] = bits >= threshold ? 1 / (1 - Double(dropout.rate)) : 0
      }
    }
    return factors
  }

  /// The numbers in 0 ..< 1 that threshold sampling compares the entries of a row with.
  public static func sampleNumbers(
    seed: UInt64, stream: UInt64, row: Int, first: Int = 0, count: Int
  ) -> [Double] {
    let slopes: [UInt32] = [
      0x9E37_79B9, 0x6A09_E667, 0xBB67_AE85, 0xA54F_F53A, 0x61C8_8647, 0x95F6_1999, 0x4498_517B,
      0x5AB0_0AC6,
    ]
    let words = Philox.words(seed: seed, stream: stream, block: UInt64(row) << 32 | UInt64(first))
    let slope = slopes[Int(words.1 % 8)]
    return (0..<count).map { Double((words.0 &+ UInt32($0) &* slope) >> 8) * 0x1p-24 }
  }

  // MARK: Softmax and loss

  /// Softmax of one row of logits.
  public static func softmax(_ logits: [Double]) -> [Double] {
    let largest = logits.max() ?? 0
    let powers = logits.map { exp($0 - largest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }

  /// −log softmax(logits)[label].
  public static func crossEntropy(_ logits: [Double], label: Int) -> Double {
    let largest = logits.max() ?? 0
    let sum = logits.reduce(0) { $0 + exp($1 - largest) }
    return largest + log(sum) - logits[label]
  }

  /// The gradient of the mean cross-entropy of a batch with respect to its logits.
  public static func crossEntropyGradient(_ logits: DoubleMatrix, labels: [Int32]) -> DoubleMatrix {
    var gradient = DoubleMatrix(rowCount: logits.rowCount, columnCount: logits.columnCount)
    for example in 0..<logits.rowCount {
      let probabilities = softmax(logits.row(example))
      for column in 0..<logits.columnCount {
        let wanted = Int(labels[example]) == column ? 1.0 : 0.0
        gradient[example, column] = (probabilities[column] - wanted) / Double(logits.rowCount)
      }
    }
    return gradient
  }
}
