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
  /// The units of each LSTM layer and direction, where they are not the same; `nil`: `hiddenSize`
  /// each.
  public var hiddenSizes: [Int]?
  /// The LSTM layers.
  public var layerCount = 1
  /// Whether each layer has a second direction.
  public var isBidirectional = true

  /// Creates the paper's sizes.
  public init() {}

  /// The units of a layer and direction.
  func width(ofLayer layer: Int) -> Int {
    hiddenSizes.flatMap { layer < $0.count ? $0[layer] : nil } ?? hiddenSize
  }

  /// The units of each layer and direction.
  var widths: [Int] { (0..<layerCount).map(width) }

  /// Sets the units of each layer and direction; one number is for all layers.
  mutating func setWidths(_ widths: [Int]) {
    hiddenSize = widths[0]
    hiddenSizes = widths.allSatisfy { $0 == widths[0] } ? nil : widths
  }

  /// The numbers of a word's input.
  public var inputSize: Int { wordSize + TaggerFeatures.count * featureSize }
}

/// A tagger: the embeddings of a word and its features side by side, LSTM layers, a logit a tag.
///
/// Parameters are `embeddings.words`, `embeddings.features`, `lstm.0.forward.inputWeight`, …,
/// `output.weight` and `output.bias`.
public typealias TaggerNetwork = Chain<Chain<Named<Embedding>, Named<Stack<LSTM>>>, Named<Linear>>

extension TaggerNetwork {
  /// Creates a network with initialized parameters.
  ///
  /// Embeddings are normal with deviation `embeddingScale` (1 in PyTorch); the LSTM and the output
  /// layer as PyTorch's.
  ///
  /// - Parameters:
  ///   - shape: The sizes.
  ///   - wordCount: The number of words, the unknown one included.
  ///   - featureCount: The number of features, the unknown one included.
  ///   - tagCount: The number of tags.
  ///   - embeddingScale: The deviation of embeddings at the start.
  ///   - dropout: The share of inputs, and of outputs of each LSTM layer, dropped in training.
  ///   - isVariational: Whether the same are dropped at all words of a sentence, and of states too.
  ///   - precision: What the products of the LSTM's forward pass read.
  ///   - seed: Of the random numbers.
  init(
    shape: TaggerShape, wordCount: Int, featureCount: Int, tagCount: Int,
    embeddingScale: Float = 1, dropout: Float = 0, isVariational: Bool = false,
    precision: Precision = .int8, seed: UInt64
  ) {
    func table(_ name: String, _ count: Int, _ size: Int, _ stream: Int) -> Embedding.Table {
      Embedding.Table(
        name,
        Embedding.makeTable(
          symbolCount: count, size: size, scale: embeddingScale, seed: seed, stream: stream))
    }
    let layerCount = shape.layerCount
    func rate(_ place: Int) -> DropoutRate {
      DropoutRate(dropout, site: RandomSite(offset: place, stride: 4 * layerCount + 2))
    }
    let embedding = Embedding(
      tables: [
        table("words", wordCount, shape.wordSize, 0),
        table("features", featureCount, shape.featureSize, 1),
      ], positions: [0] + Array(repeating: 1, count: TaggerFeatures.count), dropout: rate(0),
      isVariational: isVariational)
    let directions = shape.isBidirectional ? 2 : 1
    func block(_ layer: Int) -> Parameter.Padding.Block {
      let width = shape.width(ofLayer: layer)
      return Parameter.Padding.Block(size: width, paddedSize: LSTM.paddedSize(width))
    }
    let layers = (0..<layerCount).map { index in
      var layer = LSTM(
        index == 0 ? shape.inputSize : directions * shape.width(ofLayer: index - 1),
        shape.width(ofLayer: index), isBidirectional: shape.isBidirectional,
        inputPadding: index == 0 ? nil : block(index - 1),
        precision: precision, dropout: rate(1 + index), isVariational: isVariational, seed: seed,
        firstStream: 3 + index * 2)
      for direction in layer.directions.indices {
        layer.directions[direction].stateDropout.site =
          rate(1 + layerCount + 2 * index + direction).site
        layer.directions[direction].selector.site = RandomSite(
          offset: 2 * index, stride: 2 * layerCount)
      }
      return layer
    }
    let plain = Initialization.uniformFanIn.makeLinear(
      inputSize: directions * shape.width(ofLayer: layerCount - 1), outputSize: tagCount,
      seed: seed, layer: 2)
    let output = Linear(
      weight: plain.weight.paddingColumns(block(layerCount - 1)), bias: plain.bias,
      skipsZeros: false)
    self = Chain {
      embedding.named("embeddings")
      Stack(layers).named("lstm")
      output.named("output")
    }
  }

  /// Embeddings of words and of their features.
  var embedding: Embedding {
    get { first.first.inner }
    set { first.first.inner = newValue }
  }
  /// The LSTM layers.
  var lstm: [LSTM] {
    get { first.second.inner.layers }
    set { first.second.inner.layers = newValue }
  }

  /// The same network whose LSTM computes in `precision`.
  func computing(in precision: Precision) -> Self {
    var network = self
    for index in network.lstm.indices { network.lstm[index].precision = precision }
    return network
  }
}

/// A batch of sentences with its packing, and where each of its words comes from.
struct TaggerBatch {
  /// The numbers of the sentences.
  let sentences: [Int]
  private(set) var packing = PackedSequence(lengths: [])
  /// The place of the word at each position in the row of all words.
  private(set) var places: [Int] = []

  /// Takes sentences of `data`.
  init(_ sentences: [Int], of data: EncodedSentences) {
    self.sentences = sentences
    packing = PackedSequence(lengths: sentences.map(data.length))
    places = Array(repeating: 0, count: packing.positionCount)
    for (sorted, index) in packing.order.enumerated() {
      let start = data.starts[sentences[index]]
      for word in 0..<packing.lengths[sorted] {
        places[packing.position(ofWord: word, inSorted: sorted)] = start + word
      }
    }
  }

  /// Room for the symbols of batches: of a word and its features.
  static func makeSymbols() -> Symbols {
    Symbols([], rowCount: 0, positionCount: 1 + TaggerFeatures.count)
  }

  /// Puts the words of the batch and their features into `symbols`.
  func gather(_ data: EncodedSentences, into symbols: inout Symbols) {
    let width = symbols.positionCount
    symbols.packing = packing
    symbols.rowCount = places.count
    if symbols.values.count < places.count * width {
      symbols.values = Array(repeating: 0, count: places.count * width)
    }
    symbols.values.withUnsafeMutableBufferPointer { values in
      for (position, place) in places.enumerated() {
        values[position * width] = data.words[place]
        for feature in 1..<width {
          values[position * width + feature] =
            data.features[place * TaggerFeatures.count + feature - 1]
        }
      }
    }
  }
}
