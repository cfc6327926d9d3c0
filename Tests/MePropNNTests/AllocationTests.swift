import MePropCore
import MePropNN
import Testing
import _CMePropAllocationCounter
import _MePropTestSupport

/// No step allocates once its shapes are known.
///
/// Counted on the thread that trains, with every allocation function of the program interposed
/// (Linux with glibc). The dense library allocates for itself, at most once a product; its calls
/// are told apart by their return addresses.
///
/// Which way a product takes may depend on the numbers (how many inputs are zeros, how much is
/// kept). A way takes its memory when it is taken first, so data here are such that this is while
/// warming up.
///
/// Swift that is not optimized allocates for closures and temporary arrays, so this is measured in
/// release only.
@Suite(
  .enabled(
    if: !_isDebugAssertConfiguration() && allocation_counter_works() != 0,
    "allocations are counted in optimized builds with glibc only"))
struct AllocationTests {
  /// Allocations of the package in 40 steps after 40 for warming up, which are twice what
  /// statistics sample at.
  private func allocations(ofStep step: (Int) throws -> Void) rethrows -> Int {
    for index in 0..<40 { try step(index) }
    allocation_counter_begin("libdnnl")
    for index in 40..<80 { try step(index) }
    var library = 0
    let all = allocation_counter_end(&library)
    return all - library
  }

  /// The same of a trainer on random batches, of whose inputs `inputShare` are not zero.
  private func allocations(
    _ policy: SelectionPolicy, batchSize: Int, precision: Precision,
    untouched: Optimizer.UntouchedRows, dropout: Float = 0, clipNorm: Float? = nil,
    averageDecay: Float = 0, activation: Activation = .relu, inputShare: Float = 1,
    threads: Int = 1
  ) throws -> Int {
    var random = Philox(seed: 340)
    var optimizer = Optimizer.adam(untouchedRows: untouched)
    optimizer.clipNorm = clipNorm
    let trainer = PerceptronTrainer(
      .perceptron(
        [90, 70, 60, 10], activation: activation, dropout: dropout, precision: precision, seed: 3),
      optimizer: optimizer, selection: policy, averageDecay: averageDecay,
      context: ComputeContext(threadCount: threads))
    let batches = (0..<4).map { _ in
      var input = random.nextMatrix(batchSize, 90)
      for row in 0..<batchSize {
        for column in 0..<90 where random.nextUniform() >= inputShare { input[row, column] = 0 }
      }
      return (input, (0..<batchSize).map { _ in Int32(random.next(below: 10)) })
    }
    return try allocations { step in
      try trainer.train(batches[step % 4].0, batches[step % 4].1)
    }
  }

  @Test func theCounterCounts() {
    allocation_counter_begin("libdnnl")
    let kept = (1...3).map { [Int](repeating: $0, count: $0 * 100) }
    var library = 0
    let all = allocation_counter_end(&library)
    #expect(all >= 3 && library == 0, "\(kept.count)")
  }

  private static let policies = [
    SelectionPolicy.dense, .top(k: .count(7), memory: 0.9),
    .top(k: .count(7), memory: 0.9, scope: .slot), .top(k: .count(50)),
    .unified(k: .count(9)), .unified(k: .count(9), groupSize: 4), .random(k: .count(7)),
    // More than are not zero in a batch of one, a number that changes from step to step.
    .unified(k: .count(45)), .batchTop(k: .count(7), memory: 0.9), .batchTop(k: .ratio(0.02)),
    .sampled(k: .count(7)),
  ]

  @Test(arguments: policies, [Precision.f32, .bf16])
  func stepsAllocateNothing(policy: SelectionPolicy, precision: Precision) throws {
    for batchSize in [1, 6, 80] {
      for untouched in Optimizer.UntouchedRows.allCases {
        for threads in [1, 2] {
          let found = try allocations(
            policy, batchSize: batchSize, precision: precision, untouched: untouched,
            threads: threads)
          #expect(found == 0, "batch \(batchSize), \(untouched), \(threads) threads")
        }
      }
    }
  }

  @Test(arguments: policies, [Precision.f32, .bf16])
  func stepsThatClipByNormAllocateNothing(policy: SelectionPolicy, precision: Precision) throws {
    for batchSize in [1, 6, 80] {
      for untouched in Optimizer.UntouchedRows.allCases {
        for threads in [1, 2] {
          // No slope of tanh is 0: as much is kept in all steps.
          let found = try allocations(
            policy, batchSize: batchSize, precision: precision, untouched: untouched,
            clipNorm: 0.1, activation: .tanh, threads: threads)
          #expect(found == 0, "batch \(batchSize), \(untouched), \(threads) threads")
        }
      }
    }
  }

  @Test func stepsWithDropoutAllocateNothing() throws {
    for clipNorm in [nil, 1] as [Float?] {
      let found = try allocations(
        .top(k: .count(7)), batchSize: 6, precision: .f32, untouched: .skip, dropout: 0.2,
        clipNorm: clipNorm)
      #expect(found == 0)
    }
  }

  @Test(arguments: [nil, 0.1 as Float])
  func stepsWithARunningMeanAllocateNothing(clipNorm: Float?) throws {
    for policy in [SelectionPolicy.dense, .top(k: .count(7), memory: 0.9)] {
      for threads in [1, 2] {
        let found = try allocations(
          policy, batchSize: 6, precision: .f32, untouched: .skip, clipNorm: clipNorm,
          averageDecay: 0.99, threads: threads)
        #expect(found == 0, "\(threads) threads")
      }
    }
  }

  @Test(arguments: [SelectionPolicy.dense, .top(k: .count(7), memory: 0.9), .unified(k: .count(9))])
  func stepsOfTwoThreadsOnMostlyZerosAllocateNothing(policy: SelectionPolicy) throws {
    for batchSize in [6, 80, 300] {
      let found = try allocations(
        policy, batchSize: batchSize, precision: .f32, untouched: .skip, inputShare: 0.2,
        threads: 2)
      #expect(found == 0, "batch \(batchSize)")
    }
  }

  // MARK: Sentences

  private typealias Tagger = Chain<Chain<Embedding, LSTM>, Linear>

  /// Vectors of symbols, an LSTM, and a layer that tells six classes apart.
  private func tagger(_ precision: Precision, isVariational: Bool = false) -> Tagger {
    var random = Philox(seed: 341)
    let embedding = Embedding(50, 30, using: &random)
    let lstm = LSTM(
      30, 40, precision: precision, dropout: DropoutRate(0.2), isVariational: isVariational,
      seed: 3)
    var output = Linear(lstm.outputSize, 6, using: &random)
    output.skipsZeros = false
    return Chain {
      embedding
      lstm
      output
    }
  }

  /// Sentences of at most `longest` words.
  private func sentences(_ count: Int, longest: Int) -> [[Int]] {
    var random = Philox(seed: 343)
    return (0..<count).map { _ in
      (0..<random.nextInt(in: 1...longest)).map { _ in Int(random.next(below: 50)) }
    }
  }

  private func trainer(
    _ tagger: Tagger, _ policy: SelectionPolicy, _ untouched: Optimizer.UntouchedRows,
    clipNorm: Float? = nil, averageDecay: Float = 0, threads: Int = 1
  ) -> Trainer<Tagger, SoftmaxCrossEntropy> {
    var optimizer = Optimizer.adam(untouchedRows: untouched)
    optimizer.clipNorm = clipNorm
    return Trainer(
      tagger, loss: SoftmaxCrossEntropy(), optimizer: optimizer, selection: policy,
      averageDecay: averageDecay, context: ComputeContext(threadCount: threads))
  }

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(5), memory: 0.9),
      .top(k: .count(5), memory: 0.9, scope: .slot), .top(k: .count(5)), .unified(k: .count(5)),
      .random(k: .count(5)), .batchTop(k: .count(5), memory: 0.5), .sampled(k: .count(5)),
    ], Precision.allCases)
  func stepsOfAnLSTMAllocateNothing(policy: SelectionPolicy, precision: Precision) throws {
    let batches = [
      [[3, 9, 1, 4, 4, 49, 0], [7, 7, 2], [5, 6, 7, 8, 9]], [[1, 2], [30, 31, 32]],
    ]
    .map { sentences in
      (Symbols(sentences), [Int32](repeating: 2, count: sentences.reduce(0) { $0 + $1.count }))
    }
    for untouched in Optimizer.UntouchedRows.allCases {
      for (clipNorm, averageDecay, threads) in [(nil, 0, 1), (0.1, 0, 2), (nil, 0.9, 2)]
        as [(Float?, Float, Int)]
      {
        let trainer = trainer(
          tagger(precision), policy, untouched, clipNorm: clipNorm, averageDecay: averageDecay,
          threads: threads)
        let found = try allocations { step in
          try trainer.train(batches[step % 2].0, batches[step % 2].1)
        }
        #expect(
          found == 0, "\(untouched), clip \(clipNorm ?? 0), mean \(averageDecay), \(threads)")
      }
    }
  }

  @Test(arguments: Precision.allCases)
  func batchesPackedAnewAllocateNothing(precision: Precision) throws {
    let sentences = sentences(40, longest: 12)
    let trainer = trainer(
      tagger(precision, isVariational: true), .top(k: .count(5)), .skip)
    var symbols = Symbols([])
    var targets: [Int32] = []
    let found = try allocations { step in
      // Another batch each time; all of those counted were there while warming up.
      let first = 7 * (step % 40)
      symbols.pack(count: 1 + step % 5) { sentences[(first + $0) % 40] }
      targets.removeAll(keepingCapacity: true)
      for row in 0..<symbols.rowCount { targets.append(Int32(symbols.values[row] % 6)) }
      try trainer.train(symbols, targets)
    }
    #expect(found == 0)
  }

  @Test func epochsOfALoaderAllocateNothing() throws {
    let sentences = sentences(37, longest: 12)
    let labels = sentences.map { $0[0] % 6 }
    let weights = sentences.map { Float(1 + $0.count % 3) }
    var random = Philox(seed: 344)
    let embedding = Embedding(50, 30, using: &random)
    let lstm = LSTM(30, 40, seed: 3)
    let output = Linear(lstm.outputSize, 6, using: &random)
    let classifier = Chain {
      embedding
      lstm
      MeanPool(lstm.outputSize)
      output
    }
    let trainer = Trainer(
      classifier, loss: SoftmaxCrossEntropy(), optimizer: .adam(untouchedRows: .skip),
      selection: .top(k: .count(5)), averageDecay: 0.9, context: ComputeContext())
    var loader = DataLoader(sentences, labels, weights: weights, batchSize: 8)
    func epoch(_ number: Int) throws {
      try loader.forEachBatch(ofEpoch: number) { input, targets, weights in
        try trainer.train(input, targets, weights: weights, epoch: number)
      }
    }
    // The same epochs again, as larger batches may take more memory.
    for number in 1...6 { try epoch(number) }
    allocation_counter_begin("libdnnl")
    for number in 1...6 { try epoch(number) }
    var library = 0
    let all = allocation_counter_end(&library)
    #expect(all - library == 0)
    let found = try allocations { try epoch(1 + $0 % 6) }
    #expect(found == 0)
  }

  @Test func epochsOfRowsAllocateNothing() throws {
    var random = Philox(seed: 345)
    let inputs = random.nextMatrix(100, 90)
    let labels = (0..<100).map { _ in Int(random.next(below: 10)) }
    let trainer = PerceptronTrainer(
      .perceptron([90, 70, 10], dropout: 0.1, seed: 3), optimizer: .adam(untouchedRows: .skip),
      selection: .top(k: .count(7), memory: 0.9))
    var loader = DataLoader(inputs, labels, batchSize: 32)
    let found = try allocations { number in
      try loader.forEachBatch(ofEpoch: 1 + number) { input, targets, weights in
        try trainer.train(input, targets, weights: weights)
      }
    }
    #expect(found == 0)
  }

  // MARK: Sums over features

  @Test(
    arguments: [
      SelectionPolicy.dense, .top(k: .count(5), memory: 0.9), .top(k: .count(20)),
      .unified(k: .count(5)), .random(k: .count(5)), .batchTop(k: .count(5), memory: 0.9),
      .sampled(k: .count(5)),
    ], FeatureSum.Activation.allCases)
  func stepsOfAFeatureSumAllocateNothing(
    policy: SelectionPolicy, activation: FeatureSum.Activation
  ) throws {
    var random = Philox(seed: 342)
    var first = FeatureSum(
      symbolCount: 50, embeddingSize: 8, positionCount: 6, outputSize: 40, embeddingScale: 1,
      initialization: .uniformFanIn, seed: 3)
    first.activation = activation
    first.dropout = DropoutRate(0.2)
    let second = Linear(40, 5, using: &random)
    // The first batch is the largest; which symbols it has differs.
    let batches = [30, 30, 12].map { size in
      (
        Symbols(
          (0..<(size * 6)).map { _ in UInt32(random.next(below: 50)) }, rowCount: size,
          positionCount: 6), random.nextLabels(size, classCount: 5)
      )
    }
    for untouched in Optimizer.UntouchedRows.allCases {
      for (clipNorm, averageDecay, threads) in [(nil, 0, 1), (0.1, 0, 2), (nil, 0.9, 2)]
        as [(Float?, Float, Int)]
      {
        var optimizer = Optimizer.adam(untouchedRows: untouched)
        optimizer.clipNorm = clipNorm
        let trainer = Trainer(
          Chain {
            first
            second
          }, loss: SoftmaxCrossEntropy(), optimizer: optimizer, selection: policy,
          averageDecay: averageDecay, context: ComputeContext(threadCount: threads))
        let found = try allocations { step in
          try trainer.train(batches[step % 3].0, batches[step % 3].1)
        }
        #expect(
          found == 0, "\(untouched), clip \(clipNorm ?? 0), mean \(averageDecay), \(threads)")
      }
    }
  }
}
