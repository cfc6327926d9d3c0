// Small layers of every kind with odd sizes, each beside its reference.

import MePropCore
import MePropNN
import _MePropTestSupport

/// Makes the layers that tests of gradients and of selection go through.
enum LayerCases {
  static let lengths = [3, 1, 4, 2]

  static func linear(
    _ inputSize: Int, _ outputSize: Int, activation: Activation = .identity, dropout: Float = 0,
    _ policy: SelectionPolicy? = nil, seed: UInt64 = 1
  ) -> Linear {
    var random = Philox(seed: seed)
    return Linear(
      weight: Parameter(
        random.nextMatrix(
          outputSize, inputSize, scale: 1 / Float(inputSize).squareRoot())),
      bias: Parameter(random.nextMatrix(1, outputSize, scale: 0.3), decays: false),
      activation: activation, dropout: DropoutRate(dropout), selection: policy)
  }

  static func norm(_ size: Int, epsilon: Float = 1e-2, seed: UInt64 = 1) -> LayerNorm {
    var random = Philox(seed: seed)
    var layer = LayerNorm(size, epsilon: epsilon)
    layer.gain.replace(with: random.nextMatrix(1, size))
    layer.bias.replace(with: random.nextMatrix(1, size))
    return layer
  }

  static func gate(
    _ inputSize: Int, _ outputSize: Int, _ policy: SelectionPolicy? = nil, seed: UInt64 = 1
  ) -> GatedUnit {
    var random = Philox(seed: seed)
    return GatedUnit(
      weight: random.nextMatrix(
        2 * outputSize, inputSize, scale: 1 / Float(inputSize).squareRoot()),
      bias: random.nextMatrix(1, 2 * outputSize, scale: 0.3), selection: policy)
  }

  typealias Sequence = Chain<WordOffset, LSTM>

  /// An LSTM on words whose input gradient is that of a parameter.
  static func lstm(
    _ inputSize: Int, _ hiddenSize: Int, isBidirectional: Bool, dropout: Float = 0,
    isVariational: Bool = false, _ policy: SelectionPolicy? = nil, lengths: [Int] = lengths,
    batchCount: Int = 3, seed: UInt64 = 1
  ) -> LayerCase<Sequence> {
    var lstm = LSTM(
      inputSize, hiddenSize, isBidirectional: isBidirectional, dropout: DropoutRate(dropout),
      isVariational: isVariational, seed: seed)
    for index in lstm.directions.indices { lstm.directions[index].selector.policy = policy }
    return words(
      "LSTM(\(hiddenSize))", lstm, inputSize: inputSize, lengths: lengths, batchCount: batchCount,
      seed: seed, referenceOf: { NaiveLSTMLayer($0) })
  }

  /// A layer on words whose input gradient is that of a parameter.
  static func words<L: Layer>(
    _ name: String, _ layer: L, inputSize: Int, lengths: [Int] = lengths, batchCount: Int = 3,
    rowsAreSentences: Bool = false, seed: UInt64 = 1,
    referenceOf: @escaping (L) -> any NaiveLayer
  ) -> LayerCase<Chain<WordOffset, L>> {
    var random = Philox(seed: seed, stream: 98)
    let count = lengths.reduce(0, +)
    let chain = Chain {
      WordOffset(rowCount: count, columnCount: inputSize)
      layer
    }
    let batches = (0..<batchCount).map { index in
      // Sentences of the same words in another order, so that packings differ.
      let packing = PackedSequence(
        lengths: (0..<lengths.count).map { lengths[($0 + index) % lengths.count] })
      let x = random.nextMatrix(count, inputSize)
      return LayerCase<Chain<WordOffset, L>>.Batch(
        input: WordRows(values: x, packing: packing), naive: DoubleMatrix(x), packing: packing,
        projection: random.nextMatrix(
          rowsAreSentences ? lengths.count : count, layer.outputSize))
    }
    return LayerCase(
      name: name, layer: chain,
      reference: {
        NaiveChain([NaiveOffset(rowCount: count, columnCount: inputSize), referenceOf(layer)])
      }, batches: batches)
  }

  /// Batches of symbols, some of them more than once.
  static func symbols<L: Layer>(
    _ name: String, _ layer: L, symbolCounts: [Int], rows: [Int] = [5, 1, 5], seed: UInt64 = 1,
    lengths: [Int]? = nil, _ reference: @escaping () -> any NaiveLayer
  ) -> LayerCase<L> where L.Input == Symbols {
    var random = Philox(seed: seed, stream: 97)
    let batches = rows.map { rows in
      let values = (0..<rows).flatMap { _ in
        symbolCounts.map { UInt32(random.nextInt(in: 0...($0 - 1))) }
      }
      let packing = lengths.map { PackedSequence(lengths: $0) }
      return LayerCase<L>.Batch(
        input: Symbols(
          values, rowCount: rows, positionCount: symbolCounts.count, packing: packing),
        naive: DoubleMatrix(
          rowCount: rows, columnCount: symbolCounts.count, elements: values.map(Double.init)),
        packing: packing, projection: random.nextMatrix(rows, layer.outputSize))
    }
    return LayerCase(name: name, layer: layer, reference: reference, batches: batches)
  }

  static func embedding(
    dropout: Float = 0, isVariational: Bool = false, lengths: [Int]? = nil
  ) -> LayerCase<Embedding> {
    var random = Philox(seed: 4)
    let layer = Embedding(
      tables: [
        .init("words", random.nextMatrix(7, 3)), .init("shapes", random.nextMatrix(4, 2)),
      ], positions: [0, 1, 1], dropout: DropoutRate(dropout), isVariational: isVariational)
    let rows = lengths.map { $0.reduce(0, +) } ?? 5
    return symbols(
      "Embedding", layer, symbolCounts: [7, 4, 4], rows: [rows, rows], lengths: lengths
    ) { NaiveEmbedding(layer) }
  }

  static func features(
    _ activation: FeatureSum.Activation, dropout: Float = 0, _ policy: SelectionPolicy? = nil,
    outputSize: Int = 11, seed: UInt64 = 1
  ) -> LayerCase<FeatureSum> {
    var random = Philox(seed: seed)
    var layer = FeatureSum(
      embeddings: random.nextMatrix(6, 4, scale: 0.5),
      weight: random.nextMatrix(3 * outputSize, 4, scale: 0.5),
      bias: random.nextMatrix(1, outputSize, scale: 0.3), activation: activation,
      dropout: DropoutRate(dropout))
    layer.selector.policy = policy
    return symbols("FeatureSum(\(activation))", layer, symbolCounts: [6, 6, 6], seed: seed) {
      NaiveFeatureSum(layer)
    }
  }

  /// Batches of rows that are mostly zeros; one row has no entries.
  static func sparse(
    _ activation: Activation, dropout: Float = 0, _ policy: SelectionPolicy? = nil,
    outputSize: Int = 11, seed: UInt64 = 1
  ) -> LayerCase<SparseLinear> {
    var random = Philox(seed: seed, stream: 96)
    let inputSize = 9
    let layer = SparseLinear(
      weight: random.nextMatrix(inputSize, outputSize, scale: 0.5),
      bias: random.nextMatrix(1, outputSize, scale: 0.3), activation: activation,
      dropout: DropoutRate(dropout), selection: policy)
    let batches = [5, 1, 5].map { rows in
      let entries: [[(column: Int, value: Float)]] = (0..<rows).map { row in
        if row == 3 { return [] }
        let first = random.nextInt(in: 0...3)
        return [(first, 1), (4 + random.nextInt(in: 0...2), 0.1 + random.nextUniform()), (8, 0.5)]
      }
      var dense = DoubleMatrix(rowCount: rows, columnCount: inputSize)
      for (row, entries) in entries.enumerated() {
        for entry in entries { dense[row, entry.column] = Double(entry.value) }
      }
      return LayerCase<SparseLinear>.Batch(
        input: SparseRows(columnCount: inputSize, entries), naive: dense,
        packing: nil, projection: random.nextMatrix(rows, outputSize))
    }
    return LayerCase(
      name: "SparseLinear(\(activation))", layer: layer,
      reference: { NaiveSparseLinear(layer) }, batches: batches)
  }
}
