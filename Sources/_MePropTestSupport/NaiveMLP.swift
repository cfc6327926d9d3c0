import MePropCore

/// A multilayer perceptron with softmax cross-entropy in double precision, forward and backward by
/// hand, with selection between the gradient at the pre-activations and the products.
public struct NaiveMLP: Sendable {
  /// The parameters of one layer.
  public struct Layer: Sendable {
    /// Shape `[outputSize, inputSize]`.
    public var weight: DoubleMatrix
    /// Shape `[outputSize]`.
    public var bias: [Double]

    /// Creates a layer.
    public init(weight: DoubleMatrix, bias: [Double]) {
      self.weight = weight
      self.bias = bias
    }
  }

  /// What forward leaves for backward.
  public struct Cache: Sendable {
    /// The input of each layer, and the logits last.
    public var activations: [DoubleMatrix]
    /// What each layer's activation is applied to.
    public var preActivations: [DoubleMatrix]
  }

  /// The gradient of one layer.
  public struct Gradient: Sendable {
    /// Shape `[outputSize, inputSize]`.
    public var weight: DoubleMatrix
    /// Shape `[outputSize]`.
    public var bias: [Double]
    /// What the products used: the masked gradient at the pre-activations.
    public var kept: DoubleMatrix
    /// The gradient at the pre-activations, memory included.
    public var full: DoubleMatrix
  }

  /// The layers from the input on.
  public var layers: [Layer]
  /// What follows each layer but the last.
  public var activation: Activation

  /// Creates a network.
  public init(layers: [Layer], activation: Activation) {
    self.layers = layers
    self.activation = activation
  }

  /// Computes the logits.
  ///
  /// - Parameters:
  ///   - input: Shape `[batchSize, inputSize]`.
  ///   - factors: Of dropout, for each layer but the last; empty: none.
  /// - Returns: What backward needs; the logits are the last of its activations.
  public func forward(_ input: DoubleMatrix, dropout factors: [DoubleMatrix] = []) -> Cache {
    var cache = Cache(activations: [input], preActivations: [])
    for (index, layer) in layers.enumerated() {
      let last = index == layers.count - 1
      var y = NaiveReference.multiply(cache.activations[index], byTransposeOf: layer.weight)
      for row in 0..<y.rowCount {
        for column in 0..<y.columnCount { y[row, column] += layer.bias[column] }
      }
      cache.preActivations.append(y)
      var output = last ? y : y.map { NaiveReference.activate($0, activation) }
      if !last, !factors.isEmpty {
        for entry in output.elements.indices {
          output.elements[entry] *= factors[index].elements[entry]
        }
      }
      cache.activations.append(output)
    }
    return cache
  }

  /// The mean cross-entropy of a batch.
  public func loss(_ input: DoubleMatrix, labels: [Int32]) -> Double {
    let cache = forward(input)
    let logits = cache.activations[layers.count]
    let losses = (0..<input.rowCount).map {
      NaiveReference.crossEntropy(logits.row($0), label: Int(labels[$0]))
    }
    return losses.reduce(0, +) / Double(input.rowCount)
  }

  /// Computes the gradients of the mean cross-entropy.
  ///
  /// - Parameters:
  ///   - cache: What forward left.
  ///   - labels: The classes.
  ///   - factors: Of dropout, as in forward.
  ///   - memory: β · m of each layer, added to d; empty: none.
  ///   - select: Which outputs each example of a layer keeps of d; `nil`: all.
  /// - Returns: The gradient of each layer, from the input on.
  public func backward(
    _ cache: Cache, labels: [Int32], dropout factors: [DoubleMatrix] = [],
    memory: [[Double]] = [], select: (_ layer: Int, _ d: DoubleMatrix) -> [[Int]]? = { _, _ in nil }
  ) -> [Gradient] {
    var result: [Gradient] = []
    var incoming = NaiveReference.crossEntropyGradient(
      cache.activations[layers.count], labels: labels)
    for index in layers.indices.reversed() {
      var d = incoming
      if index < layers.count - 1 {
        for entry in d.elements.indices {
          d.elements[entry] *= NaiveReference.derivative(
            at: cache.preActivations[index].elements[entry], activation)
          if !factors.isEmpty { d.elements[entry] *= factors[index].elements[entry] }
        }
      }
      if !memory.isEmpty {
        for entry in d.elements.indices {
          d.elements[entry] += memory[index][entry % d.columnCount]
        }
      }
      let s = select(index, d).map { NaiveReference.masked(d, keeping: $0) } ?? d
      incoming = NaiveReference.multiply(s, by: layers[index].weight)
      result.append(
        Gradient(
          weight: NaiveReference.multiplyTranspose(of: s, by: cache.activations[index]),
          bias: d.columnSums(), kept: s, full: d))
    }
    return result.reversed()
  }
}
