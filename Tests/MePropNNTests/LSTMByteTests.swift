import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Layers with weights of eight bits against the plain reference with rounded numbers.
@Suite struct LSTMByteTests {
  private static let lengths = [3, 5, 1, 5, 2, 4, 1]

  /// A stack with initial parameters.
  private func network(
    _ inputSize: Int, _ hidden: Int, layerCount: Int, _ precision: Precision
  ) -> Stack<LSTM> {
    let first = LSTM(inputSize, hidden, precision: precision, seed: 4)
    return Stack(
      [first]
        + (1..<layerCount).map {
          LSTM(
            2 * hidden, hidden, inputPadding: first.outputPadding, precision: precision, seed: 4,
            firstStream: 2 * $0)
        })
  }

  @Test(
    arguments: [1, 2, 15, 16, 17, 40], InstructionSet.allCases.filter(\.isAvailable))
  func outputsAreThoseOfRoundedNumbers(hidden: Int, instructionSet: InstructionSet) {
    for lengths in [Self.lengths, [4], [2, 2, 1]] {
      let sample = LSTMSample(
        hidden: hidden, inputSize: 7, directions: 1 + hidden % 2, lengths: lengths,
        precision: .int8, seed: 11)
      let found = output(
        of: sample.layer, sample.input, sample.packing,
        ComputeContext(instructionSet: instructionSet))
      for (sentence, inputs) in sample.inputs.enumerated() {
        for direction in sample.layer.directions.indices {
          let expected = sample.trace(direction, sentence: sentence).outputs
          for word in inputs.indices {
            let row = found.withRow(sample.position(sentence, word)) { row in
              (0..<hidden).map { Double(row[direction * sample.padded + $0]) }
            }
            // A state close to a half may round to the other side: 1/127 times a weight.
            #expect(excess(row, expected[word], tolerance: 4e-3) <= 0)
          }
        }
      }
      #expect(found.withRow(0) { row in row.indices.allSatisfy { isZeroPadding(row, $0, sample) } })
    }
  }

  private func isZeroPadding(
    _ row: UnsafeBufferPointer<Float>, _ column: Int, _ sample: LSTMSample
  ) -> Bool { column % sample.padded < sample.hidden || row[column] == 0 }

  @Test func errorsAreOfEightBits() {
    let sample = LSTMSample(
      hidden: 60, inputSize: 30, directions: 2, lengths: Self.lengths, seed: 3)
    let exact = output(
      of: network(30, 60, layerCount: 2, .f32), sample.input, sample.packing
    ).elements
    let bytes = output(
      of: network(30, 60, layerCount: 2, .int8), sample.input, sample.packing
    ).elements
    let largest = zip(exact, bytes).map { abs($0 - $1) }.max() ?? .infinity
    #expect(largest > 1e-5 && largest < 0.02, "\(largest)")
  }

  @Test(arguments: [1, 2])
  func bitsDependOnTheSentenceOnly(layerCount: Int) {
    let lengths = [9, 12, 3, 3, 14, 8, 1, 2]
    let sample = LSTMSample(
      hidden: 130, inputSize: 60, directions: 2, lengths: lengths, seed: 4)
    let network = network(60, 130, layerCount: layerCount, .int8)
    let one = output(of: network, sample.input, sample.packing)
    for threads in [2, 5] {
      let context = ComputeContext(threadCount: threads)
      #expect(output(of: network, sample.input, sample.packing, context) == one)
    }
    for sentence in lengths.indices {
      let alone = PackedSequence(lengths: [lengths[sentence]])
      let input = Matrix(sample.inputs[sentence].map { $0.map { Float($0) } })
      let found = output(of: network, input, alone)
      for word in 0..<lengths[sentence] {
        let same = found.withRow(word) { a in
          one.withRow(sample.position(sentence, word)) { a.elementsEqual($0) }
        }
        #expect(same, "sentence \(sentence), word \(word)")
      }
    }
  }

  // MARK: Training

  private func sample(_ seed: UInt64 = 12) -> LSTMSample {
    LSTMSample(
      hidden: 40, inputSize: 7, directions: 2, lengths: Self.lengths, precision: .int8, seed: seed)
  }

  @Test(arguments: [[4], [3, 5, 1, 5, 2, 4, 1]])
  func trainingComputesWhatInferenceDoes(lengths: [Int]) {
    let sample = LSTMSample(
      hidden: 130, inputSize: 60, directions: 2, lengths: lengths, precision: .int8, seed: 6)
    let expected = output(of: sample.layer, sample.input, sample.packing)
    for threads in [1, 2, 5] {
      let trainer = sample.makeTrainer(.dense, context: ComputeContext(threadCount: threads))
      #expect(throws: Never.self) { try trainer.train(on: sample) }
      #expect(trainer.output == expected, "\(threads) threads")
    }
  }

  @Test(
    arguments: [SelectionPolicy.dense, .top(k: .count(3)), .unified(k: .count(3))],
    Optimizer.UntouchedRows.allCases)
  func roundedWeightsFollowTheWeights(
    policy: SelectionPolicy, untouched: Optimizer.UntouchedRows
  ) throws {
    let sample = sample()
    // Of the steps every third is dense.
    let optimizer = Optimizer.adam(learningRate: 0.05, untouchedRows: untouched)
    func trainer(_ sample: LSTMSample) -> LSTMTrainer {
      LSTMTrainer(
        sample.layer, loss: GivenGradient(), optimizer: optimizer, selection: policy,
        schedule: SelectionSchedule(denseEvery: 3), context: ComputeContext())
    }
    let followed = trainer(sample)
    for _ in 1...5 {
      // A layer without copies of its weights makes them anew.
      let fresh = output(of: followed.model, sample.input, sample.packing)
      try followed.train(on: sample)
      #expect(followed.output == fresh)
    }
    #expect(followed.model.parameters != sample.layer.parameters)
    // Nor do copies of other weights stay where a state is restored.
    let restored = trainer(self.sample(13))
    try restored.train(on: sample)
    try restored.restore(followed.state, stepCount: followed.stepCount)
    try restored.train(on: sample)
    try followed.train(on: sample)
    #expect(restored.output == followed.output)
    #expect(restored.model.parameters == followed.model.parameters)
  }

  @Test(arguments: [Float.nan, .infinity], InstructionSet.allCases.filter(\.isAvailable))
  func whatIsNotFiniteShows(value: Float, instructionSet: InstructionSet) {
    var sample = LSTMSample(
      hidden: 40, inputSize: 30, directions: 1, lengths: Self.lengths, precision: .int8,
      seed: 4)
    var input = sample.input
    input[2, 17] = value
    let context = ComputeContext(instructionSet: instructionSet)
    let fromInput = output(of: sample.layer, input, sample.packing, context)
    #expect(fromInput.withRow(2) { $0[3].isNaN })
    #expect(fromInput.withRow(1) { $0[3].isFinite })
    sample.layer.directions[0].recurrentWeight.set(5, 33, to: value)
    let fromWeights = output(of: sample.layer, sample.input, sample.packing, context)
    #expect(fromWeights.withRow(fromWeights.rowCount - 1) { $0[5].isNaN })
  }

  @Test func zerosAndNoSentences() {
    var layer = LSTM(3, 5, isBidirectional: false, precision: .int8, seed: 1)
    func clear(_ path: WritableKeyPath<LSTM.Direction, Parameter>) {
      let old = layer.directions[0][keyPath: path]
      layer.directions[0][keyPath: path].replace(
        with: Matrix(rowCount: old.rowCount, columnCount: old.columnCount))
    }
    clear(\.inputWeight)
    clear(\.recurrentWeight)
    clear(\.bias)
    let empty = PackedSequence(lengths: [])
    let nothing = output(of: layer, Matrix(rowCount: 0, columnCount: 3), empty)
    #expect(nothing.rowCount == 0)
    let zeros = output(
      of: layer, Matrix(rowCount: 2, columnCount: 3), PackedSequence(lengths: [2]))
    #expect(zeros.elements.allSatisfy { $0 == 0 })
  }
}
