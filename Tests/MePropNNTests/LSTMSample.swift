// Small random LSTM layers and batches, with their naive counterparts.

import MePropCore
import MePropNN
import _MePropTestSupport

/// One layer of an LSTM, a batch of sentences, and weights that project its output to a loss.
struct LSTMSample {
  let hidden: Int
  let inputSize: Int
  var layer: LSTM
  let lengths: [Int]
  let packing: PackedSequence
  /// By sentence in the order given, then by word.
  let inputs: [[[Double]]]
  /// As inputs; numbers of all directions.
  let projections: [[[Double]]]
  /// Factors of the states in the first step, by direction, then by sentence in the order given.
  private(set) var masks: [[[Double]]] = []
  /// Factors of the outputs of all directions in the first step, by sentence; empty: none.
  private(set) var outputMasks: [[Double]] = []

  init(
    hidden: Int, inputSize: Int, directions: Int, lengths: [Int], hasMasks: Bool = false,
    precision: Precision = .f32, seed: UInt64
  ) {
    var random = Philox(seed: seed)
    func vector(_ count: Int, _ scale: Float) -> [Float] {
      (0..<count).map { _ in scale * (2 * random.nextUniform() - 1) }
    }
    self.hidden = hidden
    self.inputSize = inputSize
    self.lengths = lengths
    packing = PackedSequence(lengths: lengths)
    layer = LSTM(
      inputSize, hidden, isBidirectional: directions == 2, precision: precision,
      dropout: DropoutRate(hasMasks ? Self.droppedShare : 0), isVariational: hasMasks, seed: 1)
    for index in 0..<directions {
      func set(_ parameter: inout Parameter, _ values: [Float]) {
        parameter.replace(
          with: parameter.matrix(
            of: NamedTensor(name: "", shape: parameter.shape, values: values)))
      }
      set(&layer.directions[index].inputWeight, vector(4 * hidden * inputSize, 0.9))
      set(
        &layer.directions[index].recurrentWeight,
        vector(4 * hidden * hidden, 1.5 / Float(hidden).squareRoot()))
      set(&layer.directions[index].bias, vector(4 * hidden, 0.5))
    }
    inputs = lengths.map { length in (0..<length).map { _ in vector(inputSize, 1).map(Double.init) }
    }
    projections = lengths.map { length in
      (0..<length).map { _ in vector(hidden * directions, 1).map(Double.init) }
    }
    if hasMasks { drawMasks(directions) }
  }

  /// Draws the factors that a trainer of this layer alone draws in its first step: dropout of the
  /// output is the first of the places that do, then come those of the states of each direction.
  private mutating func drawMasks(_ directions: Int) {
    func factors(_ site: Int, _ columnCount: Int) -> [[Double]] {
      let stream = RandomPurpose.dropout.stream((1 + directions) + site)
      let factors = NaiveReference.dropoutFactors(
        Dropout(rate: Self.droppedShare, seed: Self.trainerSeed, stream: stream),
        rowCount: packing.sentenceCount, columnCount: columnCount)
      return lengths.indices.map { factors.row(packing.order.firstIndex(of: $0) ?? 0) }
    }
    masks = (0..<directions).map { factors(1 + $0, hidden) }
    let columns = (0..<(directions * hidden)).map(outputColumn)
    outputMasks = factors(0, directions * padded).map { row in columns.map { row[$0] } }
  }

  private static let droppedShare: Float = 1 / 3
  private static let trainerSeed: UInt64 = 5

  /// A trainer of the layer alone; `forward.bias` is a parameter of it.
  func makeTrainer(
    _ selection: SelectionPolicy,
    optimizer: Optimizer = Optimizer(.gradientDescent(), learningRate: 1),
    context: ComputeContext = ComputeContext()
  ) -> LSTMTrainer {
    LSTMTrainer(
      layer, loss: GivenGradient(), optimizer: optimizer, selection: selection,
      inputColumnCount: inputSize, seed: Self.trainerSeed, context: context)
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

  var padded: Int { (hidden + 15) / 16 * 16 }
  func outputColumn(_ index: Int) -> Int { index / hidden * padded + index % hidden }
  var input: Matrix { packed(inputs, columns: inputSize) { $0 } }
  var outputGradient: Matrix {
    packed(projections, columns: layer.outputSize, outputColumn)
  }

  func naive(_ direction: Int, sentence: Int) -> NaiveLSTM {
    let parameters = layer.directions[direction]
    func rows(_ parameter: Parameter) -> [[Double]] {
      let columns = parameter.shape[1]
      let values = parameter.unpadded.map(Double.init)
      return stride(from: 0, to: values.count, by: columns).map {
        Array(values[$0..<($0 + columns)])
      }
    }
    return NaiveLSTM(
      inputWeight: rows(parameters.inputWeight), recurrentWeight: rows(parameters.recurrentWeight),
      bias: parameters.bias.unpadded.map(Double.init), isReversed: direction == 1,
      mask: masks.isEmpty ? nil : masks[direction][sentence])
  }

  /// What a forward pass computes before outputs are dropped, with weights, inputs and states
  /// rounded as the layer's precision says.
  func trace(_ direction: Int, sentence: Int) -> NaiveLSTM.Trace {
    var naive = naive(direction, sentence: sentence)
    let round: ([Double]) -> [Double]
    switch layer.precision {
    case .f32: return naive.forward(inputs[sentence])
    case .bf16: round = { $0.map(roundedToBF16) }
    case .int8:
      round = roundedToEightBits
      naive.stateStep = (masks.isEmpty ? 1 : 1 / (1 - Double(Self.droppedShare))) / 127
    }
    naive.inputWeight = naive.inputWeight.map(round)
    naive.recurrentWeight = naive.recurrentWeight.map(round)
    return naive.forward(inputs[sentence].map(round))
  }

  /// `numbers` of a direction at a word, times the factors of the outputs there.
  func dropped(_ numbers: [Double], _ direction: Int, sentence: Int) -> [Double] {
    guard !outputMasks.isEmpty else { return numbers }
    return zip(numbers, outputMasks[sentence][(direction * hidden)...]).map { $0 * $1 }
  }

  /// The part of a projection that belongs to a direction.
  func projection(_ direction: Int, sentence: Int) -> [[Double]] {
    projections[sentence].map { Array($0[(direction * hidden)..<((direction + 1) * hidden)]) }
  }
}

/// A trainer of one layer of an LSTM that is given the gradient at its output.
typealias LSTMTrainer = Trainer<LSTM, GivenGradient>

extension Trainer where Model == LSTM, L == GivenGradient {
  /// Does a step on the batch of a sample.
  func train(on sample: LSTMSample) throws {
    try train(sample.input, sample.outputGradient, packing: sample.packing)
  }

  /// The gates, cells and supports of each direction.
  var workspaces: [LSTMWorkspace] { scratch.workspaces }
  /// The memory of a direction.
  func memory(_ direction: Int) -> Matrix { currentModel.directions[direction].selector.memory }
}

extension LSTMWorkspace {
  /// The rows that a position keeps, with their values.
  func entries(ofPosition position: Int) -> [(row: Int, value: Float)] {
    support.entries(ofExample: position).map { ($0.output, $0.value) }
  }
}

/// What a layer on packed sentences computes outside of training.
func output<Model: Layer>(
  of layer: Model, _ input: Matrix, _ packing: PackedSequence,
  _ context: ComputeContext = ComputeContext()
) -> Matrix where Model.Input == Matrix {
  var step = Step(context: context)
  step.packing = packing
  var scratch = layer.makeScratch()
  var output = Matrix(rowCount: 0, columnCount: layer.outputSize)
  layer.forward(input, into: &output, &scratch, &step)
  return output
}

/// `number` with eight bits of mantissa, ties to even.
func roundedToBF16(_ number: Double) -> Double {
  let bits = Float(number).bitPattern
  return Double(Float(bitPattern: (bits &+ 0x7FFF &+ (bits >> 16 & 1)) & 0xFFFF_0000))
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

/// The largest |a − b| − tolerance · max(1, |a|, |b|), or infinity where counts differ or one
/// is NaN.
func excess(_ a: [Double], _ b: [Double], tolerance: Double) -> Double {
  guard a.count == b.count else { return .infinity }
  var worst = -Double.infinity
  for (x, y) in zip(a, b) {
    let difference = abs(x - y) - tolerance * max(1, abs(x), abs(y))
    worst = max(worst, difference.isNaN ? .infinity : difference)
  }
  return worst
}
