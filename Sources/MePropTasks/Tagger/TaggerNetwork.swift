// The network of the tagger: embeddings, LSTM, a linear layer of logits.

import MePropCore
import MePropNN

/// The sizes of a tagger.
public struct TaggerShape: Sendable, Equatable, Codable {
  /// The numbers of a word's embedding.
  public var wordSize = 50
  /// The numbers of each feature's embedding.
  public var featureSize = 20
  /// The units of each LSTM layer and direction.
  public var hiddenSize = 500
  /// The LSTM layers.
  public var layerCount = 1
  /// Whether each layer has a second direction.
  public var isBidirectional = true

  /// Creates the paper's sizes.
  public init() {}

  /// The numbers of a word's input.
  public var inputSize: Int { wordSize + TaggerFeatures.count * featureSize }
}

/// The parameters of a tagger.
public struct TaggerNetwork: Sendable, Equatable {
  /// Embeddings of words, shape `[word count, wordSize]`.
  public var words: Matrix
  /// Embeddings of features, shape `[feature count, featureSize]`.
  public var features: Matrix
  /// The LSTM.
  public var lstm: LSTM
  /// From the LSTM's output, padding included, to a logit a tag.
  public var output: Linear

  /// Creates a network with initialized parameters.
  ///
  /// Embeddings are normal with deviation `embeddingScale` (1 in PyTorch); the LSTM and the output
  /// layer as PyTorch's.
  public init(
    shape: TaggerShape, wordCount: Int, featureCount: Int, tagCount: Int,
    embeddingScale: Float = 1, seed: UInt64
  ) {
    words = EmbeddingTrainer.makeTable(
      idCount: wordCount, size: shape.wordSize, scale: embeddingScale, seed: seed, stream: 0)
    features = EmbeddingTrainer.makeTable(
      idCount: featureCount, size: shape.featureSize, scale: embeddingScale, seed: seed, stream: 1)
    lstm = LSTM(
      inputSize: shape.inputSize, hiddenSize: shape.hiddenSize, layerCount: shape.layerCount,
      isBidirectional: shape.isBidirectional, seed: seed, firstStream: 3)
    let columns = lstm.outputColumns
    let plain = Initialization.uniformFanIn.makeLinear(
      inputSize: columns.count, outputSize: tagCount, seed: seed, layer: 2)
    output = Self.padding(plain, columns: columns, width: lstm.outputSize)
  }

  /// Creates a network from its parts, whose sizes must fit.
  public init(words: Matrix, features: Matrix, lstm: LSTM, output: Linear) {
    precondition(
      lstm.inputSize == words.columnCount + TaggerFeatures.count * features.columnCount
        && output.inputSize == lstm.outputSize,
      "TaggerNetwork: embeddings of \(words.columnCount) and \(features.columnCount), LSTM "
        + "\(lstm.inputSize) → \(lstm.outputSize), output layer of \(output.inputSize) inputs")
    self.words = words
    self.features = features
    self.lstm = lstm
    self.output = output
  }

  /// All parameters, in a fixed order.
  var parameters: [Matrix] {
    [words, features]
      + lstm.layers.flatMap { $0.flatMap { [$0.inputWeight, $0.recurrentWeight, $0.bias] } }
      + [output.weight, output.bias]
  }

  /// A network with other parameters of the same shapes, in the order of `parameters`.
  func replacing(parameters: [Matrix]) -> TaggerNetwork {
    var network = self
    var next = parameters.makeIterator()
    func take(_ matrix: inout Matrix) { matrix = next.next() ?? matrix }
    take(&network.words)
    take(&network.features)
    network.lstm = LSTM(
      layers: lstm.layers.map { directions in
        directions.map { weights in
          var weights = weights
          take(&weights.inputWeight)
          take(&weights.recurrentWeight)
          take(&weights.bias)
          return weights
        }
      })
    take(&network.output.weight)
    take(&network.output.bias)
    return network
  }

  /// A layer with inputs of zero weight where the LSTM's output has padding.
  static func padding(_ plain: Linear, columns: [Int], width: Int) -> Linear {
    var linear = Linear(inputSize: width, outputSize: plain.outputSize)
    linear.bias = plain.bias
    for row in 0..<plain.outputSize {
      for (index, column) in columns.enumerated() {
        linear.weight[row, column] = plain.weight[row, index]
      }
    }
    return linear
  }

  /// The output layer without inputs of padding.
  var unpaddedOutput: Linear {
    let columns = lstm.outputColumns
    var linear = Linear(inputSize: columns.count, outputSize: output.outputSize)
    linear.bias = output.bias
    for row in 0..<output.outputSize {
      for (index, column) in columns.enumerated() {
        linear.weight[row, index] = output.weight[row, column]
      }
    }
    return linear
  }

  /// The sizes.
  public var shape: TaggerShape {
    var shape = TaggerShape()
    shape.wordSize = words.columnCount
    shape.featureSize = features.columnCount
    shape.hiddenSize = lstm.hiddenSize
    shape.layerCount = lstm.layers.count
    shape.isBidirectional = lstm.isBidirectional
    return shape
  }
}

/// A batch of sentences with its packing, and where each of its words comes from.
struct TaggerBatch {
  private(set) var packing = SentencePacking(lengths: [])
  /// The place of the word at each position in the row of all words.
  private(set) var places: [Int] = []

  /// Takes sentences of `data`.
  init(_ sentences: [Int], of data: EncodedSentences) {
    packing = SentencePacking(lengths: sentences.map(data.length))
    places = Array(repeating: 0, count: packing.positionCount)
    for (sorted, index) in packing.order.enumerated() {
      let start = data.starts[sentences[index]]
      for word in 0..<packing.lengths[sorted] {
        places[packing.position(ofWord: word, inSorted: sorted)] = start + word
      }
    }
  }

  /// Puts the embeddings of all words side by side into `input`, shape `[positions, inputSize]`.
  func gather(
    _ data: EncodedSentences, words: Matrix, features: Matrix, into input: inout Matrix
  ) {
    input.setRowCount(places.count)
    let wordSize = words.columnCount
    let size = features.columnCount
    for (position, place) in places.enumerated() {
      input.withMutableRow(position) { row in
        words.withRow(Int(data.words[place])) { vector in
          for column in 0..<wordSize { row[column] = vector[column] }
        }
        for feature in 0..<TaggerFeatures.count {
          let start = wordSize + feature * size
          features.withRow(Int(data.features[place * TaggerFeatures.count + feature])) { vector in
            for column in 0..<size { row[start + column] = vector[column] }
          }
        }
      }
    }
  }
}
