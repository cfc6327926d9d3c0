import MePropCore

/// The parameters of a first layer whose input is a row of embeddings: `y = Σₚ W[p] E[f[p]] + b` for symbols f.
///
/// The same as a ``Linear`` layer on the embeddings side by side, `[E[f[0]], E[f[1]], …]`, but written as a sum over
/// positions, because what a symbol adds at a position does not depend on the rest of the example (Chen and Manning,
/// 2014, section 3.2).
public struct FeatureLayer: Sendable, Equatable {
  /// E, shape `[symbolCount, size]`.
  public var embeddings: Matrix
  /// W, shape `[positionCount · outputSize, size]`; row `p · outputSize + r` is of output r at position p.
  public var weight: Matrix
  /// b, shape `[1, outputSize]`.
  public var bias: Matrix

  /// Creates a layer with initialized parameters: embeddings uniform within ±`embeddingScale`, weights as a linear
  /// layer of `positionCount · size` inputs would start.
  ///
  /// - Parameters:
  ///   - symbolCount: The number of symbols, at least 1.
  ///   - size: The numbers of an embedding, in 1 ... `ComputeContext.maximumEmbeddingSize`.
  ///   - positionCount: The symbols of an example, at least 1.
  ///   - outputSize: The number of outputs, at least 1.
  ///   - embeddingScale: Above 0.
  ///   - initialization: How weights start.
  ///   - seed: Of the random numbers; sequences `firstStream` and the one after it.
  ///   - firstStream: Must not be used by another layer of the seed.
  public init(
    symbolCount: Int, size: Int, positionCount: Int, outputSize: Int, embeddingScale: Float,
    initialization: Initialization, seed: UInt64, firstStream: Int
  ) {
    precondition(
      symbolCount >= 1 && positionCount >= 1 && outputSize >= 1
        && (1...ComputeContext.maximumEmbeddingSize).contains(size),
      "FeatureLayer: \(positionCount) positions of \(symbolCount) symbols of \(size) numbers, "
        + "\(outputSize) outputs")
    var random = Philox(seed: seed, stream: RandomPurpose.initialization.stream(firstStream))
    var embeddings = Matrix(rowCount: symbolCount, columnCount: size)
    for row in 0..<symbolCount {
      embeddings.withMutableRow(row) { values in
        for column in values.indices {
          values[column] = embeddingScale * (2 * random.nextUniform() - 1)
        }
      }
    }
    let linear = initialization.makeLinear(
      inputSize: positionCount * size, outputSize: outputSize, seed: seed, layer: firstStream + 1)
    self.init(embeddings: embeddings, linear: linear, positionCount: positionCount)
  }

  /// Creates the layer that does the same as `linear` to `positionCount` embeddings side by side.
  public init(embeddings: Matrix, linear: Linear, positionCount: Int) {
    let size = embeddings.columnCount
    precondition(
      linear.inputSize == positionCount * size,
      "FeatureLayer: \(positionCount) embeddings of \(size) before a layer of "
        + "\(linear.inputSize) inputs")
    let outputSize = linear.outputSize
    var weight = Matrix(rowCount: positionCount * outputSize, columnCount: size)
    for output in 0..<outputSize {
      linear.weight.withRow(output) { source in
        for position in 0..<positionCount {
          weight.withMutableRow(position * outputSize + output) { target in
            for column in 0..<size { target[column] = source[position * size + column] }
          }
        }
      }
    }
    self.init(embeddings: embeddings, weight: weight, bias: linear.bias)
  }

  /// Creates a layer from its parameters, whose sizes must fit.
  public init(embeddings: Matrix, weight: Matrix, bias: Matrix) {
    precondition(
      bias.rowCount == 1 && bias.columnCount >= 1
        && weight.rowCount % bias.columnCount == 0 && weight.columnCount == embeddings.columnCount,
      "FeatureLayer: embeddings [\(embeddings.rowCount), \(embeddings.columnCount)], weight "
        + "[\(weight.rowCount), \(weight.columnCount)], bias [\(bias.rowCount), "
        + "\(bias.columnCount)]")
    self.embeddings = embeddings
    self.weight = weight
    self.bias = bias
  }

  /// The number of symbols.
  public var symbolCount: Int { embeddings.rowCount }
  /// The numbers of an embedding.
  public var embeddingSize: Int { embeddings.columnCount }
  /// The number of outputs.
  public var outputSize: Int { bias.columnCount }
  /// The number of symbols of an example.
  public var positionCount: Int { weight.rowCount / outputSize }

  /// The layer that does the same to the embeddings side by side: weights `[outputSize, positionCount · size]`.
  public var linear: Linear {
    var linear = Linear(inputSize: positionCount * embeddingSize, outputSize: outputSize)
    linear.bias = bias
    for output in 0..<outputSize {
      linear.weight.withMutableRow(output) { target in
        for position in 0..<positionCount {
          weight.withRow(position * outputSize + output) { source in
            for column in source.indices {
              target[position * embeddingSize + column] = source[column]
            }
          }
        }
      }
    }
    return linear
  }
}

/// What follows a feature layer.
public enum FeatureActivation: String, Sendable, CaseIterable {
  /// max(y, 0).
  case relu
  /// y³ (Chen and Manning, 2014): products of three features.
  case cube
  /// tanh y.
  case tanh
}
