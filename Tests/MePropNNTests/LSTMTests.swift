import MePropCore
import MePropNN
import Testing
import _MePropTestSupport

@Suite struct LSTMTests {
  static let instructionSets = InstructionSet.allCases.filter(\.isAvailable)
  private static let lengths = [3, 5, 1, 5, 2, 4, 1]

  @Test func excessCanFail() {
    #expect(excess([1], [1.1], tolerance: 0.01) > 0)
    #expect(excess([1], [.nan], tolerance: 0.01) > 0)
    #expect(excess([1], [1, 2], tolerance: 0.01) > 0)
    #expect(excess([0, 0], [1, 1], tolerance: 0.01) > 0)
    #expect(excess([100], [100.5], tolerance: 0.01) <= 0)
  }

  // MARK: The reference against finite differences

  @Test(arguments: [false, true], [0, 1])
  func naiveGradientsAreThoseOfDifferences(hasMasks: Bool, direction: Int) {
    let sample = LSTMSample(
      hidden: 3, inputSize: 2, directions: 2, lengths: [4], hasMasks: hasMasks, seed: 5)
    let lstm = sample.naive(direction, sentence: 0)
    let projection = sample.projection(direction, sentence: 0)
    let inputs = sample.inputs[0]
    func loss(_ lstm: NaiveLSTM, _ inputs: [[Double]]) -> Double {
      zip(lstm.forward(inputs).outputs, projection).reduce(0) { sum, pair in
        zip(pair.0, pair.1).reduce(sum) { $0 + $1.0 * $1.1 }
      }
    }
    func check(_ gradient: Double, _ change: (Double) -> Double, _ what: String) {
      let step = 6e-6
      let difference = (change(step) - change(-step)) / (2 * step)
      #expect(excess([gradient], [difference], tolerance: 1e-8) <= 0, "\(what)")
    }
    let found = lstm.backward(inputs, lstm.forward(inputs), outputGradient: projection)
    for row in lstm.bias.indices {
      func changed(_ body: (inout NaiveLSTM) -> Void) -> Double {
        var other = lstm
        body(&other)
        return loss(other, inputs)
      }
      check(found.bias[row], { by in changed { $0.bias[row] += by } }, "bias \(row)")
      for column in lstm.inputWeight[row].indices {
        check(
          found.inputWeight[row][column],
          { by in changed { $0.inputWeight[row][column] += by } }, "W \(row) \(column)")
      }
      for column in lstm.recurrentWeight[row].indices {
        check(
          found.recurrentWeight[row][column],
          { by in changed { $0.recurrentWeight[row][column] += by } }, "U \(row) \(column)")
      }
    }
    for t in inputs.indices {
      for column in inputs[t].indices {
        check(
          found.inputs[t][column],
          { by in
            var other = inputs
            other[t][column] += by
            return loss(lstm, other)
          }, "x \(t) \(column)")
      }
    }
  }

  // MARK: The kernels against the reference

  struct Case: Sendable, CustomTestStringConvertible {
    var hidden: Int, directions: Int, k: Int?, hasMasks = false, lengths = LSTMTests.lengths
    var precision = Precision.f32
    var testDescription: String {
      "h \(hidden), \(directions) directions, k \(k.map(String.init) ?? "-"), masks \(hasMasks), "
        + "\(lengths), \(precision)"
    }
  }

  static let cases = Precision.allCases.flatMap { precision in
    shapes.map { shape in
      var example = shape
      example.precision = precision
      return example
    }
  }
  private static let shapes =
    [1, 2, 15, 16, 17, 33].flatMap { hidden in
      [nil, 1, 5].map { Case(hidden: hidden, directions: 1 + hidden % 2, k: $0) }
    } + [
      Case(hidden: 20, directions: 2, k: 20), Case(hidden: 20, directions: 2, k: 500),
      Case(hidden: 20, directions: 2, k: nil, hasMasks: true),
      Case(hidden: 20, directions: 2, k: 4, hasMasks: true),
      Case(hidden: 40, directions: 2, k: 3, lengths: [7]),
      Case(hidden: 18, directions: 2, k: 3, lengths: [Int](repeating: 2, count: 70)),
      Case(hidden: 18, directions: 2, k: nil, lengths: [Int](repeating: 2, count: 70)),
      Case(hidden: 18, directions: 2, k: 3, lengths: [1, 1]),
    ]

  @Test(arguments: cases, instructionSets)
  func forwardBackwardAndUpdate(example: Case, instructionSet: InstructionSet) throws {
    let sample = LSTMSample(
      hidden: example.hidden, inputSize: 5, directions: example.directions,
      lengths: example.lengths, hasMasks: example.hasMasks, precision: example.precision, seed: 7)
    let trainer = sample.makeTrainer(
      example.k.map { .top(k: .count($0)) } ?? .dense,
      context: ComputeContext(threadCount: 2, instructionSet: instructionSet))
    // Twice, so that what the first step left behind would be noticed.
    let start = trainer.state
    for _ in 0..<2 {
      try trainer.restore(start, stepCount: 0)
      try trainer.train(on: sample)
    }
    try compare(trainer, with: sample, example)
  }

  private func compare(
    _ trainer: LSTMTrainer, with sample: LSTMSample, _ example: Case
  ) throws {
    let hidden = sample.hidden
    // Dense products of back propagation read numbers rounded to bf16, where they do.
    let tolerance = example.precision == .bf16 ? 3e-2 : 1e-5
    var inputGradients = sample.inputs
    for (sentence, inputs) in sample.inputs.enumerated() {
      for word in inputs.indices { inputGradients[sentence][word] = [] }
    }
    for direction in sample.layer.directions.indices {
      var input = [[Double]](repeating: [], count: 4 * hidden)
      var recurrent = input
      var bias = [Double](repeating: 0, count: 4 * hidden)
      for (sentence, inputs) in sample.inputs.enumerated() {
        let naive = sample.naive(direction, sentence: sentence)
        let trace = sample.trace(direction, sentence: sentence)
        for word in inputs.indices {
          let row = trainer.output.withRow(sample.position(sentence, word)) { row in
            (0..<hidden).map { Double(row[direction * sample.padded + $0]) }
          }
          let outputs = sample.dropped(trace.outputs[word], direction, sentence: sentence)
          #expect(excess(row, outputs, tolerance: 3e-6) <= 0)
        }
        let expected = naive.backward(
          inputs, trace,
          outputGradient: sample.projection(direction, sentence: sentence).map {
            sample.dropped($0, direction, sentence: sentence)
          }
        ) { d, _ in example.k.map { naiveTopOfGates(d, k: $0) } ?? d }
        for word in inputs.indices {
          add(expected.inputs[word], to: &inputGradients[sentence][word])
        }
        for row in 0..<(4 * hidden) {
          add(expected.inputWeight[row], to: &input[row])
          add(expected.recurrentWeight[row], to: &recurrent[row])
        }
        add(expected.bias, to: &bias)
      }
      let before = sample.layer.directions[direction]
      let after = trainer.currentModel.directions[direction]
      func check(_ path: KeyPath<LSTM.Direction, Parameter>, _ expected: [Double], _ name: String) {
        let change = zip(before[keyPath: path].unpadded, after[keyPath: path].unpadded).map {
          Double($0) - Double($1)
        }
        #expect(excess(change, expected, tolerance: tolerance) <= 0, "\(name)")
      }
      check(\.inputWeight, input.flatMap { $0 }, "W")
      check(\.recurrentWeight, recurrent.flatMap { $0 }, "U")
      check(\.bias, bias, "b")
      // Padding stays zero.
      for matrix in [after.inputWeight.value, after.recurrentWeight.value] {
        for row in 0..<matrix.rowCount where row % sample.padded >= hidden {
          #expect(matrix.withRow(row) { $0.allSatisfy { $0 == 0 } })
        }
      }
    }
    for (sentence, words) in inputGradients.enumerated() {
      for (word, expected) in words.enumerated() {
        let found = trainer.inputGradient.values.withRow(sample.position(sentence, word)) {
          $0.map(Double.init)
        }
        #expect(excess(found, expected, tolerance: tolerance) <= 0)
      }
    }
  }

  private func add(_ numbers: [Double], to sum: inout [Double]) {
    sum = sum.isEmpty ? numbers : zip(sum, numbers).map { $0 + $1 }
  }

  // MARK: Selection

  private static func descent(_ rate: Float) -> Optimizer {
    Optimizer(.gradientDescent(), learningRate: rate, untouchedRows: .skip)
  }

  /// A trainer after steps on the sample, which change no parameters unless there is a rate.
  private func trained(
    _ sample: LSTMSample, _ policy: SelectionPolicy, rate: Float = 0, threads: Int = 1,
    steps: Int = 1
  ) throws -> LSTMTrainer {
    let trainer = sample.makeTrainer(
      policy, optimizer: Self.descent(rate), context: ComputeContext(threadCount: threads))
    for _ in 0..<steps { try trainer.train(on: sample) }
    return trainer
  }

  @Test(arguments: 1...6 as ClosedRange<UInt64>)
  func everyGateKeepsItsLargest(seed: UInt64) throws {
    let sample = LSTMSample(
      hidden: 37, inputSize: 4, directions: 2, lengths: Self.lengths, seed: seed)
    let trainer = try trained(sample, .top(k: .count(6)))
    for workspace in trainer.workspaces {
      for position in 0..<sample.packing.positionCount {
        let d = workspace.gates.withRow(position) { row in
          (0..<(4 * 37)).map { Double(row[$0 / 37 * sample.padded + $0 % 37]) }
        }
        let expected = naiveTopOfGates(d, k: 6)
        var found = [Double](repeating: 0, count: d.count)
        for entry in workspace.entries(ofPosition: position) {
          found[entry.row / sample.padded * 37 + entry.row % sample.padded] = Double(entry.value)
        }
        #expect(found == expected, "seed \(seed), position \(position)")
      }
    }
  }

  @Test func unifiedKeepsTheSameUnitsInAStep() throws {
    let sample = LSTMSample(
      hidden: 37, inputSize: 4, directions: 2, lengths: Self.lengths, seed: 2)
    for (groupSize, expectedGroup) in [(nil, 7), (3, 3)] as [(Int?, Int)] {
      let trainer = try trained(sample, .unified(k: .count(6), groupSize: groupSize))
      for workspace in trainer.workspaces {
        for t in 0..<sample.packing.stepCount {
          let active = sample.packing.activeCount(atStep: t)
          for first in stride(from: 0, to: active, by: expectedGroup) {
            let group = first..<min(first + expectedGroup, active)
            let positions = group.map { sample.packing.position(ofWord: t, inSorted: $0) }
            let lists = positions.map { workspace.entries(ofPosition: $0) }
            for (list, position) in zip(lists, positions) {
              #expect(list.map(\.row) == lists[0].map(\.row))
              for entry in list { #expect(entry.value == workspace.gates[position, entry.row]) }
            }
            for gate in 0..<4 {
              let sums = (0..<37).map { unit in
                positions.reduce(Float(0)) {
                  $0 + abs(workspace.gates[$1, gate * sample.padded + unit])
                }
              }
              let best = sums.indices.filter { sums[$0] > 0 }
                .sorted { (-sums[$0], $0) < (-sums[$1], $1) }.prefix(6)
              let kept = lists[0].map(\.row).filter { $0 / sample.padded == gate }
              #expect(kept.map { $0 % sample.padded } == best.sorted())
            }
          }
        }
      }
    }
  }

  @Test func randomKeepsAnyUnits() throws {
    let sample = LSTMSample(hidden: 20, inputSize: 4, directions: 2, lengths: [40, 40], seed: 2)
    let trainer = try trained(sample, .random(k: .count(5)))
    let other = try trained(sample, .random(k: .count(5)), steps: 2)
    var counts = [Int](repeating: 0, count: 20)
    for (index, workspace) in trainer.workspaces.enumerated() {
      for position in 0..<sample.packing.positionCount {
        let rows = workspace.entries(ofPosition: position).map(\.row)
        for gate in 0..<4 { #expect(rows.count { $0 / sample.padded == gate } == 5) }
        for row in rows { counts[row % sample.padded] += 1 }
        if position == 0 {
          #expect(rows != other.workspaces[index].entries(ofPosition: 0).map(\.row))
        }
      }
    }
    // 640 draws of 5 of 20: 160 a unit, deviation 11.
    #expect(counts.allSatisfy { abs($0 - 160) < 55 }, "\(counts)")
  }

  @Test func unitMemoryIsAddedBack() throws {
    let sample = LSTMSample(
      hidden: 21, inputSize: 4, directions: 2, lengths: Self.lengths, seed: 4)
    let exact = try trained(sample, .dense)
    let once = try trained(sample, .top(k: .count(3), memory: 0.5))
    let twice = try trained(sample, .top(k: .count(3), memory: 0.5), steps: 2)
    let count = Float(sample.packing.positionCount)
    for index in 0..<2 {
      let workspace = once.workspaces[index]
      for row in 0..<(4 * sample.padded) {
        var rest: Float = 0
        for position in 0..<sample.packing.positionCount {
          rest += workspace.gates[position, row]
          for entry in workspace.entries(ofPosition: position) where entry.row == row {
            rest -= entry.value
          }
        }
        #expect(abs(once.memory(index)[0, row] - rest / count) < 1e-6)
        // The last word of the last step in time has no state gradient: d is exact + β m.
        let last = index == 0 ? sample.position(1, 4) : sample.position(1, 0)
        let expected = exact.workspaces[index].gates[last, row] + 0.5 * once.memory(index)[0, row]
        #expect(abs(twice.workspaces[index].gates[last, row] - expected) < 1e-6)
      }
    }
  }

  @Test func memoryOfEachSentenceIsAddedBack() throws {
    let sample = LSTMSample(
      hidden: 21, inputSize: 4, directions: 2, lengths: Self.lengths, seed: 4)
    let policy = SelectionPolicy.top(k: .count(3), memory: 0.5, scope: .slot)
    let exact = try trained(sample, .dense)
    let once = try trained(sample, policy)
    let twice = try trained(sample, policy, steps: 2)
    for index in 0..<2 {
      let workspace = once.workspaces[index]
      #expect(once.memory(index).rowCount == sample.packing.sentenceCount)
      for (sorted, sentence) in sample.packing.order.enumerated() {
        let length = sample.lengths[sentence]
        // What has no state gradient has d = exact + β m of its own sentence.
        let edge = sample.position(sentence, index == 0 ? length - 1 : 0)
        for row in 0..<(4 * sample.padded) {
          var rest: Float = 0
          for word in 0..<length {
            let position = sample.position(sentence, word)
            rest += workspace.gates[position, row]
            for entry in workspace.entries(ofPosition: position) where entry.row == row {
              rest -= entry.value
            }
          }
          let memory = once.memory(index)[sorted, row]
          #expect(abs(memory - rest / Float(length)) < 1e-6)
          let expected = exact.workspaces[index].gates[edge, row] + 0.5 * memory
          #expect(abs(twice.workspaces[index].gates[edge, row] - expected) < 1e-6)
        }
      }
    }
  }

  @Test func timesOfPartsAreWithinTheWhole() throws {
    let sample = LSTMSample(
      hidden: 130, inputSize: 60, directions: 2, lengths: [9, 12, 3, 3, 14, 8], seed: 4)
    for policy in [SelectionPolicy.dense, .top(k: .count(9)), .unified(k: .count(9))] {
      let start = ContinuousClock.now
      let trainer = try trained(sample, policy, rate: 0.1, steps: 3)
      let elapsed = start.duration(to: .now) / .seconds(1)
      #expect(trainer.times.products > 0)
      #expect((trainer.times.selection > 0) == (policy != .dense))
      #expect(trainer.times.products + trainer.times.selection < elapsed)
    }
  }

  @Test(arguments: [
    SelectionPolicy.top(k: .count(9)), .dense, .unified(k: .count(9)), .random(k: .count(9)),
    .batchTop(k: .count(9)), .sampled(k: .count(9)),
  ])
  func bitsDoNotDependOnThreads(policy: SelectionPolicy) throws {
    let sample = LSTMSample(
      hidden: 130, inputSize: 60, directions: 2, lengths: [9, 12, 3, 3, 14, 8], seed: 4)
    let one = try trained(sample, policy, rate: 0.1, threads: 1)
    let three = try trained(sample, policy, rate: 0.1, threads: 3)
    #expect(one.output == three.output)
    #expect(one.inputGradient.values == three.inputGradient.values)
    #expect(one.model.parameters == three.model.parameters)
    #expect(one.model.parameters != sample.layer.parameters)
  }

  @Test func untouchedRowsStay() throws {
    let sample = LSTMSample(hidden: 100, inputSize: 6, directions: 2, lengths: [2, 1], seed: 4)
    let trainer = try trained(sample, .top(k: .count(2)), rate: 0.1)
    for index in 0..<2 {
      let touched = Set(
        (0..<3).flatMap { trainer.workspaces[index].entries(ofPosition: $0).map(\.row) })
      #expect(touched.count == trainer.workspaces[index].support.countTouchedOutputs())
      let before = sample.layer.directions[index].inputWeight.value
      let after = trainer.currentModel.directions[index].inputWeight.value
      for row in 0..<after.rowCount {
        let isSame = after.withRow(row) { new in before.withRow(row) { $0.elementsEqual(new) } }
        let isPadding = row % sample.padded >= 100
        #expect(isSame == (isPadding || !touched.contains(row)))
      }
    }
  }

  @Test func aNaNIsFound() throws {
    var sample = LSTMSample(hidden: 20, inputSize: 4, directions: 2, lengths: [3, 2], seed: 4)
    sample.layer.directions[1].bias.set(0, 3, to: .nan)
    var found: NonFiniteError?
    do {
      _ = try trained(sample, .top(k: .count(3)))
    } catch {
      found = error as? NonFiniteError
    }
    #expect(found?.quantity == .gradient && found?.step == 1)
  }

  // MARK: State

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(3), memory: 0.5),
      .top(k: .count(3), memory: 0.5, scope: .slot), .random(k: .count(3)),
    ], Precision.allCases)
  func aTrainerGoesOnFromItsState(policy: SelectionPolicy, precision: Precision) throws {
    let sample = LSTMSample(
      hidden: 21, inputSize: 4, directions: 2, lengths: Self.lengths, hasMasks: true,
      precision: precision, seed: 4)
    func trainer() -> LSTMTrainer {
      sample.makeTrainer(policy, optimizer: .adam(learningRate: 0.02, untouchedRows: .skip))
    }
    let (whole, first, second) = (trainer(), trainer(), trainer())
    for _ in 1...6 { try whole.train(on: sample) }
    for _ in 1...3 { try first.train(on: sample) }
    let saved = first.state
    try second.restore(saved.reversed(), stepCount: first.stepCount)
    for _ in 4...6 { try second.train(on: sample) }
    #expect(second.output == whole.output)
    #expect(second.state == whole.state)
    // Without rows and columns of padding, but in the memory.
    let shapes = Dictionary(uniqueKeysWithValues: saved.map { ($0.name, $0.shape) })
    #expect(shapes["forward.inputWeight"] == [84, 4])
    #expect(shapes["backward.recurrentWeight.second"] == [84, 21])
    #expect(shapes["backward.bias.first"] == [84])
    let memory = policy.memory > 0 ? [policy.memoryScope == .slot ? 7 : 1, 128] : nil
    #expect(shapes["forward.memory"] == memory)
    #expect(saved.count == (policy.memory > 0 ? 20 : 18))
  }

  /// A layer above reads numbers of padding as any others, and would train units that are not
  /// there.
  @Test(arguments: [SelectionPolicy.dense, .top(k: .count(3), memory: 0.9), .unified(k: .count(3))])
  func paddingStaysZero(policy: SelectionPolicy) throws {
    var random = Philox(seed: 12)
    let embedding = Embedding(9, 5, using: &random)
    let lstm = LSTM(5, 7, seed: 3)
    let output = Linear(lstm.outputSize, 4, using: &random)
    let trainer = Trainer(
      Chain {
        embedding
        lstm
        output
      }, loss: SoftmaxCrossEntropy(), selection: policy, context: ComputeContext())
    for _ in 0..<20 { try trainer.train(Symbols([[1, 2, 3], [4, 5]]), [0, 1, 2, 3, 0]) }
    for direction in trainer.currentModel.first.second.directions {
      for parameter in [direction.inputWeight, direction.recurrentWeight, direction.bias] {
        #expect(parameter.matrix(of: parameter.tensor("", of: parameter.value)) == parameter.value)
      }
    }
  }

  // MARK: Packing

  @Test func packingSortsByLength() {
    let packing = PackedSequence(lengths: [2, 4, 1, 4])
    #expect(packing.order == [1, 3, 0, 2])
    #expect(packing.lengths == [4, 4, 2, 1])
    #expect((0..<4).map { packing.activeCount(atStep: $0) } == [4, 3, 2, 2])
    #expect(packing.positionCount == 11)
    #expect(packing.position(ofWord: 1, inSorted: 2) == 6)
    #expect(PackedSequence(lengths: []).positionCount == 0)
  }

  @Test func packingAnewForgetsWhatWas() {
    var packing = PackedSequence(lengths: [5, 5, 2])
    var random = Philox(seed: 8)
    for _ in 0..<50 {
      let lengths = (0..<random.nextInt(in: 0...9)).map { _ in random.nextInt(in: 1...12) }
      packing.repack(count: lengths.count) { lengths[$0] }
      let fresh = PackedSequence(lengths: lengths)
      #expect(packing.order == fresh.order && packing.lengths == fresh.lengths)
      #expect(packing.stepCount == fresh.stepCount)
      #expect(packing.positionCount == lengths.reduce(0, +))
      for step in 0..<packing.stepCount {
        #expect(packing.activeCount(atStep: step) == lengths.count { $0 > step })
      }
    }
  }
}
