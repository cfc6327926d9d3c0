import MePropCore
import Testing
import _MePropTestSupport

/// A first layer as a sum over features, against the product of embeddings side by side.
@Suite struct FeatureProductTests {
  /// A layer with a batch: some symbols in nearly every example, some in one.
  private struct Sample {
    let positions: Int
    let symbols: Int
    let size: Int
    let outputs: Int
    let batchSize: Int
    var embeddings: Matrix
    var weights: Matrix
    var gradient: Matrix
    var features: [UInt32] = []

    init(positions: Int, symbols: Int, size: Int, outputs: Int, batchSize: Int, seed: UInt64) {
      var random = Philox(seed: seed)
      self.positions = positions
      self.symbols = symbols
      self.size = size
      self.outputs = outputs
      self.batchSize = batchSize
      embeddings = random.nextMatrix(symbols, size)
      weights = random.nextMatrix(positions * outputs, size)
      gradient = random.nextMatrix(batchSize, outputs)
      for _ in 0..<batchSize * positions {
        let isFrequent = random.next(below: 3) > 0
        features.append(random.next(below: isFrequent ? 2 : UInt32(symbols)))
      }
    }

    /// The embeddings of each example side by side.
    var inputs: DoubleMatrix {
      var x = DoubleMatrix(rowCount: batchSize, columnCount: positions * size)
      for example in 0..<batchSize {
        for position in 0..<positions {
          let symbol = Int(features[example * positions + position])
          for column in 0..<size {
            x[example, position * size + column] = Double(embeddings[symbol, column])
          }
        }
      }
      return x
    }

    /// The weights as those of a linear layer, `[outputs, positions · size]`.
    func linear(_ weights: Matrix) -> DoubleMatrix {
      var w = DoubleMatrix(rowCount: outputs, columnCount: positions * size)
      for output in 0..<outputs {
        for position in 0..<positions {
          for column in 0..<size {
            w[output, position * size + column] = Double(
              weights[position * outputs + output, column])
          }
        }
      }
      return w
    }

    func groups(_ context: ComputeContext) -> FeatureGroups {
      let groups = FeatureGroups()
      // Twice, with another shape first: what a batch leaves behind must not matter.
      groups.group(
        Array(features.prefix(positions)), batchSize: 1, positionCount: positions,
        symbolCount: symbols, context: context)
      groups.group(
        features, batchSize: batchSize, positionCount: positions, symbolCount: symbols,
        context: context)
      return groups
    }

    /// The gradient of the embeddings, from that of the inputs.
    func embeddingGradient(_ inputGradient: DoubleMatrix) -> DoubleMatrix {
      var g = DoubleMatrix(rowCount: symbols, columnCount: size)
      for example in 0..<batchSize {
        for position in 0..<positions {
          let symbol = Int(features[example * positions + position])
          for column in 0..<size {
            g[symbol, column] += inputGradient[example, position * size + column]
          }
        }
      }
      return g
    }
  }

  private static let samples = [
    Sample(positions: 1, symbols: 3, size: 1, outputs: 1, batchSize: 1, seed: 1),
    Sample(positions: 3, symbols: 9, size: 5, outputs: 7, batchSize: 4, seed: 2),
    Sample(positions: 5, symbols: 30, size: 50, outputs: 64, batchSize: 37, seed: 3),
    Sample(positions: 4, symbols: 40, size: 48, outputs: 65, batchSize: 70, seed: 4),
    Sample(positions: 2, symbols: 12, size: 100, outputs: 131, batchSize: 33, seed: 5),
  ]

  @Test(arguments: InstructionSet.available)
  func sumsAreTheProductOfEmbeddingsSideBySide(set: InstructionSet) {
    for sample in Self.samples {
      let context = ComputeContext(instructionSet: set)
      let groups = sample.groups(context)
      var random = Philox(seed: 9)
      var y = random.nextMatrix(sample.batchSize, sample.outputs)
      context.featureSums(
        groups, embeddings: sample.embeddings, weights: sample.weights,
        workspace: FeatureWorkspace(), into: &y)
      let expected = NaiveReference.multiply(
        sample.inputs, byTransposeOf: sample.linear(sample.weights))
      expectClose(y, expected, atol: 1e-4, rtol: 0, "\(sample.size), \(set)")
      expectZeroPadding(y)
    }
  }

  @Test(arguments: InstructionSet.available, [nil, 1, 3, 20, 40, 1000])
  func gradientsAreThoseOfTheProduct(set: InstructionSet, k: Int?) throws {
    for sample in Self.samples {
      let context = ComputeContext(instructionSet: set)
      let groups = sample.groups(context)
      let workspace = FeatureWorkspace()
      var support: GradientSupport?
      var kept = DoubleMatrix(sample.gradient)
      if let k {
        let count = min(k, sample.outputs)
        let chosen = GradientSupport()
        try chosen.selectTop(count, of: sample.gradient, context: context)
        kept = NaiveReference.masked(
          kept, keeping: NaiveReference.topIndices(of: kept, count: count))
        support = chosen
      }
      var weightGradient = WeightGradient(
        outputSize: sample.positions * sample.outputs, inputSize: sample.size)
      context.featureGradient(
        of: sample.gradient, support: support, groups: groups, embeddings: sample.embeddings,
        weights: sample.weights, workspace: workspace, into: &weightGradient, everyRow: true)
      #expect(weightGradient.rows == .all)
      expectClose(
        sample.linear(weightGradient.values),
        NaiveReference.multiplyTranspose(of: kept, by: sample.inputs),
        atol: 1e-4, rtol: 0, "k \(k ?? 0), \(set)")
      var embeddingGradient = WeightGradient(
        outputSize: sample.symbols, inputSize: sample.size)
      context.embeddingGradient(
        groups: groups, workspace: workspace, into: &embeddingGradient, everyRow: true)
      #expect(embeddingGradient.rows == .all && embeddingGradient.validCount == sample.symbols)
      let expected = sample.embeddingGradient(
        NaiveReference.multiply(kept, by: sample.linear(sample.weights)))
      expectClose(embeddingGradient.values, expected, atol: 1e-3, rtol: 0, "k \(k ?? 0), \(set)")
    }
  }

  @Test(arguments: [nil, 5, 40], [false, true])
  func updatesApplyTheGradient(k: Int?, everyRow: Bool) throws {
    let sample = Self.samples[3]
    let context = ComputeContext()
    let groups = sample.groups(context)
    let workspace = FeatureWorkspace()
    var support: GradientSupport?
    if let k {
      let chosen = GradientSupport()
      try chosen.selectTop(k, of: sample.gradient, context: context)
      support = chosen
    }
    var gradient = WeightGradient(
      outputSize: sample.positions * sample.outputs, inputSize: sample.size)
    context.featureGradient(
      of: sample.gradient, support: support, groups: groups, embeddings: sample.embeddings,
      weights: sample.weights, workspace: workspace, into: &gradient, everyRow: everyRow)
    var embeddingGradient = WeightGradient(outputSize: sample.symbols, inputSize: sample.size)
    context.embeddingGradient(
      groups: groups, workspace: workspace, into: &embeddingGradient, everyRow: everyRow)
    let rule = UpdateRule(formula: .momentum(0.9), rate: 0.5)
    var weights = sample.weights
    var moments = Moments(count: 1, rowCount: weights.rowCount, columnCount: weights.columnCount)
    var expected = weights
    var expectedMoments = moments
    context.updateFeatureWeights(
      &weights, &moments, by: rule, gradient: sample.gradient, support: support, groups: groups,
      embeddings: sample.embeddings, workspace: workspace, everyRow: everyRow)
    context.update(&expected, &expectedMoments, by: rule, gradient: gradient)
    expectSameBits(weights, expected)
    var embeddings = sample.embeddings
    var embeddingMoments = Moments(
      count: 1, rowCount: embeddings.rowCount, columnCount: embeddings.columnCount)
    var expectedEmbeddings = embeddings
    var expectedEmbeddingMoments = embeddingMoments
    context.updateEmbeddings(
      &embeddings, &embeddingMoments, by: rule, groups: groups, workspace: workspace,
      everyRow: everyRow)
    context.update(
      &expectedEmbeddings, &expectedEmbeddingMoments, by: rule, gradient: embeddingGradient)
    expectSameBits(embeddings, expectedEmbeddings)
  }

  /// What a stored gradient does not list was never written: it keeps what it held.
  @Test func storedRowsAreThoseOfTheSupportAndOfTheSymbols() throws {
    let sample = Self.samples[1]
    let context = ComputeContext()
    let groups = sample.groups(context)
    let workspace = FeatureWorkspace()
    let support = GradientSupport()
    try support.selectTop(1, of: sample.gradient, context: context)
    var gradients: [(weight: WeightGradient, embedding: WeightGradient)] = []
    for everyRow in [true, false] {
      var weight = WeightGradient(
        outputSize: sample.positions * sample.outputs, inputSize: sample.size)
      var embedding = WeightGradient(outputSize: sample.symbols, inputSize: sample.size)
      context.featureGradient(
        of: sample.gradient, support: support, groups: groups, embeddings: sample.embeddings,
        weights: sample.weights, workspace: workspace, into: &weight, everyRow: everyRow)
      context.embeddingGradient(
        groups: groups, workspace: workspace, into: &embedding, everyRow: everyRow)
      gradients.append((weight, embedding))
    }
    let touched = support.touchedOutputs
    #expect(touched.count < sample.outputs)
    #expect(
      gradients[1].weight.validRows
        == (0..<sample.positions).flatMap { position in
          touched.map { position * sample.outputs + $0 }
        })
    let used = Set(sample.features.map(Int.init))
    #expect(used.count < sample.symbols)
    #expect(Set(gradients[1].embedding.validRows) == used)
    #expect(gradients[1].embedding.validCount == used.count)
    for (all, listed) in [
      (gradients[0].weight, gradients[1].weight), (gradients[0].embedding, gradients[1].embedding),
    ] {
      // Rows that are not listed are zeros of the new matrix here, as they are under everyRow.
      #expect(all.rows == .all)
      expectSameBits(listed.values, all.values)
      #expect(
        all.sumOfSquares(context: context) > 0
          && abs(
            all.sumOfSquares(context: context) - listed.sumOfSquares(context: context)) < 1e-9
      )
    }
  }

  @Test func threadsDoNotChangeTheBits() throws {
    let sample = Sample(
      positions: 12, symbols: 300, size: 50, outputs: 200, batchSize: 300, seed: 6)
    var results: [(Matrix, Matrix, Matrix)] = []
    for threads in [1, 2, 3] {
      let context = ComputeContext(threadCount: threads)
      let groups = sample.groups(context)
      let workspace = FeatureWorkspace()
      var y = Matrix(rowCount: sample.batchSize, columnCount: sample.outputs)
      context.featureSums(
        groups, embeddings: sample.embeddings, weights: sample.weights, workspace: workspace,
        into: &y)
      let support = GradientSupport()
      try support.selectTop(20, of: sample.gradient, context: context)
      var weights = sample.weights
      var embeddings = sample.embeddings
      var moments = Moments(count: 0, rowCount: weights.rowCount, columnCount: sample.size)
      var none = Moments(count: 0, rowCount: sample.symbols, columnCount: sample.size)
      let rule = UpdateRule(formula: .gradientDescent, rate: 0.1)
      context.updateFeatureWeights(
        &weights, &moments, by: rule, gradient: sample.gradient, support: support, groups: groups,
        embeddings: embeddings, workspace: workspace, everyRow: false)
      context.updateEmbeddings(
        &embeddings, &none, by: rule, groups: groups, workspace: workspace, everyRow: false)
      results.append((y, weights, embeddings))
    }
    for result in results.dropFirst() {
      expectSameBits(result.0, results[0].0)
      expectSameBits(result.1, results[0].1)
      expectSameBits(result.2, results[0].2)
    }
  }

  @Test(arguments: InstructionSet.available)
  func listedRowsOfBothTablesAreAdded(set: InstructionSet) {
    var random = Philox(seed: 7)
    let context = ComputeContext(instructionSet: set)
    for columns in [1, 16, 70, 300] {
      let table = random.nextMatrix(5, columns)
      let extra = random.nextMatrix(3, columns)
      let bias = random.nextMatrix(1, columns)
      var y = random.nextMatrix(3, columns)
      let rows: [UInt32] = [0, 7, 4, 99, 5, 5, 5, 5, 0, 0, 0, 0]
      let counts: [UInt32] = [3, 4, 0]
      context.sumRows(
        rows, listStride: 4, counts: counts, of: table, and: extra, bias: bias, into: &y)
      var expected = DoubleMatrix(rowCount: 3, columnCount: columns)
      for example in 0..<3 {
        for column in 0..<columns {
          expected[example, column] = Double(bias[0, column])
          for place in 0..<Int(counts[example]) {
            let row = Int(rows[4 * example + place])
            expected[example, column] += Double(
              row < 5 ? table[row, column] : extra[row - 5, column])
          }
        }
      }
      expectClose(y, expected, atol: 1e-5, rtol: 0, "\(columns), \(set)")
      expectZeroPadding(y)
    }
  }

  @Test(arguments: InstructionSet.available)
  func cubesAndTransposes(set: InstructionSet) {
    var random = Philox(seed: 8)
    let context = ComputeContext(instructionSet: set)
    let x = random.nextMatrix(5, 21)
    var y = x
    context.cube(&y)
    var gradient = random.nextMatrix(5, 21)
    let before = gradient
    context.multiply(&gradient, byCubeDerivativeAt: x)
    let transposed = context.transposingRows(1..<4, of: x)
    for row in 0..<5 {
      for column in 0..<21 {
        let value = Double(x[row, column])
        #expect(abs(Double(y[row, column]) - value * value * value) < 1e-5)
        #expect(
          abs(Double(gradient[row, column]) - 3 * value * value * Double(before[row, column]))
            < 1e-5)
        if (1..<4).contains(row) { #expect(transposed[column, row - 1] == x[row, column]) }
      }
    }
  }
}
