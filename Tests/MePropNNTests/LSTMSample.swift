// Small random LSTM layers and batches, with their naive counterparts.

import MePropCore
import MePropNN
import _MePropTestSupport

/// One layer of an LSTM, a batch of sentences, and weights that project its output to a loss.
struct LSTMSample {
  let hidden: Int
  let inputSize: Int
  var weights: [LSTMWeights]
  let lengths: [Int]
  let packing: SentencePacking
  /// By sentence in the order given, then by word.
  let inputs: [[[Double]]]
  /// As inputs; numbers of all directions.
  let projections: [[[Double]]]
  /// By direction, then by sentence in the order given.
  var masks: [[[Double]]] = []

  init(
    hidden: Int, inputSize: Int, directions: Int, lengths: [Int], hasMasks: Bool = false,
    seed: UInt64
  ) {
    var random = Philox(seed: seed)
    func vector(_ count: Int, _ scale: Float) -> [Float] {
      (0..<count).map { _ in scale * (2 * random.nextUniform() - 1) }
    }
    self.hidden = hidden
    self.inputSize = inputSize
    self.lengths = lengths
    packing = SentencePacking(lengths: lengths)
    weights = (0..<directions).map { _ in
      LSTMWeights(
        unpaddedInputWeight: Matrix(
          rowCount: 4 * hidden, columnCount: inputSize,
          elements: vector(4 * hidden * inputSize, 0.9)),
        recurrentWeight: Matrix(
          rowCount: 4 * hidden, columnCount: hidden,
          elements: vector(4 * hidden * hidden, 1.5 / Float(hidden).squareRoot())),
        bias: Matrix(rowCount: 1, columnCount: 4 * hidden, elements: vector(4 * hidden, 0.5)))
    }
    inputs = lengths.map { length in (0..<length).map { _ in vector(inputSize, 1).map(Double.init) }
    }
    projections = lengths.map { length in
      (0..<length).map { _ in vector(hidden * directions, 1).map(Double.init) }
    }
    if hasMasks {
      masks = (0..<directions).map { _ in
        lengths.map { _ in
          (0..<hidden).map { _ in random.nextUniform() < 0.4 ? 0 : Double(Self.maskFactor) }
        }
      }
    }
  }

  /// The position of a word of a sentence in the order given.
  func position(_ sentence: Int, _ word: Int) -> Int {
    let sorted = packing.order.firstIndex(of: sentence) ?? 0
    return packing.position(ofWord: word, inSorted: sorted)
  }

  func packed(_ values: [[[Double]]], columns: Int, _ column: (Int) -> Int) -> Matrix {
    var matrix = Matrix(rowCount: packing.positionCount, columnCount: columns)
    for (sentence, words) in values.enumerated() {
      for (word, numbers) in words.enumerated() {
        for (index, number) in numbers.enumerated() {
          matrix[position(sentence, word), column(index)] = Float(number)
        }
      }
    }
    return matrix
  }

  var padded: Int { LSTMWeights.paddedSize(hidden) }
  func outputColumn(_ index: Int) -> Int { index / hidden * padded + index % hidden }
  var input: Matrix { packed(inputs, columns: inputSize) { $0 } }
  var outputGradient: Matrix {
    packed(projections, columns: weights.count * padded, outputColumn)
  }
  var maskMatrices: [Matrix] {
    masks.map { masks in
      Matrix(packing.order.map { masks[$0].map(Float.init) })
    }
  }

  func naive(_ direction: Int, sentence: Int) -> NaiveLSTM {
    func rows(_ matrix: Matrix) -> [[Double]] {
      let plain = weights[direction].removingPadding(matrix)
      return (0..<plain.rowCount).map { row in plain.withRow(row) { $0.map(Double.init) } }
    }
    return NaiveLSTM(
      inputWeight: rows(weights[direction].inputWeight),
      recurrentWeight: rows(weights[direction].recurrentWeight),
      bias: weights[direction].removingPadding(ofRow: weights[direction].bias).map(Double.init),
      isReversed: direction == 1, mask: masks.isEmpty ? nil : masks[direction][sentence])
  }

  /// What a forward pass computes, with rounded weights, inputs and states if it is one of eight bits.
  func trace(_ direction: Int, sentence: Int, precision: LSTMPrecision) -> NaiveLSTM.Trace {
    var naive = naive(direction, sentence: sentence)
    guard precision == .int8 else { return naive.forward(inputs[sentence]) }
    naive.inputWeight = naive.inputWeight.map(roundedToEightBits)
    naive.recurrentWeight = naive.recurrentWeight.map(roundedToEightBits)
    naive.stateStep = Double(largestFactor) / 127
    return naive.forward(inputs[sentence].map(roundedToEightBits))
  }

  /// The largest factor of masks, or 1.
  var largestFactor: Float { masks.isEmpty ? 1 : Self.maskFactor }
  private static let maskFactor: Float = 1.5

  /// The part of a projection that belongs to a direction.
  func projection(_ direction: Int, sentence: Int) -> [[Double]] {
    projections[sentence].map { Array($0[(direction * hidden)..<((direction + 1) * hidden)]) }
  }
}

/// `row` as whole multiples of its largest magnitude over 127.
func roundedToEightBits(_ row: [Double]) -> [Double] {
  // In single precision as the kernels are, so that halves round to the same side.
  let largest = row.map { Float(abs($0)) }.max() ?? 0
  guard largest > 0 else { return row }
  return row.map {
    Double(largest / 127) * Double((Float($0) * (127 / largest)).rounded(.toNearestOrEven))
  }
}

/// The largest |a − b| − tolerance · max(1, |a|, |b|), or infinity where counts differ or one is NaN.
func excess(_ a: [Double], _ b: [Double], tolerance: Double) -> Double {
  guard a.count == b.count else { return .infinity }
  var worst = -Double.infinity
  for (x, y) in zip(a, b) {
    let difference = abs(x - y) - tolerance * max(1, abs(x), abs(y))
    worst = max(worst, difference.isNaN ? .infinity : difference)
  }
  return worst
}
