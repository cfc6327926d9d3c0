import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

/// Layers with weights of eight bits against the plain reference with rounded numbers.
@Suite struct LSTMByteTests {
  private static let lengths = [3, 5, 1, 5, 2, 4, 1]

  private func output(
    _ network: LSTM, _ precision: LSTMPrecision, _ input: Matrix, _ packing: SentencePacking,
    threads: Int = 1, instructionSet: InstructionSet = .preferred
  ) -> Matrix {
    let context = ComputeContext(threadCount: threads, instructionSet: instructionSet)
    return LSTMInference(network, precision: precision, context: context)
      .withOutput(input, packing: packing) { $0 }
  }

  @Test(
    arguments: [1, 2, 15, 16, 17, 40], InstructionSet.allCases.filter(\.isAvailable))
  func outputsAreThoseOfRoundedNumbers(hidden: Int, instructionSet: InstructionSet) {
    for lengths in [Self.lengths, [4], [2, 2, 1]] {
      let sample = LSTMSample(
        hidden: hidden, inputSize: 7, directions: 1 + hidden % 2, lengths: lengths, seed: 11)
      let found = output(
        LSTM(layers: [sample.weights]), .int8, sample.input, sample.packing,
        instructionSet: instructionSet)
      for (sentence, inputs) in sample.inputs.enumerated() {
        for direction in sample.weights.indices {
          let expected = sample.trace(direction, sentence: sentence, precision: .int8).outputs
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
    let network = LSTM(
      inputSize: 30, hiddenSize: 60, layerCount: 2, isBidirectional: true, seed: 4)
    let exact = output(network, .f32, sample.input, sample.packing).elements
    let bytes = output(network, .int8, sample.input, sample.packing).elements
    let largest = zip(exact, bytes).map { abs($0 - $1) }.max() ?? .infinity
    #expect(largest > 1e-5 && largest < 0.02, "\(largest)")
  }

  @Test(arguments: [1, 2])
  func bitsDependOnTheSentenceOnly(layerCount: Int) {
    let lengths = [9, 12, 3, 3, 14, 8, 1, 2]
    let sample = LSTMSample(
      hidden: 130, inputSize: 60, directions: 2, lengths: lengths, seed: 4)
    let network = LSTM(
      inputSize: 60, hiddenSize: 130, layerCount: layerCount, isBidirectional: true, seed: 4)
    let one = output(network, .int8, sample.input, sample.packing)
    for threads in [2, 5] {
      #expect(output(network, .int8, sample.input, sample.packing, threads: threads) == one)
    }
    for sentence in lengths.indices {
      let alone = SentencePacking(lengths: [lengths[sentence]])
      let input = Matrix(sample.inputs[sentence].map { $0.map { Float($0) } })
      let found = output(network, .int8, input, alone)
      for word in 0..<lengths[sentence] {
        let same = found.withRow(word) { a in
          one.withRow(sample.position(sentence, word)) { a.elementsEqual($0) }
        }
        #expect(same, "sentence \(sentence), word \(word)")
      }
    }
  }

  // MARK: Training

  private func trainer(
    _ sample: LSTMSample, _ policy: SelectionPolicy = .dense,
    untouched: Optimizer.UntouchedRows = .skip, threads: Int = 1
  ) -> LSTMLayerTrainer {
    LSTMLayerTrainer(
      sample.weights, optimizer: .adam(learningRate: 0.05, untouchedRows: untouched),
      selection: policy, precision: .int8, context: ComputeContext(threadCount: threads))
  }

  @Test(arguments: [[4], [3, 5, 1, 5, 2, 4, 1]])
  func trainingComputesWhatInferenceDoes(lengths: [Int]) {
    let sample = LSTMSample(hidden: 130, inputSize: 60, directions: 2, lengths: lengths, seed: 6)
    let expected = output(LSTM(layers: [sample.weights]), .int8, sample.input, sample.packing)
    for threads in [1, 2, 5] {
      let trainer = trainer(sample, threads: threads)
      trainer.forward(sample.input, packing: sample.packing)
      #expect(trainer.output == expected, "\(threads) threads")
    }
  }

  @Test(
    arguments: [SelectionPolicy.dense, .top(k: .count(3)), .unified(k: .count(3))],
    Optimizer.UntouchedRows.allCases)
  func roundedWeightsFollowTheWeights(
    policy: SelectionPolicy, untouched: Optimizer.UntouchedRows
  ) throws {
    var sample = LSTMSample(
      hidden: 40, inputSize: 7, directions: 2, lengths: Self.lengths, seed: 12)
    let trainer = trainer(sample, policy, untouched: untouched)
    for step in 1...4 {
      trainer.forward(sample.input, packing: sample.packing)
      // Of four steps the third is dense.
      try trainer.propagate(
        sample.outputGradient, packing: sample.packing, selection: step == 3 ? .dense : policy,
        step: step, seed: 1, stream: 2 * step)
      trainer.computeInputGradient()
      _ = trainer.update(input: sample.input, step: step)
    }
    #expect(trainer.weights != sample.weights)
    trainer.forward(sample.input, packing: sample.packing)
    sample.weights = trainer.weights
    let fresh = self.trainer(sample)
    fresh.forward(sample.input, packing: sample.packing)
    #expect(trainer.output == fresh.output)
    let restored = self.trainer(
      LSTMSample(hidden: 40, inputSize: 7, directions: 2, lengths: Self.lengths, seed: 13))
    restored.restore(
      weights: trainer.weights, moments: trainer.moments,
      memories: trainer.workspaces.map(\.memory))
    restored.forward(sample.input, packing: sample.packing)
    #expect(restored.output == fresh.output)
  }

  @Test(arguments: [Float.nan, .infinity], InstructionSet.allCases.filter(\.isAvailable))
  func whatIsNotFiniteShows(value: Float, instructionSet: InstructionSet) {
    var sample = LSTMSample(
      hidden: 40, inputSize: 30, directions: 1, lengths: Self.lengths, seed: 4)
    var input = sample.input
    input[2, 17] = value
    let network = LSTM(layers: [sample.weights])
    let fromInput = output(
      network, .int8, input, sample.packing, instructionSet: instructionSet)
    #expect(fromInput.withRow(2) { $0[3].isNaN })
    #expect(fromInput.withRow(1) { $0[3].isFinite })
    sample.weights[0].recurrentWeight[5, 33] = value
    let fromWeights = output(
      LSTM(layers: [sample.weights]), .int8, sample.input, sample.packing,
      instructionSet: instructionSet)
    #expect(fromWeights.withRow(fromWeights.rowCount - 1) { $0[5].isNaN })
  }

  @Test func zerosAndNoSentences() {
    let weights = LSTMWeights(inputSize: 3, hiddenSize: 5)
    let network = LSTM(layers: [[weights]])
    let empty = SentencePacking(lengths: [])
    let nothing = output(network, .int8, Matrix(rowCount: 0, columnCount: 3), empty)
    #expect(nothing.rowCount == 0)
    let zeros = output(
      network, .int8, Matrix(rowCount: 2, columnCount: 3), SentencePacking(lengths: [2]))
    #expect(zeros.elements.allSatisfy { $0 == 0 })
  }
}
